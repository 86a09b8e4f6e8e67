"""Notices: their words, the companies that carry them, and the deliverer beside the worker."""
