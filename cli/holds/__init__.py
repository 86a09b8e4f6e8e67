"""Holds and the account by remedy, at the command line."""
