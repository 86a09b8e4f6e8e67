"""`stanch demo`: one stolen account, end to end, on real components."""
