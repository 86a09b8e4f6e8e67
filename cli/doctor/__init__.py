"""`stanch doctor`: each thing the product needs, what was seen of it, and what to do about it."""
