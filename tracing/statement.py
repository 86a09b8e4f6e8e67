"""The one statement that traces first in, first out: the same text in PostgreSQL and in SQLite.

It reads only rows that carry stolen money. The rows of an account that spent units overlapping [lo, hi) are the one that
starts at the greatest `out_pos` <= lo, if it reaches beyond lo, and those that start inside: the spent intervals of one
account never overlap. So the index (src, currency, out_pos) answers each level with one descent for that lower bound and
one range, however many rows the account has. An exit keeps what it gets, but for what it gives back: a row that reverses the
very transfer that carried the money there. Its units are that transfer's, so it starts inside them; only a transfer that is
marked as undone is looked up again, since nearly none is and most money ends at an exit. What was awarded to another owner is
an exit here, too, whatever that owner's account spends later, and is never marked as undone. CASE instead of greatest/least or max/min keeps the text the same in both; ORDER BY with LIMIT 1 costs PostgreSQL less than
MAX in a subquery that runs once for every lot.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tracing.edges import Edge

COLUMNS = Edge._fields
"""The columns of the result, in order."""

_FOLLOWED = """\
WITH RECURSIVE carried (seq, transfer_id, src, dst, dst_kind, src_lo, src_hi, dst_lo, dst_hi, hop, undone) AS (
    {begin}
    UNION ALL
    SELECT t.seq, t.transfer_id, t.src, t.dst, t.dst_kind,
           CASE WHEN c.dst_lo > t.out_pos THEN c.dst_lo ELSE t.out_pos END,
           CASE WHEN c.dst_hi < t.out_pos + t.amount THEN c.dst_hi ELSE t.out_pos + t.amount END,
           t.in_pos + CASE WHEN c.dst_lo > t.out_pos THEN c.dst_lo - t.out_pos ELSE 0 END,
           t.in_pos + CASE WHEN c.dst_hi < t.out_pos + t.amount THEN c.dst_hi - t.out_pos ELSE t.amount END,
           c.hop + 1, t.undone
      FROM carried AS c
      JOIN transfer_index AS t
        ON t.src = c.dst
       AND t.currency = :currency
       AND t.out_pos >= COALESCE((SELECT p.out_pos
                                    FROM transfer_index AS p
                                   WHERE p.src = c.dst AND p.currency = :currency AND p.out_pos <= c.dst_lo
                                   ORDER BY p.out_pos DESC LIMIT 1), c.dst_lo)
       AND t.out_pos < c.dst_hi
       AND t.out_pos + t.amount > c.dst_lo
       AND t.seq <= :upto_seq
       AND (c.dst_kind = 'wallet' OR t.reverses = c.transfer_id)
     WHERE (c.dst_kind = 'wallet' OR (c.undone AND c.dst_kind <> 'pooling')) AND c.dst <> :victim
)
SELECT seq, transfer_id, src, dst, dst_kind, src_lo, src_hi, dst_lo, hop FROM carried {end}
"""

_FROM_THEFTS = """\
SELECT t.seq, t.transfer_id, t.src, t.dst, t.dst_kind,
           t.out_pos, t.out_pos + t.amount, t.in_pos, t.in_pos + t.amount, 0, t.undone
      FROM transfer_index AS t
     WHERE t.transfer_id IN ({thefts}) AND t.out_pos IS NOT NULL AND t.seq <= :upto_seq"""

_FROM_LOTS = """\
SELECT CAST(NULL AS bigint), l.transfer_id, CAST(NULL AS text), l.account_id,
           CAST(l.kind AS character varying(16)), CAST(NULL AS bigint), CAST(NULL AS bigint), l.lo, l.hi, l.hop, TRUE
      FROM {lots} AS l"""

_IN_ORDER = "ORDER BY seq, src_lo"

_PARAMETER = re.compile(r":(\w+)")


def fifo_statement(thefts: Sequence[str]) -> str:
    """The text for this many thefts; parameters are written `:name`, as SQLite takes them."""
    return _FOLLOWED.format(begin=_from_thefts(thefts), end=_IN_ORDER)


def first_edges(thefts: Sequence[str], most: int) -> str:
    """The same statement cut after `most` edges, thefts first, in no order: the first chunk of a long trace."""
    return _FOLLOWED.format(begin=_from_thefts(thefts), end=f"LIMIT {most}")


def edges_onward(lots: str, most: int) -> str:
    """The same statement begun with lots instead of thefts: at most `most` edges that follow from them, in no order.

    `lots` is SQL for a table of (account_id, kind, transfer_id, lo, hi, hop); the transfer that brought a lot matters only
    where the account is an exit.
    """
    return _FOLLOWED.format(begin=_FROM_LOTS.format(lots=lots), end=f"WHERE seq IS NOT NULL LIMIT {most}")


def _from_thefts(thefts: Sequence[str]) -> str:
    return _FROM_THEFTS.format(thefts=", ".join(f":theft_{number}" for number in range(len(thefts))))


def parameters(*, thefts: Sequence[str], victim: str, currency: str, upto_seq: int) -> dict[str, str | int]:
    """The values of the statement's parameters."""
    named: dict[str, str | int] = {f"theft_{number}": theft for number, theft in enumerate(thefts)}
    return named | {"victim": victim, "currency": currency, "upto_seq": upto_seq}


def numbered(statement: str, values: Mapping[str, object]) -> tuple[str, list[object]]:
    """The same text with parameters written `$1`, `$2` ..., as PostgreSQL takes them, and their values in order."""
    order: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        return f"${order.setdefault(match[1], len(order) + 1)}"

    text = _PARAMETER.sub(number, statement)
    return text, [values[name] for name in order]
