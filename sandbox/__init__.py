"""A wallet company in a box behind HTTP: accounts, transfers, a thief, faults on demand. Imports nothing of Stanch."""
