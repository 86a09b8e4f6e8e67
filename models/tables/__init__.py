"""SQLAlchemy tables. Only adapters import this package."""
