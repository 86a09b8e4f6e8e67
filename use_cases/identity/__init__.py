"""How a claimant shows who they are, and what people of the house may do about it."""
