"""Locking accounts, and reading them in one statement: one snapshot, never a torn state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from sandbox.problems import refusal

ITEMS = (
    "password",
    "sessions",
    "refresh_tokens",
    "devices",
    "factors",
    "contacts",
    "api_keys",
    "payees",
    "mandates",
    "cards",
    "limits",
    "forwarding",
)
MUST_RENEW = "must_renew"
HOLDING_KINDS = ("wallet", "pooling")

_LOCK = text("""
    SELECT account_id, kind, status FROM wallet.account
    WHERE account_id = ANY(:ids) AND kind IN ('wallet', 'pooling') ORDER BY account_id FOR NO KEY UPDATE
""")
_KIND = text("SELECT kind FROM wallet.account WHERE account_id = :account_id")

_STATE = text("""
SELECT json_build_object(
    'account_id', a.account_id, 'status', a.status, 'real_name_state', a.real_name_state,
    'language', a.language,
    'read_at', clock_timestamp(),
    'balances', COALESCE((
        SELECT json_agg(json_build_object('currency', b.currency, 'balance', b.amount, 'held', b.held,
                                          'available', b.amount - b.held) ORDER BY b.currency)
        FROM (SELECT currency, amount, COALESCE((
                  SELECT sum(h.amount) FROM wallet.hold h
                  WHERE h.account_id = balance.account_id AND h.currency = balance.currency
                    AND h.ended_at IS NULL AND h.expires_at > clock_timestamp()), 0) AS held
              FROM wallet.balance WHERE account_id = a.account_id) b), '[]'),
    'restrictions', COALESCE((
        SELECT json_agg(json_build_object('restriction_id', restriction_id, 'scope', scope, 'placed_at', placed_at,
                                          'expires_at', expires_at) ORDER BY placed_at)
        FROM wallet.restriction WHERE account_id = a.account_id AND ended_at IS NULL
          AND (expires_at IS NULL OR expires_at > clock_timestamp())), '[]'),
    'stage_limits', (SELECT limits FROM wallet.stage_limit WHERE account_id = a.account_id),
    'contact_points', COALESCE((
        SELECT json_agg(json_build_object('id', e.entry_id, 'kind', e.kind, 'value', e.value, 'set_at', e.set_at,
                                          'removed_at', e.ended_at, 'previous_value', p.value,
                                          'previous_set_at', p.set_at, 'changed_at', e.changed_at,
                                          'signals', COALESCE(e.signals, '[]')) ORDER BY e.set_at, e.entry_id)
        FROM wallet.security_entry e LEFT JOIN wallet.security_entry p ON p.entry_id = e.previous_id
        WHERE e.account_id = a.account_id AND e.item = 'contacts'), '[]'),
    'trusted_contacts', COALESCE((
        SELECT json_agg(json_build_object('id', e.entry_id, 'kind', e.kind, 'value', e.value, 'set_at', e.set_at,
                                          'removed_at', e.ended_at, 'previous_value', NULL, 'previous_set_at', NULL,
                                          'changed_at', e.changed_at, 'signals', COALESCE(e.signals, '[]'))
                        ORDER BY e.set_at, e.entry_id)
        FROM wallet.security_entry e WHERE e.account_id = a.account_id AND e.item = 'trusted_contacts'), '[]'),
    'owner_links', COALESCE((
        SELECT json_agg(json_build_object('link_id', l.link_id, 'purpose', l.purpose, 'reference', l.reference,
                                          'contact_point_id', l.contact_point_id, 'created_at', l.created_at,
                                          'expires_at', l.expires_at, 'used_at', l.used_at, 'ended_at', l.ended_at,
                                          'authenticator_id', l.authenticator_id) ORDER BY l.created_at, l.link_id)
        FROM wallet.owner_link l WHERE l.account_id = a.account_id), '[]'),
    'real_name_set_at', CASE WHEN a.real_name_state = 'verified' THEN COALESCE(a.real_name_set_at, a.opened_at) END,
    'security', (
        SELECT json_object_agg(i.item, COALESCE(s.entries, '[]'))
        FROM unnest(CAST(:items AS text[])) AS i(item) LEFT JOIN (
            SELECT e.item, json_agg(json_build_object(
                'id', e.entry_id, 'label', e.label, 'set_at', e.set_at, 'last_used_at', e.last_used_at,
                'active', e.ended_at IS NULL AND e.label <> 'must_renew', 'ended_at', e.ended_at,
                'ended_by', e.ended_by,
                'previous', CASE WHEN p.entry_id IS NULL THEN NULL ELSE
                    json_build_object('id', p.entry_id, 'label', p.label, 'set_at', p.set_at) END,
                'changed_at', e.changed_at, 'factor', e.factor, 'passkey', e.passkey
                ) ORDER BY e.set_at, e.entry_id) AS entries
            FROM wallet.security_entry e LEFT JOIN wallet.security_entry p ON p.entry_id = e.previous_id
            WHERE e.account_id = a.account_id GROUP BY e.item) s ON s.item = i.item)
)::text
FROM wallet.account a WHERE a.account_id = :account_id AND a.kind IN ('wallet', 'pooling')
""")

_FIND = text("""
SELECT a.account_id, a.status, a.name,
    (SELECT value FROM wallet.security_entry e WHERE e.account_id = a.account_id AND e.item = 'contacts'
       AND e.kind = 'phone' AND e.ended_at IS NULL ORDER BY set_at DESC LIMIT 1) AS phone,
    (SELECT value FROM wallet.security_entry e WHERE e.account_id = a.account_id AND e.item = 'contacts'
       AND e.kind = 'email' AND e.ended_at IS NULL ORDER BY set_at DESC LIMIT 1) AS email
