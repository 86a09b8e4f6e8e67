"""How people and programs come in: one FastAPI application. No business rules live here."""
