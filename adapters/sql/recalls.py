"""Recalls as their workflow and the account by remedy read them (port `Recalls`), and which of them to wake."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.secrets.keys import Sealer
from adapters.sql.dropped_claims import dropped
from adapters.sql.engine import statement
from adapters.sql.recall_changes import ANSWER
from models.contracts.base import Message
from models.contracts.recalls import ParsedAnswer, RecallFacts, RecallTotals
from models.errors import ErrorCode, StanchError
from use_cases.ports import AnswerReader

BACK = "t.currency = r.currency AND t.seq > r.transfer_seq"

# `|| ''`: by the reference first. A bank has paid in more than any plan should walk through for one recall.
PAID_IN = (
    "t.bank IS NOT NULL AND t.dst_kind IN ('wallet', 'pooling') AND (t.src || '') = r.exit_account "
    "AND (t.currency || '') = r.currency AND t.seq > r.transfer_seq"
)

ARRIVED = f"""
(SELECT coalesce(sum(back.amount), 0) FROM (
    SELECT t.seq, t.part, t.amount FROM transfer_index t WHERE t.reverses = r.transfer_id AND {BACK}
    UNION
    SELECT t.seq, t.part, t.amount FROM transfer_index t WHERE t.bank ->> 'uetr' = r.uetr AND {PAID_IN}
    UNION
    SELECT t.seq, t.part, t.amount FROM transfer_index t
    WHERE t.bank ->> 'end_to_end_id' = r.end_to_end_id AND r.end_to_end_id <> 'NOTPROVIDED' AND {PAID_IN}
) AS back)
"""  # noqa: S608 - the parts are constants of this file
"""Money that came back for this transfer: it undoes it, or comes from that institution with its reference."""

EARLIER = """
(SELECT coalesce(sum(o.asked), 0) FROM recall o
 WHERE o.transfer_id = r.transfer_id AND (o.opened_at, o.id) < (r.opened_at, r.id)
   AND coalesce(o.ending, '') NOT IN ('cancelled', 'withdrawn') AND o.withdraw_asked_at IS NULL)
"""
"""What incidents before this one asked of the same transfer: they are served first, and no unit is counted twice."""

OURS = f"CAST(least(r.asked, greatest(0, {ARRIVED} - {EARLIER})) AS bigint)"

WITHDRAWN = f"""
(r.withdraw_asked_at IS NOT NULL OR EXISTS (SELECT FROM incident i WHERE i.id = r.incident_id AND {dropped("i")}))
"""

STUCK = (
    "t.incident_id = r.incident_id AND t.kind = 'recovery_stuck' AND t.closed_at IS NULL "
    "AND t.action ->> 'recall_id' = r.id"
)
"""A question `t` about a failure of the recall is open."""

FACTS = text(
    f"""
SELECT r.*, {OURS} AS arrived, {WITHDRAWN} AS withdraw,
       array(SELECT a.id FROM recall_answer a WHERE a.recall_id = r.id AND a.verdict = 'matched' AND a.taken_at IS NULL
             ORDER BY a.received_at, a.id) AS waiting_answers,
       (SELECT jsonb_build_object('request_id', q.id, 'task_id', t.id) FROM decision_task t
        JOIN decision_request q ON q.task_id = t.id AND q.withdrawn_at IS NULL AND q.declined_at IS NULL
        WHERE {STUCK} ORDER BY q.requested_at LIMIT 1) AS try_again
FROM recall r WHERE r.id = :recall_id
"""  # noqa: S608 - the parts are constants of this file
)

TOTALS = text(
    f"""
SELECT currency,
       CAST(coalesce(sum(asked - got) FILTER (WHERE state <> 'closed'), 0) AS bigint) AS pending,
       CAST(coalesce(sum(got), 0) AS bigint) AS recalled,
       CAST(coalesce(sum(asked - got) FILTER (WHERE state = 'closed'), 0) AS bigint) AS lost,
       CAST(coalesce(sum(promised), 0) AS bigint) AS promised
