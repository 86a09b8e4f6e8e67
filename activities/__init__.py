"""Recorded, idempotent steps: everything that has an effect, or reads the outside, happens here."""
