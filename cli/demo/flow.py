"""The way the stolen money took: by hop, and by where it left."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from models.contracts.transfers import AccountKind
from models.names import StepKind

if TYPE_CHECKING:
    from rich.console import Console

    from settings import Settings
    from tracing.edges import Edge

WIDTH: Final = 16
"""Characters of the longest bar: the table fits into eighty columns."""


def last_trace(steps: Iterable[Mapping[str, Any]], currency: str) -> str | None:
    """The id of the last trace in this currency among recorded steps."""
    found = None
    for step in steps:
        summary = (step.get("result") or {}).get("summary") if step["kind"] == StepKind.TRACE else None
        if summary and summary["currency"] == currency:
            found = str(summary["trace_id"])
    return found


def flow_of(trace_id: str, configured: Settings) -> list[dict[str, Any]]:
    """By hop: transfers, accounts that received, the amount carried, and what left the wallet there by kind of exit."""
    return by_hop(asyncio.run(_edges(trace_id, configured)))


def by_hop(edges: Sequence[Edge]) -> list[dict[str, Any]]:
    """The same from edges at hand. Minor units."""
    hops: dict[int, list[Edge]] = {}
    for edge in edges:
        hops.setdefault(edge.hop, []).append(edge)
    told = []
    for hop, carried in sorted(hops.items()):
        left: dict[str, int] = {}
        for edge in carried:
            if AccountKind(edge.dst_kind).is_exit:
                left[edge.dst_kind] = left.get(edge.dst_kind, 0) + edge.amount
        told.append(
            {
                "hop": hop,
                "transfers": len({edge.transfer_id for edge in carried}),
                "accounts": len({edge.dst for edge in carried}),
                "amount": sum(edge.amount for edge in carried),
                "left_wallet": dict(sorted(left.items())),
            }
        )
    return told


def show_flow(console: Console, flow: Sequence[Mapping[str, Any]], currency: str) -> None:
    """One bar for each hop, as long as the money carried; its red end left the wallet there."""
    from rich.table import Table

    from models.money import sum_of_money

    if not flow:
        return
    table = Table("the money's way", "", "carried", "", "left the wallet there", box=None, pad_edge=False)
    for column in (1, 2):
        table.columns[column].justify = "right"
    for column in (0, 1, 2, 3):
        table.columns[column].no_wrap = True
    most = max(hop["amount"] for hop in flow)
    for hop in flow:
        gone = sum(hop["left_wallet"].values())
        full = max(1, hop["amount"] * WIDTH // most)
        red = min(full, -(-gone * WIDTH // most))
        left = [f"{kind} {sum_of_money(amount, currency)}" for kind, amount in hop["left_wallet"].items()]
        table.add_row(
            "theft" if hop["hop"] == 0 else f"hop {hop['hop']}",
            f"{hop['transfers']} transfer{'s' if hop['transfers'] > 1 else ''}",
            sum_of_money(hop["amount"], currency),
            f"[cyan]{'█' * (full - red)}[/][red]{'█' * red}[/]",
            ", ".join(left),
        )
    console.print(table)


async def _edges(trace_id: str, configured: Settings) -> list[Edge]:
    from adapters.wiring import Wiring

    wiring = Wiring(configured)
    try:
        return await wiring.traces.edges(trace_id)
    finally:
        await wiring.close()
