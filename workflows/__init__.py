"""What must happen and in which order. Deterministic; no I/O; only activities have effects."""
