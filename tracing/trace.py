"""The library call: one trace by one rule over any ledger, and the same by every rule beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

from models.contracts.transfers import AccountKind, Flow
from tracing.digest import digest
from tracing.edges import Edge
from tracing.places import Place
from tracing.ports import Ledger
from tracing.pruning import prune
from tracing.result import Carried, Limits, Pruned, PruneReason, Resting, Trace
from tracing.rules import Rule
from tracing.sweep import Sweep
from tracing.thefts import victim_of

ROWS_AT_ONCE = 512
"""Payments of one account read at a time: most are tainted for a few only, and a hub is read in pages."""


def trace(
    ledger: Ledger,
    *,
    rule: Rule,
    thefts: Sequence[str],
    currency: str,
    upto_seq: int,
    limits: Limits | None = None,
    still_thefts: bool = False,
) -> Trace:
    """Follow the stolen transfers by `rule`, up to and including posting `upto_seq`.

    A theft is stolen whole. Money is followed through wallet accounts; exits, pooling accounts and the victim keep what
    they get. Amounts are minor units of `currency`. Errors: THEFT_UNKNOWN, THEFT_NOT_VICTIMS, CURRENCY_MIXED; nothing was
    traced then (`still_thefts`: tracing.thefts). ArithmeticError when the places do not sum to what was stolen: such a trace is never given.
    """
    asked = tuple(dict.fromkeys(thefts))
    victim = victim_of(
        asked, ledger.transfers(asked), upto_seq=upto_seq, currency=currency, still_thefts=still_thefts
    )
    wanted = limits or Limits()
    if rule is Rule.FIFO:
        edges = ledger.fifo_edges(thefts=asked, victim=victim, currency=currency, upto_seq=upto_seq)
        return by_units(
            edges, victim=victim, currency=currency, thefts=asked, upto_seq=upto_seq, limits=wanted
        )
    stolen = ledger.outflows_named(asked, currency)
    first = min((row.seq for row in stolen), default=upto_seq)
    sweep = Sweep(
        rule,
        thefts=stolen,
        victim=victim,
        upto_seq=upto_seq,
        limits=wanted,
        given_back=ledger.given_back(currency, first, upto_seq),
        holds=ledger.hold_changes(currency, upto_seq),
    )
    sweep.advance()
    while not sweep.done:
        for account_id, after in sweep.needs().items():
            rows = ledger.outflows(account_id, currency, after, upto_seq, ROWS_AT_ONCE)
            sweep.feed(account_id, rows, exhausted=len(rows) < ROWS_AT_ONCE)
    return by_sums(
        sweep, rule=rule, victim=victim, currency=currency, thefts=asked, upto_seq=upto_seq, limits=wanted
    )


def ranges(
    ledger: Ledger,
    *,
    thefts: Sequence[str],
    currency: str,
    upto_seq: int,
    limits: Limits | None = None,
) -> dict[Rule, Flow]:
    """Totals by every conserving rule: the honest error bar beside the one rule that counts. Errors: as `trace`."""
    return {
        rule: trace(
            ledger, rule=rule, thefts=thefts, currency=currency, upto_seq=upto_seq, limits=limits
        ).flow
        for rule in Rule
    }


def by_units(
    edges: Sequence[Edge],
    *,
    victim: str,
    currency: str,
    thefts: tuple[str, ...],
    upto_seq: int,
    limits: Limits,
) -> Trace:
    """The trace that these unit edges, in canonical order, are under these limits."""
    followed = prune(edges, victim, limits)
    resting = tuple(
        Resting(
            lot.account_id, lot.account_kind, lot.place, lot.amount, lot.hop, lot.last_seq, lot.lo, lot.hi
        )
        for lot in followed.lots
    )
    return Trace(
        rule=Rule.FIFO,
        victim=victim,
        currency=currency,
        thefts=thefts,
        upto_seq=upto_seq,
        limits=limits,
        carried=carried_by(followed.edges),
        units=tuple(followed.edges),
        resting=resting,
        pruned=followed.pruned,
        flow=flow_of(sum(edge.amount for edge in followed.edges if edge.hop == 0), resting, followed.pruned),
        digest=digest(followed.edges),
    )


def by_sums(
    sweep: Sweep,
    *,
    rule: Rule,
    victim: str,
    currency: str,
    thefts: tuple[str, ...],
    upto_seq: int,
    limits: Limits,
) -> Trace:
    """The trace that a finished sweep found."""
    resting = tuple(sweep.resting())
    carried = tuple(sweep.carried)
    return Trace(
        rule=rule,
        victim=victim,
        currency=currency,
        thefts=thefts,
        upto_seq=upto_seq,
        limits=limits,
        carried=carried,
        units=(),
        resting=resting,
        pruned=sweep.pruned,
        flow=flow_of(sum(edge.amount for edge in carried if edge.hop == 0), resting, sweep.pruned),
        digest=carried_digest(carried),
    )


def carried_by(edges: Iterable[Edge]) -> tuple[Carried, ...]:
    """One for a transfer, its stolen parts summed, with the least hop of them; in posting order."""
    found: dict[int, Carried] = {}
    for edge in edges:
        before = found.get(edge.seq)
        amount, hop = edge.amount, edge.hop
        if before is not None:
            amount, hop = amount + before.amount, min(hop, before.hop)
        found[edge.seq] = Carried(edge.seq, edge.transfer_id, edge.src, edge.dst, edge.dst_kind, amount, hop)
    return tuple(found[seq] for seq in sorted(found))


def carried_digest(carried: Iterable[Carried]) -> str:
    """SHA-256 over one UTF-8 line a transfer, `seq|src|dst|amount|hop`, in posting order."""
    running = sha256()
    for each in carried:
        running.update(f"{each.seq}|{each.src}|{each.dst}|{each.amount}|{each.hop}\n".encode())
    return running.hexdigest()


def flow_of(stolen: int, resting: Iterable[Resting], pruned: dict[PruneReason, Pruned]) -> Flow:
    """Totals by place. Raises ArithmeticError when a unit is missing or counted twice."""
    by_place = dict.fromkeys(Place, 0)
    for lot in resting:
        by_place[lot.place] += lot.amount
    cut_off = sum(part.amount for part in pruned.values())
    flow = Flow(
        stolen=stolen,
        held=by_place[Place.HELD],
        exited=by_place[Place.EXITED],
        pooled=by_place[Place.POOLED],
        returned=by_place[Place.RETURNED],
        pruned=cut_off,
    )
    if stolen != sum(by_place.values()) + cut_off:
        raise ArithmeticError(f"places do not sum to what was stolen: {flow}")
    return flow


def exits_by_kind(resting: Iterable[Resting]) -> dict[AccountKind, dict[str, int]]:
    """What left the wallet: kind of exit -> account -> stolen minor units."""
    left: dict[AccountKind, dict[str, int]] = {}
    for lot in resting:
        if lot.place is Place.EXITED:
            accounts = left.setdefault(lot.account_kind, {})
            accounts[lot.account_id] = accounts.get(lot.account_id, 0) + lot.amount
    return left
