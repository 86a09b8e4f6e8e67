"""`stanch trace ...`: traces as people and programs see them."""
