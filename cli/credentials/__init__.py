"""`stanch credential ...`: every verb is one or two requests to the gateway."""
