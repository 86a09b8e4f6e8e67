"""models.dropped_claims in the database's words: which incidents have dropped their claim on stolen money."""

from __future__ import annotations

from sqlalchemy import bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY, VARCHAR
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.ending_changes import EndRecoveryQuestions
from models.contracts.steps import FinishedStep
from models.dropped_claims import claim_dropped
from models.names import RECOVERY_QUESTIONS, Outcome
from models.tables.people import Proof


def _named(outcomes: list[Outcome]) -> str:
    return ", ".join(f"'{each.value}'" for each in outcomes)


ANYHOW = _named([each for each in Outcome if claim_dropped(each, proven=True)])
UNPROVEN = _named([each for each in Outcome if claim_dropped(each, proven=False)])


def dropped(incident: str) -> str:
    """The condition on the row of `incident` that goes by this name in the query: true or false, false where it has not ended."""
    return (
        f"(coalesce({incident}.outcome, '') IN ({ANYHOW}) OR (coalesce({incident}.outcome, '') IN ({UNPROVEN})"
        f" AND NOT EXISTS (SELECT FROM proof WHERE proof.incident_id = {incident}.id AND proof.voided_at IS NULL)))"
    )


async def ever_proven(connection: AsyncConnection, incident_id: str) -> bool:
    """Whether a proof of the owner stands, of whatever episode."""
    stands = select(Proof.step_id).where(Proof.incident_id == incident_id, Proof.voided_at.is_(None))
    return await connection.scalar(stands.limit(1)) is not None


QUESTIONS_ENDED = text(
    f"""
UPDATE decision_task SET closed_at = :at FROM incident
WHERE incident.id = :incident_id AND decision_task.incident_id = incident.id AND {dropped("incident")}
  AND decision_task.closed_at IS NULL AND decision_task.kind = ANY (:of_recovery)
  AND NOT decision_task.action ? 'recall_id'
  AND NOT EXISTS (
    SELECT FROM decision_request AS request LEFT JOIN decision_approval AS said ON said.request_id = request.id
    WHERE request.task_id = decision_task.id AND request.withdrawn_at IS NULL AND request.declined_at IS NULL
      AND (NOT decision_task.four_eyes OR said.verdict = 'approved'))
"""  # noqa: S608 - text of our own
).bindparams(bindparam("of_recovery", type_=ARRAY(VARCHAR)))


async def questions_ended(
    change: EndRecoveryQuestions, connection: AsyncConnection, step: FinishedStep
) -> None:
    """See EndRecoveryQuestions. Whatever episode they were asked in; nothing where the claim stands."""
    values = {
        "at": change.at,
        "incident_id": step.attempt.incident_id,
        "of_recovery": [kind.value for kind in RECOVERY_QUESTIONS],
    }
    await connection.execute(QUESTIONS_ENDED, values)
