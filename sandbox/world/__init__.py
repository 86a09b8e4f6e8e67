"""Making worlds: a seeded one of our own, or one from somebody else's transfers."""
