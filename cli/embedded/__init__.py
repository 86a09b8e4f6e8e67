"""The servers that come in wheels: PostgreSQL and the Temporal dev server, run as children of the command line."""
