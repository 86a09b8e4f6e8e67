"""Messages, tables, names, identifiers, errors and the lifecycle: what every other part speaks."""
