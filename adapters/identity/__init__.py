"""Factors that are checked against something outside: passkeys, and documents at a provider."""