FROM (SELECT r.currency, r.asked, r.promised, r.state, greatest(r.received, {OURS}) AS got FROM recall r
      WHERE r.incident_id = :incident_id AND coalesce(r.ending, '') NOT IN ('cancelled', 'withdrawn')) AS each
GROUP BY currency ORDER BY currency
"""  # noqa: S608 - the parts are constants of this file
)
"""`got` reads the index itself: money that comes after a recall was closed is recalled all the same."""

NOW = text(
    f"""
WITH stolen AS (
    SELECT seq, sum(amount) AS amount FROM (
        SELECT e.seq, e.src_hi - e.src_lo AS amount FROM standing_trace AS s JOIN trace_run AS run ON run.trace_id = s.trace_id
        JOIN trace_edge AS e ON e.trail_id = run.trail_id AND e.seq <= run.upto_seq
        WHERE s.incident_id = :incident_id AND NOT s.claimed
        UNION ALL
        SELECT c.seq, c.amount FROM standing_trace AS s JOIN trace_run AS run ON run.trace_id = s.trace_id
        JOIN trace_carried AS c ON c.trail_id = run.trail_id AND c.seq <= run.upto_seq
        WHERE s.incident_id = :incident_id AND NOT s.claimed) AS carried
    GROUP BY seq
), each AS (
    SELECT r.currency, r.state, r.asked, r.promised, greatest(r.received, {OURS}) AS got, coalesce(stolen.amount, 0) AS stolen,
           sum(r.asked) OVER (PARTITION BY r.transfer_seq ORDER BY r.opened_at, r.id) AS so_far
    FROM recall r LEFT JOIN stolen ON stolen.seq = r.transfer_seq
    WHERE r.incident_id = :incident_id AND coalesce(r.ending, '') NOT IN ('cancelled', 'withdrawn')
      AND r.withdraw_asked_at IS NULL
), counted AS (
    SELECT currency, state, promised, least(so_far, stolen) - least(so_far - asked, stolen) AS asked, got FROM each
)
SELECT currency,
       CAST(coalesce(sum(greatest(0, asked - got)) FILTER (WHERE state <> 'closed'), 0) AS bigint) AS pending,
       CAST(coalesce(sum(least(got, asked)), 0) AS bigint) AS recalled,
       CAST(coalesce(sum(greatest(0, asked - got)) FILTER (WHERE state = 'closed'), 0) AS bigint) AS lost,
       CAST(coalesce(sum(promised), 0) AS bigint) AS promised
FROM counted GROUP BY currency ORDER BY currency
"""  # noqa: S608 - the parts are constants of this file
)
"""As TOTALS, of what the traces that stand call stolen: a recall of more than that (a theft was withdrawn) counts for less."""

LEASED = """
UPDATE recall SET wakes = wakes + 1,
    next_wake_at = clock_timestamp() + least(interval '10 minutes', interval '2 seconds' * power(1.7, least(wakes, 14)))
WHERE id IN (
    SELECT r.id FROM recall r WHERE r.state <> 'closed' AND r.next_wake_at <= clock_timestamp() AND {news}
    ORDER BY r.next_wake_at LIMIT :limit FOR UPDATE SKIP LOCKED)
RETURNING id, incident_id, transfer_seq, part
"""
"""The lease is the pushed-back next look, as with hand-overs: a workflow that cannot act is woken ever more seldom."""

SAYING = f"""
r.id IN (
    SELECT a.recall_id FROM recall_answer a WHERE a.verdict = 'matched' AND a.taken_at IS NULL
    UNION ALL
    SELECT r.id FROM recall r WHERE r.withdraw_asked_at IS NOT NULL AND r.state <> 'closed'
    AND NOT EXISTS (SELECT FROM decision_task t WHERE {STUCK})
    UNION ALL
    SELECT t.action->>'recall_id' FROM decision_task t JOIN decision_request q ON q.task_id = t.id
    WHERE t.kind = 'recovery_stuck' AND t.closed_at IS NULL AND t.action->>'recall_id' IS NOT NULL
    AND q.withdrawn_at IS NULL AND q.declined_at IS NULL)
