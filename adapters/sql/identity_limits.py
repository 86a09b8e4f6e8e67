"""Failures, counted before an attempt is judged (port `Limits`).

A factor that stays open (a document) has an account's count of its own, for the guesses at other factors must not close it, and
is never disabled: somebody at the provider looks at each, so there is nothing to guess. Its delays end at the longest.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.sql.engine import statement, transaction
from models.contracts.identity import Allowance, LimitRules

EVERY_PART = "*"

KNOWN = text(
    """
INSERT INTO identity_limit (scope, subject, part, failures)
VALUES ('account', :account_id, :across, 0), ('claimant', :claimant, '*', 0), ('factor', :account_id, :part, 0)
ON CONFLICT DO NOTHING
"""
)

# Locked in one order, read after the lock, counted in one UPDATE or not at all: of a thousand attempts at once each sees the
# count that the one before it left. A refused attempt counts nowhere, so nobody can keep an owner out by knocking on.
RESERVE = text(
    """
WITH theirs AS MATERIALIZED (
    SELECT scope, subject, part, failures, failed_at, not_before, disabled_at FROM identity_limit
    WHERE (scope, subject, part) IN (('account', :account_id, :across), ('claimant', :claimant, '*'), ('factor', :account_id, :part))
    ORDER BY scope, subject, part FOR UPDATE
), against AS MATERIALIZED (
    SELECT max(not_before) FILTER (WHERE not_before > :at) AS not_before,
           NOT CAST(:stays_open AS boolean) AND count(disabled_at) > 0 AS disabled FROM theirs
), counted AS (
    UPDATE identity_limit AS one SET
        failed_at = :at,
        failures = next.failures,
        not_before = CASE WHEN next.failures >= next.free THEN CAST(:at AS timestamptz) + make_interval(secs => least(
            CAST(:longest AS double precision), :first * power(2.0, least(next.failures - next.free, 30)))) END,
        disabled_at = CASE WHEN next.scope = 'factor' AND NOT :stays_open AND next.failures >= :disabled_after THEN CAST(:at AS timestamptz) END
    FROM (
        SELECT scope, subject, part,
               CASE scope WHEN 'account' THEN CAST(:account_free AS int) ELSE CAST(:free AS int) END AS free,
               1 + CASE WHEN scope <> 'factor' AND failed_at < CAST(:at AS timestamptz) - make_interval(secs => :quiet)
                        THEN 0 ELSE failures END AS failures
        FROM theirs
    ) AS next, against
    WHERE (one.scope, one.subject, one.part) = (next.scope, next.subject, next.part)
      AND against.not_before IS NULL AND NOT against.disabled
    RETURNING 1
)
SELECT (SELECT count(*) FROM counted) AS counted, not_before, disabled FROM against
"""
)

SUCCEEDED = text(
    """
UPDATE identity_limit SET
    failures = CASE scope WHEN 'factor' THEN 0 ELSE greatest(0, failures - 1) END,
    not_before = CASE WHEN scope <> 'factor' AND failures - 1 >= CASE scope WHEN 'account' THEN CAST(:account_free AS int) ELSE CAST(:free AS int) END
                 THEN not_before END
WHERE (scope, subject, part) IN (('account', :account_id, :across), ('claimant', :claimant, '*'), ('factor', :account_id, :part))
  AND disabled_at IS NULL
"""
)

RENEWED = text(
    """
UPDATE identity_limit SET failures = 0, not_before = NULL, disabled_at = NULL
FROM (SELECT account_id FROM incident WHERE id = :incident_id) AS one
WHERE scope = 'factor' AND (subject = one.account_id OR subject IN (
    SELECT counted_for FROM credential_recovery WHERE credential_recovery.account_id = one.account_id))
"""
)
"""The proven owner's factors were made anew: what was guessed at is no more."""

RENEWED_BY_SELF_SERVICE = text(
    "UPDATE identity_limit SET failures = 0, not_before = NULL, disabled_at = NULL "
    "WHERE scope = 'factor' AND subject = (SELECT counted_for FROM credential_recovery WHERE id = :recovery_id)"
)
"""The owner has set a new password, by a code or by people's help: their number can be used again when they forget this one."""


class SqlLimits:
    """Port `Limits`, by these rules."""

    def __init__(self, engine: AsyncEngine, rules: LimitRules) -> None:
        self._engine = engine
        self._rules = rules

    async def reserve(self, account_id: str, part: str, claimant: str, at: datetime) -> Allowance:
        """See identity_ports.Limits."""
        rules = self._rules
        who = self._who(account_id, part, claimant)
        values = who | {
            "stays_open": part in rules.stays_open,
            "at": at,
            "free": rules.free_failures,
            "account_free": rules.account_free_failures,
            "first": float(rules.first_delay_seconds),
            "longest": float(rules.longest_delay_seconds),
            "disabled_after": rules.disabled_after,
            "quiet": float(rules.quiet_seconds),
        }
        async with transaction(self._engine) as connection:
            await connection.execute(KNOWN, who)
            row = (await connection.execute(RESERVE, values)).one()
        return Allowance(allowed=row.counted > 0, not_before=row.not_before, disabled=row.disabled)

    async def succeeded(self, account_id: str, part: str, claimant: str) -> None:
        """See identity_ports.Limits."""
        values = self._who(account_id, part, claimant) | {
            "free": self._rules.free_failures,
            "account_free": self._rules.account_free_failures,
        }
        async with statement(self._engine) as connection:
            await connection.execute(SUCCEEDED, values)

    def _who(self, account_id: str, part: str, claimant: str) -> dict[str, str]:
        across = part if part in self._rules.stays_open else EVERY_PART
        return {"account_id": account_id, "part": part, "claimant": claimant, "across": across}
