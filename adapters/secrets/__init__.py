"""Keys: one data key per incident, wrapped by the master key."""
