"""The digest that fixes every edge of a trace.

SHA-256 over one UTF-8 line per edge, `seq|src|dst|src_lo|src_hi|dst_lo|hop`, each ended by a newline, sorted by seq and
src_lo. Anyone who has the carried rows can recompute it.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from tracing.edges import Edge


def digest(edges: Iterable[Edge]) -> str:
    """Hex digest of edges that come in canonical order (tracing.edges.in_order)."""
    running = sha256()
    for edge in edges:
        running.update(canonical_line(edge).encode())
    return running.hexdigest()


def canonical_line(edge: Edge) -> str:
    """The line of one edge, newline included."""
    return f"{edge.seq}|{edge.src}|{edge.dst}|{edge.src_lo}|{edge.src_hi}|{edge.dst_lo}|{edge.hop}\n"
