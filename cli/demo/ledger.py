"""An outside ledger: into the sandbox, and the alarm about what was stolen in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from models.ids import new_id
from models.names import AlarmKind

if TYPE_CHECKING:
    from cli.demo.request import LedgerCase
    from cli.output import Output


def lines_of(case: LedgerCase) -> Iterator[dict[str, Any]]:
    """The ledger as the sandbox takes it: accounts, then transfers in posting order."""
    for opening in case.ledger.openings:
        yield {
            "account": {
                "id": opening.account_id,
                "kind": opening.kind.value,
                "currency": opening.currency,
                "opening": opening.amount,
                "inferred": opening.inferred,
            }
        }
    for transfer in case.ledger.transfers:
        yield {
            "transfer": {
                "transfer_id": transfer.transfer_id,
                "src": transfer.src,
                "dst": transfer.dst,
                "src_kind": transfer.src_kind.value,
                "dst_kind": transfer.dst_kind.value,
                "amount": transfer.amount,
                "currency": transfer.currency,
                "posted_at": transfer.posted_at.isoformat(),
            }
        }


def alarm_of(case: LedgerCase, source: str) -> dict[str, Any]:
    """The alarm that a detector would have raised: all thefts, not trusted since just before the first."""
    return {
        "source": source,
        "id": new_id(),
        "account_id": case.victim,
        "occurred_at": case.thefts[-1].posted_at.isoformat(),
        "compromised_since": case.compromised_since.isoformat(),
        "stolen_transfers": [theft.transfer_id for theft in case.thefts],
        "kind": AlarmKind.TRIGGER.value,
        "detail": "Named on the command line of the demo.",
    }


def tell_reading(case: LedgerCase, output: Output) -> None:
    """What was left out and why (stderr), how times were read, and what had to be inferred."""
    ledger = case.ledger
    for refused in ledger.refused:
        output.warn(f"row refused: {refused}")
    if ledger.refused:
        output.warn(f"{len(ledger.refused)} rows were refused; the others were taken.")
    output.say(f"{len(ledger.transfers)} transfers, {len(ledger.openings)} accounts. {ledger.mapping}")
    output.say(
        f"Opening money inferred for {ledger.inferred_count} accounts, {ledger.inferred_amount} minor units in all: the least "
        "with which no account ever goes negative."
    )
    output.say(
        f"Stolen from {case.victim}: {len(case.thefts)} transfers, {sum(theft.amount for theft in case.thefts)} minor units; "
        f"not to be trusted since {case.compromised_since.isoformat()}."
    )
