"""Evidence packs: what somebody needs who wants to recompute a trace without us. Pure: parts in, parts out."""
