"""The one statement that traces first in, first out: the same text in PostgreSQL and in SQLite.

It reads only rows that carry stolen money. The rows of an account that spent units overlapping [lo, hi) are the one that
starts at the greatest `out_pos` <= lo, if it reaches beyond lo, and those that start inside: the spent intervals of one
account never overlap. So the index (src, currency, out_pos) answers each level with one descent for that lower bound and
one range, however many rows the account has. An exit keeps what it gets, but for what it gives back: a row that reverses the
very transfer that carried the money there. Its units are that transfer's, so it starts inside them. CASE instead of greatest/least or max/min keeps the text the same in both; ORDER BY with LIMIT 1 costs PostgreSQL less than
MAX in a subquery that runs once for every lot.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tracing.edges import Edge

COLUMNS = Edge._fields
"""The columns of the result, in order."""

_STATEMENT = """\
WITH RECURSIVE carried (seq, transfer_id, src, dst, dst_kind, src_lo, src_hi, dst_lo, dst_hi, hop) AS (
    SELECT t.seq, t.transfer_id, t.src, t.dst, t.dst_kind,
           t.out_pos, t.out_pos + t.amount, t.in_pos, t.in_pos + t.amount, 0
      FROM transfer_index AS t
     WHERE t.transfer_id IN ({thefts}) AND t.out_pos IS NOT NULL AND t.seq <= :upto_seq
    UNION ALL
    SELECT t.seq, t.transfer_id, t.src, t.dst, t.dst_kind,
           CASE WHEN c.dst_lo > t.out_pos THEN c.dst_lo ELSE t.out_pos END,
           CASE WHEN c.dst_hi < t.out_pos + t.amount THEN c.dst_hi ELSE t.out_pos + t.amount END,
           t.in_pos + CASE WHEN c.dst_lo > t.out_pos THEN c.dst_lo - t.out_pos ELSE 0 END,
           t.in_pos + CASE WHEN c.dst_hi < t.out_pos + t.amount THEN c.dst_hi - t.out_pos ELSE t.amount END,
           c.hop + 1
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
     WHERE c.dst_kind <> 'pooling' AND c.dst <> :victim
)
SELECT seq, transfer_id, src, dst, dst_kind, src_lo, src_hi, dst_lo, hop FROM carried ORDER BY seq, src_lo
"""

_PARAMETER = re.compile(r":(\w+)")


def fifo_statement(thefts: Sequence[str]) -> str:
    """The text for this many thefts; parameters are written `:name`, as SQLite takes them."""
    return _STATEMENT.format(thefts=", ".join(f":theft_{number}" for number in range(len(thefts))))


def parameters(*, thefts: Sequence[str], victim: str, currency: str, upto_seq: int) -> dict[str, str | int]:
    """The values of the statement's parameters."""
    named: dict[str, str | int] = {f"theft_{number}": theft for number, theft in enumerate(thefts)}
    return named | {"victim": victim, "currency": currency, "upto_seq": upto_seq}


def numbered(statement: str, values: Mapping[str, str | int]) -> tuple[str, list[str | int]]:
    """The same text with parameters written `$1`, `$2` ..., as PostgreSQL takes them, and their values in order."""
    order: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        return f"${order.setdefault(match[1], len(order) + 1)}"

    text = _PARAMETER.sub(number, statement)
    return text, [values[name] for name in order]
