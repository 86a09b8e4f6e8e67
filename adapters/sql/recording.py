"""The statements that record a step: its row and its ledger leaf, once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, VARCHAR

from activities.changes import Change, CloseDecisionTasks, FrozenNow, QueueNotice
from adapters.secrets.keys import Sealer
from adapters.sql.notices import promise
from models.contracts.steps import FinishedStep

STEP = """
WITH recorded AS (
    INSERT INTO step (id, attempt_id, incident_id, episode, step_key, kind, status, actor, role, reason, requested_at,
                      started_at, completed_at, receipt_id, receipt_digest, effective_seq, effective_at, input,
                      input_digest, result, result_digest, workflow_id, run_id, activity_id, gateway_attempt,
                      wallet_ack_ms, committed_ms)
    VALUES (:id, :attempt_id, :incident_id, :episode, :step_key, :kind, :status, :actor, :role, :reason, :requested_at,
            :started_at, :completed_at, :receipt_id, :receipt_digest, :effective_seq, :effective_at, :input,
            :input_digest, :result, :result_digest, :workflow_id, :run_id, :activity_id, :gateway_attempt,
            :wallet_ack_ms, :committed_ms)
    ON CONFLICT DO NOTHING
    RETURNING id, incident_id, episode
), leafed AS (
    INSERT INTO ledger_outbox (step_id, leaf, created_at) SELECT id, :leaf, :completed_at FROM recorded
)
"""

RECORD = text(f"{STEP} SELECT count(*) FROM recorded")  # noqa: S608 - made of our own constants

FROZEN = """
status = CASE status WHEN 'opened' THEN 'frozen' ELSE status END, frozen_at = coalesce(frozen_at, :frozen_at)
"""
"""FREEZE_DONE as models.lifecycle has it, in SQL for the sake of the hot path: `opened` becomes `frozen`, nothing else moves."""

FREEZE_DONE = text(
    f"UPDATE incident SET {FROZEN} "  # noqa: S608 - made of our own constants
    "WHERE id = :incident_id AND episode = :episode AND closed_at IS NULL"
)

# The same as RECORD, FREEZE_DONE, the notice and the closing of questions one after the other, in one round trip and one commit.
RECORD_FREEZE = text(
    f"""{STEP}, frozen AS (
    UPDATE incident SET {FROZEN} FROM recorded
    WHERE incident.id = recorded.incident_id AND incident.episode = recorded.episode AND closed_at IS NULL
    RETURNING incident.id, incident.episode
), noticed AS (
    INSERT INTO notice_outbox (id, incident_id, step_id, template, channel, body, created_at, next_try_at, attempts)
    SELECT :notice_id, recorded.incident_id, recorded.id, :notice_template, :notice_channel, :notice_body, :completed_at,
           :completed_at, 0
    FROM recorded
), settled AS (
    UPDATE decision_task SET closed_at = :settled_at FROM frozen
    WHERE incident_id = frozen.id AND decision_task.episode = frozen.episode AND kind = ANY (:settled)
      AND decision_task.closed_at IS NULL
)
SELECT count(*) FROM recorded
"""  # noqa: S608 - made of our own constants
).bindparams(bindparam("settled", type_=ARRAY(VARCHAR)))


async def freeze_values(
    step: FinishedStep, changes: Sequence[Change], sealer: Sealer
) -> dict[str, Any] | None:
    """What RECORD_FREEZE needs besides the step, when this is the gateway's freeze; else None."""
    if step.attempt.origin.gateway_attempt is None:
        return None
    match changes:
        case (
            FrozenNow(at=frozen_at),
            CloseDecisionTasks(kinds=kinds, at=settled_at),
            QueueNotice(account_id=None) as notice,
        ):
            promised = await promise(notice, step, sealer)
            return {
                "frozen_at": frozen_at,
                "settled_at": settled_at,
                "settled": [kind.value for kind in kinds],
                **{f"notice_{name}": promised[name] for name in ("id", "template", "channel", "body")},
            }
        case _:
            return None
