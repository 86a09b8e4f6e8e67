"""Whether clocks agree: an alarm's lateness, a code's expiry and a freeze's order are read from three of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from cli.doctor.findings import Finding, State, good

TOLERATED: Final = timedelta(seconds=2)


def clock_finding(
    name: str, theirs: datetime, asked: datetime, took: timedelta, coarseness: timedelta
) -> Finding:
    """Compare a clock with ours; it was read somewhere within `took` after `asked`, to `coarseness`."""
    behind = asked - (theirs + coarseness)
    ahead = theirs - (asked + took)
    off = max(behind, ahead, timedelta(0))
    if off <= TOLERATED:
        return good(
            name, f"agrees with this machine's (to {_seconds(max(took, coarseness))} s)", needed=False
        )
    way = "behind" if behind > ahead else "ahead of"
    return Finding(
        name=name,
        state=State.BAD,
        seen=f"{_seconds(off)} s {way} this machine's",
        advice="Synchronise both (NTP): lateness, expiry and order are read from them.",
        needed=False,
    )


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():.3f}"
