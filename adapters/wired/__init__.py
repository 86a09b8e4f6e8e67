"""The parts of the wiring, by what they are for."""
