"""A trace as one document of plain numbers and texts, for programs: what `--json` prints and an evidence pack keeps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from models.contracts.transfers import Flow
from tracing.places import Place
from tracing.result import Trace
from tracing.rules import Rule


def document(
    trace: Trace, *, ranges: Mapping[Rule, Flow], inferred_count: int, inferred_amount: int
) -> dict[str, Any]:
    """All amounts are stolen minor units. Entries of zero are left out, empty objects are kept."""
    return (
        parameters(trace)
        | places(trace)
        | {
            "edges": [
                {
                    "tx_id": carried.transfer_id,
                    "src": carried.src,
                    "dst": carried.dst,
                    "amount": carried.amount,
                    "hop": carried.hop,
                }
                for carried in trace.carried
            ],
            "inferred_openings": {"count": inferred_count, "amount": inferred_amount},
            "digest": trace.digest,
            "ranges": range_document(ranges),
        }
    )


def parameters(trace: Trace) -> dict[str, Any]:
    """What the trace is a function of, beside the ledger."""
    limits = trace.limits
    asked = {"horizon": limits.horizon_seq, "dust": limits.dust or None, "max_edges": limits.max_edges}
    return {
        "rule": trace.rule.value,
        "currency": trace.currency,
        "victim": trace.victim,
        "thefts": list(trace.thefts),
        "upto_seq": trace.upto_seq,
        "limits": {name: value for name, value in asked.items() if value is not None},
    }


def places(trace: Trace) -> dict[str, Any]:
    """Where the money is: stolen = held + exited + returned + pooled + pruned."""
    held: dict[str, int] = defaultdict(int)
    pooled: dict[str, int] = defaultdict(int)
    exited: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for rest in trace.resting:
        if rest.place is Place.HELD:
            held[rest.account_id] += rest.amount
        elif rest.place is Place.POOLED:
            pooled[rest.account_id] += rest.amount
        elif rest.place is Place.EXITED:
            exited[rest.account_kind.value][rest.account_id] += rest.amount
    return {
        "stolen": trace.flow.stolen,
        "held": _without_zeros(held),
        "exited": {kind: _without_zeros(accounts) for kind, accounts in sorted(exited.items())},
        "returned": trace.flow.returned,
        "pooled": _without_zeros(pooled),
        "pruned": {
            reason.value: {"count": pruned.count, "amount": pruned.amount}
            for reason, pruned in sorted(trace.pruned.items())
            if pruned.count
        },
    }


def range_document(ranges: Mapping[Rule, Flow]) -> dict[str, dict[str, int]]:
    """What each rule gives; `pruned` only where a limit was asked for and cut something off."""
    return {
        rule.value: {
            "held": flow.held,
            "exited": flow.exited,
            "returned": flow.returned,
            "pooled": flow.pooled,
        }
        | ({"pruned": flow.pruned} if flow.pruned else {})
        for rule, flow in ranges.items()
    }


def _without_zeros(amounts: Mapping[str, int]) -> dict[str, int]:
    return {account_id: amount for account_id, amount in sorted(amounts.items()) if amount}
