"""Messages delivered to people: the SMS and mail company of this world."""

from __future__ import annotations

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
    SELECT number, message_id AS id, channel, recipient AS to, subject, body, delivered_at FROM wallet.message
    WHERE (CAST(:recipient AS text) IS NULL OR recipient = :recipient) AND number > :after ORDER BY number LIMIT :limit
""")


async def deliver(
    connection: AsyncConnection,
    message_id: str,
    *,
    channel: str,
    recipient: str,
    subject: str | None,
    body: str,
) -> None:
    """Deliver once per id. Refusals: message_conflict, when the id was used for another message."""
    moment = (await connection.execute(_CLOCK)).scalar_one()
    done = await connection.execute(
        insert(message)
        .values(
            message_id=message_id,
            channel=channel,
            recipient=recipient,
            subject=subject,
            body=body,
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
