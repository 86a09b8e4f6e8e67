"""The tamper-evident record of all steps: Merkle log, proofs, comparison. Pure, no I/O."""
