"""The wallet company's fraud detector: rules over its own records, never told who the thief is.

An account is taken over when, within a day, a device was bound, a contact was changed, and at least three transfers
were made from that device or to payees that were added since. The alarm goes to the gateway until it is answered; transfers of the same kind
that come to light later follow in alarms of their own, each transfer in one alarm. Where an alarm was raised before, a new device and a changed
contact are enough: nobody waits for the money to leave a second time.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import httpx2
from sqlalchemy import insert, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from sandbox.tables import alarm

SOURCE = "sandbox-detector"
THEFTS_BEFORE_ALARM = 3
MARGIN = timedelta(seconds=1)
"""How long before the first suspicious change the account counts as compromised."""
PATROL_SECONDS = 0.5
"""How often all records are looked at when nothing was posted."""
RETRY_SECONDS = 0.25
LONGEST_RETRY_SECONDS = 2.0
"""An alarm without an answer is repeated at growing intervals, for ever."""
ANSWER_SECONDS = 5.0
MOST_IN_ONE_ALARM = 1000

_SUSPECTS = text("""
    SELECT c.account_id, LEAST(min(c.set_at), min(d.set_at)) AS since,
           array_agg(DISTINCT d.entry_id) AS devices
    FROM wallet.security_entry c JOIN wallet.security_entry d ON d.account_id = c.account_id
    WHERE c.item = 'contacts' AND c.previous_id IS NOT NULL AND c.ended_at IS NULL
      AND c.set_at > clock_timestamp() - interval '24 hours'
      AND d.item = 'devices' AND d.ended_at IS NULL AND d.set_at > clock_timestamp() - interval '24 hours'
    GROUP BY c.account_id
""")
_STOLEN = text("""
    SELECT t.transfer_id, t.posted_at FROM wallet.transfer t
    WHERE t.src = :account_id AND t.posted_at >= :since AND t.dst <> t.src AND t.hold_id IS NULL
      AND (t.device_id = ANY(:devices) OR EXISTS (
          SELECT 1 FROM wallet.security_entry p WHERE p.account_id = :account_id AND p.item = 'payees'
            AND p.value = t.dst AND p.set_at >= :since AND p.set_at <= t.posted_at))
    ORDER BY t.seq
""")
_REPORTED = text("""
    SELECT a.alarm_id, a.raised_at, a.answered_at IS NOT NULL AS answered, x.value AS transfer_id
    FROM wallet.alarm a LEFT JOIN LATERAL jsonb_array_elements_text(a.body -> 'stolen_transfers') x(value) ON true
    WHERE a.account_id = :account_id
""")
_OPEN = text("SELECT alarm_id, body FROM wallet.alarm WHERE answered_at IS NULL ORDER BY raised_at")
_TRIED = text("""
    UPDATE wallet.alarm SET tries = tries + 1, answer_status = CAST(:status AS bigint), answer = :answer,
        answered_at = CASE WHEN :final THEN clock_timestamp() END WHERE alarm_id = :alarm_id
""")


class Detector:
    """Watches the records and raises alarms. Without a gateway it records them and posts them once there is one."""

    def __init__(self, engine: AsyncEngine, gateway_url: str | None, alarm_key: str | None) -> None:
        self._engine = engine
        self._gateway_url = gateway_url
        self._alarm_key = alarm_key
        self._posted = asyncio.Event()
        self._client = httpx2.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False)
        self.enabled = True

    def report_to(self, gateway_url: str | None, alarm_key: str | None) -> None:
        """Where alarms go from now on."""
        self._gateway_url, self._alarm_key = gateway_url, alarm_key
        self._posted.set()

    def look_now(self) -> None:
        """Something was posted: do not wait for the next patrol."""
        self._posted.set()

    async def close(self) -> None:
        """Close connections."""
        await self._client.aclose()

    async def run(self) -> None:
        """Patrol until cancelled; a failing database is tried again."""
        retry = RETRY_SECONDS
        while True:
            try:
                if self.enabled:
                    await self._patrol()
                sent = await self._deliver()
            except (SQLAlchemyError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                logging.getLogger(__name__).warning("detector could not work: %s", type(error).__name__)
                sent = False
            retry = RETRY_SECONDS if sent else min(2 * retry, LONGEST_RETRY_SECONDS)
            try:
                await asyncio.wait_for(self._posted.wait(), PATROL_SECONDS if sent else retry)
            except TimeoutError:
                continue
            self._posted.clear()

    async def _patrol(self) -> None:
        async with self._engine.connect() as connection:
            suspects = (await connection.execute(_SUSPECTS)).all()
        for suspect in suspects:
            await self._examine(suspect.account_id, suspect.since, list(suspect.devices))

    async def _examine(self, account_id: str, since: datetime, devices: list[str]) -> None:
        async with self._engine.begin() as connection:
            values = {"account_id": account_id, "since": since, "devices": devices}
            stolen = (await connection.execute(_STOLEN, values)).all()
            reported = (await connection.execute(_REPORTED, {"account_id": account_id})).all()
            if any(not row.answered for row in reported):
                return
            told = {row.transfer_id for row in reported}
            news = [row for row in stolen if row.transfer_id not in told][:MOST_IN_ONE_ALARM]
            following = any(row.transfer_id in told for row in stolen)
            again = bool(reported) and since > max(row.raised_at for row in reported)
            if not again and (not news or (not following and len(stolen) < THEFTS_BEFORE_ALARM)):
                return
            occurred_at = news[-1].posted_at if news else since
            alarm_id = f"det-{uuid.uuid4().hex[:20]}"
            body = {
                "source": SOURCE,
                "id": alarm_id,
                "account_id": account_id,
                "occurred_at": occurred_at.isoformat(),
                "compromised_since": (since - MARGIN).isoformat(),
                "stolen_transfers": [row.transfer_id for row in news],
                "kind": "trigger",
                "detail": "New device, changed contact and transfers to new payees within a day.",
            }
            await connection.execute(
                insert(alarm).values(
                    alarm_id=alarm_id, account_id=account_id, body=body, raised_at=occurred_at, tries=0
                )
            )

    async def _deliver(self) -> bool:
        """Post what is unanswered, oldest first; False when something must be tried again."""
        async with self._engine.connect() as connection:
            waiting = (await connection.execute(_OPEN)).all()
        if not waiting or self._gateway_url is None or self._alarm_key is None:
            return True
        delivered = True
        for row in waiting:
            delivered = await self._post(row.alarm_id, row.body) and delivered
        return delivered

    async def _post(self, alarm_id: str, body: dict[str, Any]) -> bool:
        status: int | None = None
        answer = ""
        try:
            response = await self._client.post(
                f"{self._gateway_url}/v1/alarms",
                json=body,
                headers={"Authorization": f"Bearer {self._alarm_key}"},
            )
            status, answer = response.status_code, response.text[:4000]
        except httpx2.HTTPError as error:
            answer = json.dumps({"error": type(error).__name__})
        # 401 and 429 are about us and the moment, not about the alarm: only a real answer ends the trying.
        final = status is not None and status < 500 and status not in (401, 403, 408, 425, 429)
        async with self._engine.begin() as connection:
            values = {"alarm_id": alarm_id, "status": status, "answer": answer, "final": final}
            await connection.execute(_TRIED, values)
        return final
