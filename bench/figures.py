"""Figures out of measurements."""

from __future__ import annotations

from collections.abc import Sequence


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * share // 1).__int__() - 1))]


def summary(milliseconds: Sequence[float]) -> dict[str, float]:
    """Count, p50, p95 and the largest, in milliseconds."""
    return {
        "count": len(milliseconds),
        "p50_ms": round(quantile(milliseconds, 0.5), 2),
        "p95_ms": round(quantile(milliseconds, 0.95), 2),
        "max_ms": round(max(milliseconds), 2),
    }
