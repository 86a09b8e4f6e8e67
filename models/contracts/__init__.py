"""Frozen messages that cross a boundary: HTTP, Temporal, files."""
