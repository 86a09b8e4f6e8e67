"""How people and programs come in: one FastAPI application without business rules."""
