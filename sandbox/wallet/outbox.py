"""Messages delivered to people: the SMS and mail company of this world."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from sandbox.problems import Refusal
from sandbox.tables import message

_CLOCK = text("SELECT clock_timestamp()")
_SAME = text("""
    SELECT 1 FROM wallet.message WHERE message_id = :id AND channel = :channel AND recipient = :recipient
      AND body = :body AND subject IS NOT DISTINCT FROM :subject
""")
_LIST = text("""
    SELECT number, message_id AS id, channel, recipient AS to, subject, body, html, delivered_at FROM wallet.message
    WHERE delivered_at <= clock_timestamp() AND (CAST(:recipient AS text) IS NULL OR recipient = :recipient) AND number > :after ORDER BY number LIMIT :limit
""")
_STATE = text("""
    SELECT CASE WHEN delivered_at IS NULL THEN 'lost' WHEN delivered_at > clock_timestamp() THEN 'accepted'
                ELSE 'delivered' END
    FROM wallet.message WHERE message_id = :id
""")


@dataclass
class Fate:
    """What happens to messages of a channel, or to one recipient: `seconds` late, or None: never there. `count` of them."""

    channel: str
    recipient: str | None
    seconds: float | None
    count: int


@dataclass
class Fates:
    """Bad days of the SMS and mail company itself: it takes a message, and the message does not arrive."""

    standing: list[Fate] = field(default_factory=list)

    def taken_by(self, channel: str, recipient: str) -> Fate | None:
        """The first fate that takes this message; counts it."""
        for fate in self.standing:
            if fate.count > 0 and fate.channel == channel and fate.recipient in {None, recipient}:
                fate.count -= 1
                return fate
        return None


async def state(connection: AsyncConnection, message_id: str) -> str:
    """accepted, delivered or lost. Refusals: message_unknown."""
    found: str | None = (await connection.execute(_STATE, {"id": message_id})).scalar()
    if found is None:
        raise Refusal(404, "message_unknown", "No message has this id. Send it first.")
    return found


async def deliver(
    connection: AsyncConnection,
    message_id: str,
    *,
    channel: str,
    recipient: str,
    subject: str | None,
    body: str,
    html: str | None = None,
    fate: Fate | None = None,
) -> None:
    """Deliver once per id: at once, or as `fate` has it. Refusals: message_conflict, when the id was used for another message."""
    moment: datetime | None = (await connection.execute(_CLOCK)).scalar_one()
    if fate is not None and moment is not None:
        moment = None if fate.seconds is None else moment + timedelta(seconds=fate.seconds)
    done = await connection.execute(
        insert(message)
        .values(
            message_id=message_id,
            channel=channel,
            recipient=recipient,
            subject=subject,
            body=body,
            html=html,
            delivered_at=moment,
        )
        .on_conflict_do_nothing(index_elements=["message_id"])
    )
    if done.rowcount == 1:
        return
    same = {"id": message_id, "channel": channel, "recipient": recipient, "subject": subject, "body": body}
    if (await connection.execute(_SAME, same)).first() is None:
        raise Refusal(
            409, "message_conflict", "This id was used for another message. Nothing was sent; use a new id."
        )


async def read(
    connection: AsyncConnection, recipient: str | None, after: int, limit: int
) -> list[dict[str, object]]:
    """Messages delivered to one recipient (or to all), oldest first."""
    rows = await connection.execute(_LIST, {"recipient": recipient, "after": after, "limit": limit})
    return [{**row, "delivered_at": row["delivered_at"].isoformat()} for row in rows.mappings()]
