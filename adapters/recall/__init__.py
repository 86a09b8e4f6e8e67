"""Recalls at other institutions: what is sent, how it gets there, and how answers are read (docs/recalls.md)."""
