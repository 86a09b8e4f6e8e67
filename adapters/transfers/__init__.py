"""Transfers: the index in PostgreSQL, the traces over it, ledgers in files."""
