"""The statement that opens an incident: alarm, incident, attempt, data key and hand-over, all or nothing."""

from __future__ import annotations

from typing import Any

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from adapters.sql.incoming import Incoming
from models.ids import incident_workflow_id
from models.lifecycle import Status
from models.names import AlarmKind

# A known alarm or an open incident opens nothing. Whoever commits between the snapshot and the insert is met by the unique
# indexes: another incident of the account ends in DO NOTHING, the same alarm in an error that takes everything back.
_OPENING = """
WITH opened AS (
    INSERT INTO incident (id, account_id, status, episode, scope, provisional, opened_at, episode_opened_at, renewals,
                          workflow_id, reopens)
    SELECT :incident_id, :account_id, :status, 1, :alarm_scope, :provisional, :received_at, :received_at, 0, :story,
           CAST(:reopens AS varchar)
    WHERE NOT EXISTS (SELECT FROM alarm WHERE source = CAST(:source AS varchar) AND source_id = CAST(:source_id AS varchar))
      AND NOT EXISTS (SELECT FROM incident WHERE account_id = CAST(:account_id AS varchar) AND closed_at IS NULL)
    ON CONFLICT (account_id) WHERE closed_at IS NULL DO NOTHING
    RETURNING id
), alarmed AS (
    INSERT INTO alarm (id, source, source_id, content_digest, incident_id, episode, account_id, kind, scope, occurred_at,
                       compromised_since, stolen_transfers, detail, late, held_back, sender, sender_role, received_at)
    SELECT :alarm_id, :source, :source_id, :content_digest, id, 1, :account_id, :kind, :alarm_scope, :occurred_at,
           :compromised_since, :stolen_transfers, :detail, :late, :held_back, :sender, :sender_role, :received_at
    FROM opened
), keyed AS (
    INSERT INTO data_key (incident_id, wrapped, created_at)
    SELECT id, :wrapped, :received_at FROM opened WHERE CAST(:wrapped AS bytea) IS NOT NULL
), attempted AS (
    INSERT INTO step_attempt (id, incident_id, episode, step_key, kind, actor, role, requested_at, workflow_id, run_id,
                              activity_id, attempt, gateway_attempt, input_digest)
    SELECT :attempt_id, id, 1, :step_key, :step_kind, :actor, :role, :received_at, :workflow_id, :run_id,
           :activity_id, :attempt, :gateway_attempt, :input_digest
    FROM opened WHERE NOT :held_back
), {carried}asked AS (
    INSERT INTO hand_over (incident_id, generation, requested_at, next_try_at, attempts)
    SELECT id, 1, :received_at, clock_timestamp() + interval '2 seconds', 0 FROM opened
)
SELECT count(*) FROM opened
"""

_CARRIED = """carried AS (
    INSERT INTO theft (incident_id, transfer_id, basis, found_at, withdrawn_at, withdrawn_by, added_by)
    SELECT opened.id, theft.transfer_id, theft.basis, theft.found_at, theft.withdrawn_at, theft.withdrawn_by, theft.added_by
    FROM opened, theft WHERE theft.incident_id = CAST(:reopens AS varchar)
), """


def _opening(carried: str) -> TextClause:
    return text(_OPENING.format(carried=carried)).bindparams(bindparam("stolen_transfers", type_=JSONB))


OPEN_NEW = _opening("")
OPEN_AGAIN = _opening(_CARRIED)
"""Goes on with a closed incident: its thefts are carried over. A statement of its own, since every alarm would pay for it."""


def opening_values(
    incoming: Incoming, incident_id: str, key: bytes, wrapped: bytes | None, *, held_back: bool
) -> dict[str, Any]:
    """The statement's parameters. `wrapped` is None where the incident's key is in the database already."""
    return {
        **incoming.alarm_values(incident_id, key),
        **incoming.attempt_values(incident_id, 1, incoming.alarm.scope),
        "status": Status.OPENED.value,
        "provisional": incoming.alarm.kind is AlarmKind.REPORT,
        "story": incident_workflow_id(incident_id),
        "wrapped": wrapped,
        "held_back": held_back,
        "reopens": incoming.reopens,
    }