FROM wallet.account a
WHERE a.kind IN ('wallet', 'pooling') AND (a.account_id = :account_id OR a.account_id IN (
    SELECT e.account_id FROM wallet.security_entry e
    WHERE e.item = 'contacts' AND e.value = :contact AND e.kind = :kind AND e.ended_at IS NULL))
ORDER BY a.account_id
""")


@dataclass(frozen=True)
class LockedAccount:
    """An account that holds balances, locked until the transaction ends."""

    account_id: str
    kind: str
    status: str


async def lock(connection: AsyncConnection, ids: Iterable[str]) -> dict[str, LockedAccount]:
    """Lock those of `ids` that hold balances, always in the same order; exits are never locked."""
    rows = await connection.execute(_LOCK, {"ids": sorted(set(ids))})
    return {row.account_id: LockedAccount(row.account_id, row.kind, row.status) for row in rows}


async def lock_one(connection: AsyncConnection, account_id: str, *, open_only: bool = True) -> LockedAccount:
    """Lock one account. Refusals: account_unknown, and account_closed when `open_only`."""
    found = (await lock(connection, [account_id])).get(account_id)
    if found is None:
        raise refusal("account_unknown")
    if open_only and found.status == "closed":
        raise refusal("account_closed")
    return found


async def kind_of(connection: AsyncConnection, account_id: str) -> str | None:
    """The kind of any account or exit; None when unknown."""
    return (await connection.execute(_KIND, {"account_id": account_id})).scalar()


async def read_state(connection: AsyncConnection, account_id: str) -> str:
    """AccountState of the contract, as JSON text. Refusals: account_unknown."""
    state = (await connection.execute(_STATE, {"account_id": account_id, "items": list(ITEMS)})).scalar()
    if state is None:
        raise refusal("account_unknown")
    return str(state)


async def find(
    connection: AsyncConnection, *, account_id: str | None, kind: str | None, contact: str | None
) -> list[dict[str, object]]:
    """Accounts by id or by a contact value that is set now, personal data masked."""
    rows = await connection.execute(_FIND, {"account_id": account_id, "kind": kind, "contact": contact})
    return [
        {
            "account_id": row.account_id,
            "status": row.status,
            "name_masked": mask_name(row.name),
            "phone_masked": mask_phone(row.phone) if row.phone else None,
            "email_masked": mask_email(row.email) if row.email else None,
        }
        for row in rows
    ]


def mask_name(name: str) -> str:
    """The last word and the first letter of the others."""
    words = name.split()
    return " ".join([word[:1] + "**" for word in words[:-1]] + words[-1:])


def mask_phone(phone: str) -> str:
    """Country code and the last four digits."""
    return f"{phone[:3]}{'*' * max(1, len(phone) - 7)}{phone[-4:]}"


def mask_email(email: str) -> str:
    """First letter and domain."""
    name, _, domain = email.partition("@")
    return f"{name[:1]}***@{domain}"


def contact_label(kind: str, value: str) -> str:
    """How a contact is named in labels."""
    return f"{kind} {mask_phone(value) if kind == 'phone' else mask_email(value)}"
