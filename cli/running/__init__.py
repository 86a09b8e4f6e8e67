"""Bringing up the product's processes, for `up` and `demo` alike."""
