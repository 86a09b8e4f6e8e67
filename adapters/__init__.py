"""The outside: databases, the wallet, files."""