"""  # noqa: S608 - the parts are constants of this file

SAID = text(LEASED.format(news=SAYING))
"""What somebody said: found from the few rows that say it, however many recalls are open."""

COME = text(
    LEASED.format(
        news=f"({OURS} > r.received OR ({WITHDRAWN} AND NOT EXISTS (SELECT FROM decision_task t WHERE {STUCK})))"
    )
)
"""What has come, and incidents that ended: each open recall is looked at, so this is asked at the pace of the rules.

One that is to be withdrawn and failed at it keeps its own pace: to wake it would only have it fail more often."""

WITHDRAW = text(
    "UPDATE recall SET withdraw_asked_at = coalesce(withdraw_asked_at, clock_timestamp()), wakes = 0, "
    "next_wake_at = clock_timestamp() "
    "WHERE incident_id = :incident_id AND transfer_seq = :transfer_seq AND state <> 'closed'"
)

READ_ANSWER = text("SELECT content FROM recall_answer WHERE id = :answer_id AND verdict = 'matched'")


class Woken(Message):
    """A recall for which something waits."""

    recall_id: str
    incident_id: str
    transfer_seq: int
    part: int


class SqlRecalls:
    """Port `Recalls`."""

    def __init__(self, engine: AsyncEngine, sealer: Sealer, reader: AnswerReader) -> None:
        self._engine = engine
        self._sealer = sealer
        self._reader = reader

    async def facts(self, recall_id: str) -> RecallFacts | None:
        """See ports.Recalls."""
        async with statement(self._engine) as connection:
            row = (await connection.execute(FACTS, {"recall_id": recall_id})).one_or_none()
        return None if row is None else _facts(row)

    async def answer(self, answer_id: str) -> ParsedAnswer:
        """See ports.Recalls. Read anew from what came: nothing between the institution's bytes and what is done with them."""
        async with statement(self._engine) as connection:
            sealed = (await connection.execute(READ_ANSWER, {"answer_id": answer_id})).scalar()
        if sealed is None:
            raise StanchError(
                ErrorCode.NOT_FOUND, "There is no matched answer with this id. Nothing was done."
            )
        return self._reader.read(await self._sealer.open(answer_id, ANSWER, sealed))

    async def totals(self, incident_id: str) -> tuple[RecallTotals, ...]:
        """See ports.Recalls."""
        async with statement(self._engine) as connection:
            rows = await connection.execute(TOTALS, {"incident_id": incident_id})
            return tuple(RecallTotals.model_validate(row._asdict()) for row in rows)

    async def standing_totals(self, incident_id: str) -> tuple[RecallTotals, ...]:
        """See ports.Recalls."""
        async with statement(self._engine) as connection:
            rows = await connection.execute(NOW, {"incident_id": incident_id})
            return tuple(RecallTotals.model_validate(row._asdict()) for row in rows)

    async def ask_withdrawal(self, incident_id: str, transfer_seq: int) -> bool:
        """See ports.Recalls."""
        asked = {"incident_id": incident_id, "transfer_seq": transfer_seq}
        async with statement(self._engine) as connection:
            return (await connection.execute(WITHDRAW, asked)).rowcount == 1

    async def to_wake(self, limit: int, *, looking: bool) -> list[Woken]:
        """Lease up to `limit` open recalls for which an answer waits; when `looking`, those with money or an ended incident."""
        async with statement(self._engine) as connection:
            rows = await connection.execute(COME if looking else SAID, {"limit": limit})
            return [
                Woken(
                    recall_id=row.id,
                    incident_id=row.incident_id,
                    transfer_seq=row.transfer_seq,
                    part=row.part,
                )
                for row in rows
            ]


def _facts(row: Row[Any]) -> RecallFacts:
    values = row._asdict() | {"recall_id": row.id, "waiting_answers": tuple(row.waiting_answers)}
    return RecallFacts.model_validate(
        {name: value for name, value in values.items() if name in RecallFacts.model_fields}
    )
