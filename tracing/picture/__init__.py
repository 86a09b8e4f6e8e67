"""The picture of a trace: who passed the stolen money on to whom, and where it is now. Pure: numbers in, text out."""
