"""Recalls in a terminal."""
