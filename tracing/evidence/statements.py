"""The text of the one statement as each format of packs has it: copied, never computed, so that an old pack stays what it was.

tests/tracing/test_pack_formats.py holds the newest of these to tracing.statement, and a pack of each format to its text.
"""

from __future__ import annotations

from typing import Final

FORMAT_1: Final = """\
WITH RECURSIVE carried (seq, transfer_id, src, dst, dst_kind, src_lo, src_hi, dst_lo, dst_hi, hop, undone) AS (
    SELECT t.seq, t.transfer_id, t.src, t.dst, t.dst_kind,
           t.out_pos, t.out_pos + t.amount, t.in_pos, t.in_pos + t.amount, 0, t.undone
      FROM transfer_index AS t
     WHERE t.transfer_id IN ({thefts}) AND t.out_pos IS NOT NULL AND t.seq <= :upto_seq
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
SELECT seq, transfer_id, src, dst, dst_kind, src_lo, src_hi, dst_lo, hop FROM carried ORDER BY seq, src_lo
"""
