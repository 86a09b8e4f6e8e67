"""Alerts to staff: their targets, and what delivers them beside the worker."""
