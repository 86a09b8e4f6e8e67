"""The wallet company's tables, in a schema of their own.

Balances and openings are `numeric`: one transfer is limited to a signed 64-bit amount, a sum of them is not.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

SCHEMA = "wallet"
metadata = MetaData(schema=SCHEMA)


def _instant(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


account = Table(
    "account",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("real_name_state", Text, nullable=False),
    Column("name", Text, nullable=False),
    _instant("opened_at"),
    _instant("real_name_set_at", nullable=True),
    Column("language", Text),
)

balance = Table(
    "balance",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("opening", Numeric(38, 0), nullable=False),
    Column("inferred", Numeric(38, 0), nullable=False),
    Column("amount", Numeric(38, 0), nullable=False),
    Column("opened_later", Boolean, nullable=False),
)

payout = Table(
    "payout",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("dst", Text, nullable=False),
    Column("dst_kind", Text, nullable=False),
)
"""Where a closed account's money goes: also what comes back to it later."""

posting_head = Table(
    "posting_head",
    metadata,
    Column("only", Boolean, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    _instant("at", nullable=True),
)

transfer = Table(
    "transfer",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("transfer_id", Text, nullable=False, unique=True),
    Column("src", Text, nullable=False),
    Column("dst", Text, nullable=False),
    Column("src_kind", Text, nullable=False),
    Column("dst_kind", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    _instant("posted_at"),
    _instant("settles_at", nullable=True),
    Column("device_id", Text),
    Column("session_id", Text),
    Column("reverses", Text),
    Column("hold_id", Text),
    Column("bank", JSONB(none_as_null=True)),
    Index("transfer_by_source", "src", "posted_at"),
    Index("transfer_reversing", "reverses", unique=True, postgresql_where="reverses IS NOT NULL"),
)

restriction = Table(
    "restriction",
    metadata,
    Column("restriction_id", Text, primary_key=True),
    Column("account_id", Text, nullable=False, index=True),
    Column("scope", Text),
    Column("placer", Text),
    Column("reason", Text, nullable=False),
    _instant("placed_at", nullable=True),
    _instant("expires_at", nullable=True),
    _instant("ended_at", nullable=True),
)

hold = Table(
    "hold",
    metadata,
    Column("hold_id", Text, primary_key=True),
    Column("account_id", Text, nullable=False, index=True),
    Column("placer", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("asked_amount", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    _instant("placed_at"),
    _instant("expires_at"),
    _instant("ended_at", nullable=True),
)

receipt = Table(
    "receipt",
    metadata,
    Column("idempotency_key", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("body", Text, nullable=False),
)

security_entry = Table(
    "security_entry",
    metadata,
    Column("entry_id", Text, primary_key=True),
    Column("account_id", Text, nullable=False, index=True),
    Column("item", Text, nullable=False),
    Column("kind", Text),
    Column("label", Text, nullable=False),
    Column("value", Text),
    Column("secret", Text),
    _instant("set_at"),
    _instant("last_used_at", nullable=True),
    _instant("ended_at", nullable=True),
    Column("ended_by", Text),
    Column("previous_id", Text),
    _instant("changed_at", nullable=True),
    Column("factor", Text),
    Column("passkey", JSONB(none_as_null=True)),
    Column("signals", JSONB(none_as_null=True)),
    Index("security_entry_by_secret", "secret", postgresql_where="secret IS NOT NULL"),
    Index("security_entry_by_contact", "value", postgresql_where="item = 'contacts'"),
    Index("security_entry_recent_contact", "set_at", postgresql_where="item = 'contacts'"),
)

otp_seed = Table(
    "otp_seed",
    metadata,
    Column("entry_id", Text, primary_key=True),
    Column("seed", LargeBinary, nullable=False),
    Column("last_step", BigInteger, nullable=False),
)
"""What an authenticator app and the wallet share. `last_step`: no code of this step or an earlier one is taken again."""

saved_code = Table(
    "saved_code",
    metadata,
    Column("entry_id", Text, primary_key=True),
    Column("code_digest", Text, primary_key=True),
    _instant("used_at", nullable=True),
)

stage_limit = Table(
    "stage_limit",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("stage_id", Text, nullable=False),
    Column("limits", JSONB, nullable=False),
)

owner_link = Table(
    "owner_link",
    metadata,
    Column("link_id", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("token_digest", Text, nullable=False, unique=True),
    Column("purpose", Text, nullable=False, server_default="renew_credentials"),
    Column("reference", Text),
    Column("contact_point_id", Text),
    Column("authenticator_id", Text),
    Column("confirmation_digest", Text),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    _instant("expires_at"),
    _instant("used_at", nullable=True),
    _instant("ended_at", nullable=True),
)
"""`reference`: the caller's case it was made for. `confirmation_digest`: of the code that is asked for besides, `failures`: wrong
ones so far. `ended_at`: it was overtaken or guessed at, and opens nothing any more.
"""

payment = Table(
    "payment",
    metadata,
    Column("payment_id", Text, primary_key=True),
    Column("account_id", Text, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("dst", Text, nullable=False),
    Column("dst_kind", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("entry_id", Text),
    Column("device_id", Text),
    Column("session_id", Text),
    _instant("authorised_at"),
    _instant("due_at"),
    _instant("next_try_at"),
    Column("state", Text, nullable=False),
    Column("refusal", Text),
    Column("transfer_id", Text),
    _instant("settled_at", nullable=True),
    Index("payment_due", "next_try_at", postgresql_where="state = 'pending'"),
)
"""What was allowed and has not moved money yet. `entry_id`: the card or mandate it rests on. `refusal`: why the last try failed."""

message = Table(
    "message",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=True),
    Column("message_id", Text, nullable=False, unique=True),
    Column("channel", Text, nullable=False),
    Column("recipient", Text, nullable=False, index=True),
    Column("subject", Text),
    Column("body", Text, nullable=False),
    Column("html", Text),
    # In the future: on its way. Null: lost.
    _instant("delivered_at", nullable=True),
)

attempt = Table(
    "attempt",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=True),
    Column("account_id", Text, nullable=False, index=True),
    _instant("at"),
    Column("action", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("restricted", Boolean, nullable=False),
    Column("detail", JSONB, nullable=False),
)

alarm = Table(
    "alarm",
    metadata,
    Column("alarm_id", Text, primary_key=True),
    Column("account_id", Text, nullable=False, index=True),
    Column("body", JSONB, nullable=False),
    _instant("raised_at"),
    Column("tries", BigInteger, nullable=False),
    _instant("answered_at", nullable=True),
    Column("answer_status", BigInteger),
    Column("answer", Text),
)

person = Table(
    "person",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("password", Text, nullable=False),
    Column("device", Text, nullable=False),
    Column("contacts", JSONB, nullable=False),
)
"""What the people of this world have in head and hands. The wallet itself keeps only digests of passwords."""

provider_session = Table(
    "provider_session",
    metadata,
    Column("reference", Text, primary_key=True),
    Column("token", Text, nullable=False, unique=True),
    Column("expected", Text, nullable=False),
    Column("callback_url", Text, nullable=False),
    _instant("expires_at"),
    Column("told", JSONB(none_as_null=True)),
)
"""Sessions of the identity provider, another company of this world. `told`: what it last told whom, and how."""

world = Table(
    "world",
    metadata,
    Column("only", Boolean, primary_key=True),
    Column("summary", JSONB, nullable=False),
)

bank_plan = Table(
    "bank_plan",
    metadata,
    Column("exit_account", Text, primary_key=True),
    Column("plan", JSONB, nullable=False),
)

bank_message = Table(
    "bank_message",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=True),
    Column("message_id", Text, nullable=False, unique=True),
    Column("case_id", Text, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("form", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("content", Text, nullable=False),
)

bank_case = Table(
    "bank_case",
    metadata,
    Column("case_id", Text, primary_key=True),
    Column("form", Text, nullable=False),
    Column("exit_account", Text, nullable=False),
    Column("transfer_id", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("asked", BigInteger, nullable=False),
    Column("end_to_end_id", Text),
    Column("uetr", Text),
    Column("seconds", Double, nullable=False),
    Column("actions", JSONB, nullable=False),
    _instant("next_at"),
    Column("answers", BigInteger, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
)
"""What an institution still plans to do about one recall: the first of `actions` at `next_at`."""

bank_answer = Table(
    "bank_answer",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=True),
    Column("case_id", Text, nullable=False, index=True),
    Column("form", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("tries", BigInteger, nullable=False),
    _instant("next_at"),
    _instant("delivered_at", nullable=True),
    Column("status", BigInteger),
    Column("answer", Text),
)
