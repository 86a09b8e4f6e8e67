"""The sandbox's own controls under /sandbox: worlds, faults, records. No wallet would have them."""
