"""Temporal: client, payload encryption, hand-over and relay, worker, replay."""
