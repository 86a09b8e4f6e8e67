"""Whether the document `stanch demo --json` printed tells the whole story, and a good one.

Usage: assert_demo.py FILE. Prints one line and exits 0, or names everything that is wrong and exits 1.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FIELDS: dict[str, type | tuple[type, ...]] = {
    "incident_id": str,
    "account_id": str,
    "outcome": str,
    "time_to_freeze_ms": dict,
    "money": dict,
    "identity": dict,
    "security_items": dict,
    "security": dict,
    "stages": list,
    "refreezes": int,
    "steps": dict,
    "audit": dict,
    "inferred_openings": dict,
    "clock": (str, dict),
    "wall_s": (int, float),
}
PLACES = ("held", "exited", "pooled", "returned", "pruned")
MONEY = ("stolen", *PLACES, "refused_after_freeze")
ITEMS = {
    "password", "sessions", "refresh_tokens", "devices", "factors", "contacts",
    "api_keys", "payees", "mandates", "cards", "limits", "forwarding",
}  # fmt: skip


def faults(story: dict[str, Any]) -> Iterator[str]:
    """What is wrong with it, one sentence each."""
    for name, kind in FIELDS.items():
        if not isinstance(story.get(name), kind):
            yield f"{name} is missing or no {kind}: {story.get(name)!r}"
            return
    if story["outcome"] != "restored":
        yield f"the outcome is {story['outcome']!r}"
    freeze = story["time_to_freeze_ms"]
    if not 0 < freeze["wallet_ack"] <= freeze["committed"]:
        yield f"the freeze was committed before the wallet acknowledged it, or never: {freeze}"
    yield from money_faults(story["money"])
    if story["identity"]["verified"] is not True or len(set(story["identity"]["factors"])) < 2:
        yield f"the owner did not prove two different factors: {story['identity']}"
    receipts = story["security_items"]
    if set(receipts) != ITEMS or not all(receipts.values()) or len(set(receipts.values())) != len(ITEMS):
        yield f"not every security item has a receipt of its own: {receipts}"
    security = story["security"]
    if security.get("payments_found", 1) or security.get("payments_stopped", 0) < 3:
        yield f"not every payment that the thief left in flight was stopped: {security}"
    if len(story["stages"]) < 3:
        yield f"the account came back in fewer than three stages: {story['stages']}"
    steps = story["steps"]
    if steps["total"] != sum(steps["by_kind"].values()) or steps["total"] <= len(ITEMS):
        yield f"the steps do not add up: {steps}"
    if story["audit"]["replay_ok"] is not True or story["audit"]["steps_match_history"] is not True:
        yield f"the audit found something: {story['audit']}"


def money_faults(money: dict[str, Any]) -> Iterator[str]:
    """Every stolen unit lies in exactly one place, and the freeze refused something."""
    if not isinstance(money.get("currency"), str) or not all(type(money.get(name)) is int for name in MONEY):
        yield f"money is not all there in minor units of one currency: {money}"
        return
    if money["stolen"] <= 0 or min(money[name] for name in MONEY) < 0:
        yield f"money is negative, or nothing was stolen: {money}"
    if money["stolen"] != sum(money[place] for place in PLACES):
        yield f"the places do not add up to what was stolen: {money}"
    if money["refused_after_freeze"] < 1:
        yield "no attempt of the thief was refused after the freeze: the freeze is not proven"


def main() -> int:
    """Check the file named on the command line."""
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    try:
        story = json.loads(text)
        found = list(faults(story))
    except (ValueError, KeyError, TypeError) as error:
        print(f"demo: not the document that was promised ({type(error).__name__}: {error})")
        return 1
    for fault in found:
        print(f"demo: {fault}")
    if not found:
        print(
            f"demo: all as promised in {story['wall_s']} s, frozen after {story['time_to_freeze_ms']['committed']} ms"
        )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
