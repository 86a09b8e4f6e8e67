"""PostgreSQL: every record and every decision that must be one."""
