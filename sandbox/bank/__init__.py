"""The institutions behind the exits: they are asked for money back, and answer as they please."""
