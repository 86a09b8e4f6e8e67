"""Evidence packs as files: written whole, read with suspicion, recomputed in SQLite."""
