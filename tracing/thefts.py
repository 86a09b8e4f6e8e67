"""What may be traced together: thefts of one victim, in one currency, that are all posted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from models.errors import ErrorCode, StanchError


class Theft(Protocol):
    """What of a posted transfer matters here."""

    @property
    def transfer_id(self) -> str: ...

    @property
    def seq(self) -> int: ...

    @property
    def src(self) -> str: ...

    @property
    def dst(self) -> str: ...

    @property
    def currency(self) -> str: ...


def victim_of(
    asked: Sequence[str],
    found: Iterable[Theft],
    *,
    upto_seq: int,
    currency: str | None = None,
    still_thefts: bool = False,
) -> str:
    """The account all thefts left. Nothing is traced when they do not belong together.

    Errors: THEFT_UNKNOWN when one is not posted up to `upto_seq`, or none is named; THEFT_NOT_VICTIMS when they left
    different accounts, or one left none: it went to its own payer (unless `still_thefts`, as old evidence packs may have
    them); CURRENCY_MIXED when they are in several currencies, or not in `currency`.
    """
    posted = {theft.transfer_id: theft for theft in found if theft.seq <= upto_seq}
    missing = [transfer_id for transfer_id in asked if transfer_id not in posted]
    if missing or not asked:
        what = (
            f"transfer {missing[0]} is not among postings 1 to {upto_seq}"
            if missing
            else "no theft was named"
        )
        raise StanchError(
            ErrorCode.THEFT_UNKNOWN, f"Nothing was traced: {what}. Check the ids of the thefts."
        )
    thefts = [posted[transfer_id] for transfer_id in asked]
    first = thefts[0]
    for theft in thefts:
        if theft.src != first.src:
            raise StanchError(
                ErrorCode.THEFT_NOT_VICTIMS,
                f"Nothing was traced: theft {theft.transfer_id} left account {theft.src}, theft {first.transfer_id} "
                f"left account {first.src}. Trace each victim by itself.",
            )
        if theft.dst == theft.src and not still_thefts:
            raise StanchError(
                ErrorCode.THEFT_NOT_VICTIMS,
                f"Nothing was traced: theft {theft.transfer_id} went from account {theft.src} to itself, so nothing left the "
                "victim by it. Leave it out, or check its id.",
            )
        if theft.currency != (currency or first.currency):
            raise StanchError(
                ErrorCode.CURRENCY_MIXED,
                f"Nothing was traced: theft {theft.transfer_id} is in {theft.currency}, this trace is in "
                f"{currency or first.currency}. Trace each currency by itself.",
            )
    return first.src
