"""Notices reach the owner's old contacts, at least once and once per id, and nobody else's."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest

from activities.changes import QueueNotice
from adapters.sql.data_keys import SqlKeyTable
from models.contracts.notices import NoticeView
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.names import DeliveryState, NoticeState, NoticeTemplate, StepKind
from tests.conftest import ROOT
from tests.notices.house import MASTER_KEY, House
from tests.sql.house import now

BACK_DATED = """
UPDATE wallet.security_entry SET set_at = set_at - interval '{days} days'
WHERE account_id = :account_id AND item = 'contacts' AND value = :value
"""


async def test_the_owner_is_told_on_old_contacts_and_the_thief_on_none(house: House) -> None:
    theft = house.steal()
    incident_id = await house.freeze(theft)
    (notice,) = await house.until_settled(incident_id)
    assert (notice.template, notice.state) == ("account_frozen", NoticeState.SENT)
    old, (thiefs,) = house.old(theft), house.new(theft)
    for value in old:
        (message,) = house.sandbox.outbox(value)
        assert "frozen" in message["body"]
        assert "冻结" in message["body"], "no language is known, so it comes in both"
    assert house.sandbox.outbox(thiefs) == []
    assert len(notice.refused_contacts) == 1
    steps = await house.wiring.overview.steps(incident_id)
    told = [step for step in steps if step.kind is StepKind.NOTICE]
    assert len(told) == len(old) == 2
    for step in told:
        assert step.result["template"] == "account_frozen"
        assert (step.result["version"], step.result["language"], step.result["state"]) == (
            1,
            "en+zh-Hans",
            "sent",
        )
        assert not any(value in str(step.result) for value in [*old, thiefs])


ANSWERED = """
WITH opened AS (
    INSERT INTO operator VALUES (:operator, :operator, 'agent', :operator, now(), NULL)
), claimed AS (
    INSERT INTO identity_claim (id, incident_id, episode, token_digest, opened_by, opened_at, expires_at, ended_at, ending)
    VALUES (:claim, :incident, 1, :claim, :operator, now(), now(), now(), 'impostor')
)
INSERT INTO identity_challenge (id, incident_id, episode, contact_id, channel, contact_set_at, round, code_digest, sent_at,
    expires_at, attempts, attempts_allowed, answered_at, voided_at, claim_id)
VALUES (:claim, :incident, 1, :contact, 'email', now(), 1, '', now(), now(), 1, 10, now(), now(), :claim) RETURNING 1
"""
"""A claimant answered a code at this contact, and was named an impostor."""


async def test_where_an_impostor_answered_no_notice_goes_and_with_no_contact_left_people_are_told(
    house: House,
) -> None:
    theft = house.steal()
    incident_id = await house.freeze(theft)
    await house.until_settled(incident_id)
    points = house.sandbox.state(theft.account_id)["contact_points"]
    ids = {each["value"]: each["id"] for each in points if each["value"] in house.old(theft)}
    mail, phone = sorted(ids, key=lambda value: "@" not in value)

    async def named_after_answering_at(value: str) -> NoticeView:
        claim = {"operator": new_id(), "claim": new_id(), "incident": incident_id}
        await house.rows(ANSWERED, **claim, contact=ids[value])
        await house.promise(incident_id, QueueNotice(NoticeTemplate.IMPOSTOR_ATTEMPT))
        return (await house.until_settled(incident_id))[0]

    notice = await named_after_answering_at(mail)
    assert notice.state is NoticeState.SENT
    assert ids[mail] in notice.refused_contacts
    assert [len(house.sandbox.outbox(value)) for value in (mail, phone)] == [1, 2]
    await house.rows(
        "UPDATE alarm SET acknowledged_at = now() WHERE incident_id = :id RETURNING 1", id=incident_id
    )
    await house.rows(
        "UPDATE incident SET compromised_since = :since WHERE id = :id RETURNING 1",
        since=theft.compromised_since,
        id=incident_id,
    )
    notice = await named_after_answering_at(phone)
    assert notice.state is NoticeState.NO_CONTACT, "shown in red until one of us has told the owner"
    assert [len(house.sandbox.outbox(value)) for value in (mail, phone)] == [1, 2]


async def test_a_number_ported_within_the_window_of_the_rules_is_told_nothing(house: House) -> None:
    theft = house.steal()
    phone = next(each for each in house.old(theft) if "@" not in each)
    points = house.sandbox.state(theft.account_id)["contact_points"]
    contact_id = next(each["id"] for each in points if each["value"] == phone)
    ported = {"kind": "ported", "at": (theft.compromised_since - timedelta(days=10)).isoformat()}
    house.sandbox.control("POST", f"/people/{theft.account_id}/entries/{contact_id}/signals", ported)
    contacts = house.deliver.contacts
    month = contacts.rules.model_copy(update={"swap_window_seconds": 30 * 86_400})
    house.deliverer.deliver = replace(house.deliver, contacts=replace(contacts, rules=month))
    (notice,) = await house.until_settled(await house.freeze(theft))
    assert notice.state is NoticeState.SENT
    assert [each.channel for each in notice.deliveries] == ["email"]
    assert house.sandbox.outbox(phone) == []


async def test_a_contact_that_the_thief_back_dated_is_found_by_what_it_replaced(house: House) -> None:
    theft = house.steal()
    (thiefs,) = house.new(theft)
    await house.in_wallet(BACK_DATED.format(days=1), account_id=theft.account_id, value=thiefs)
    incident_id = await house.freeze(theft)
    (notice,) = await house.until_settled(incident_id)
    assert notice.state is NoticeState.SENT
    assert house.sandbox.outbox(thiefs) == []
    assert all(len(house.sandbox.outbox(value)) == 1 for value in house.old(theft))
    assert len(notice.refused_contacts) == 1


async def test_a_contact_that_appears_later_is_never_told_however_old_it_claims_to_be(house: House) -> None:
    theft = house.steal()
    incident_id = await house.freeze(theft)
    await house.until_settled(incident_id)
    planted = "+8618700000001"
    await house.in_wallet(
        "INSERT INTO wallet.security_entry (entry_id, account_id, item, kind, label, value, set_at) "
        "VALUES ('ent-planted', :account_id, 'contacts', 'phone', 'phone', :value, now() - interval '900 days')",
        account_id=theft.account_id,
        value=planted,
    )
    # And one of the owner's own, under the same id and time, is another number now.
    phone = next(value for value in house.old(theft) if value.startswith("+"))
    await house.in_wallet(
        "UPDATE wallet.security_entry SET value = '+8618700000002' WHERE account_id = :id AND value = :phone",
        id=theft.account_id,
        phone=phone,
    )
    await house.whole(incident_id)
    notice = (await house.until_settled(incident_id))[0]
    assert notice.template == "account_whole"
    assert house.sandbox.outbox(planted) == house.sandbox.outbox("+8618700000002") == []
    assert "ent-planted" in notice.refused_contacts
    mail = next(value for value in house.old(theft) if "@" in value)
    assert len(house.sandbox.outbox(mail)) == 2


async def test_the_language_that_the_wallet_knows_is_used_alone(house: House) -> None:
    theft = house.steal()
    house.sandbox.control("POST", f"/accounts/{theft.account_id}/language", {"language": "zh-CN"})
    incident_id = await house.freeze(theft)
    (notice,) = await house.until_settled(incident_id)
    assert {each.language for each in notice.deliveries} == {"zh-Hans"}
    for value in house.old(theft):
        (message,) = house.sandbox.outbox(value)
        assert "账户" in message["body"]
        assert "account" not in message["body"]
        assert (message["html"] is not None) == (message["channel"] == "email")


async def test_killed_between_sending_and_recording_it_is_sent_again_and_delivered_once(
    house: House, database_url: str
) -> None:
    theft = house.steal()
    incident_id = await house.freeze(theft)
    sandbox = house.sandbox
    environ = {
        "STANCH_DATABASE_URL": database_url,
        "STANCH_WALLET_URL": sandbox.url,
        "STANCH_WALLET_KEY": sandbox.wallet_key,
        "STANCH_MESSAGE_URL": sandbox.url,
        "STANCH_MESSAGE_KEY": sandbox.message_key,
        "STANCH_MASTER_KEY": MASTER_KEY,
        "STANCH_POLICY": "demo",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.notices.killed",
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        stdin=subprocess.DEVNULL,
    )
    async with asyncio.timeout(30):
        assert await process.wait() == -signal.SIGKILL
    before = [message["id"] for value in house.old(theft) for message in sandbox.outbox(value)]
    assert len(before) == 1, "one was taken"
    (waiting,) = await house.notices(incident_id)
    assert (waiting.state, waiting.deliveries) == (NoticeState.WAITING, ()), "and nobody knows of it"
    (notice,) = await house.until_settled(incident_id)
    after = [message["id"] for value in house.old(theft) for message in sandbox.outbox(value)]
    assert len(after) == len(set(after)) == len(notice.deliveries) == 2
    assert before[0] in after
    assert {each.message_id for each in notice.deliveries} == set(after)


async def test_ten_notices_wait_for_a_provider_that_is_away_and_all_arrive(house: House) -> None:
    theft = house.steal()
    incident_id = await house.freeze(theft)
    await house.until_settled(incident_id)
    house.sandbox.fault("POST /gateway/messages", "error", count=10_000)
    await house.whole(incident_id, 10)
    for _ in range(3):
        await house.deliverer.once()
    found = await house.notices(incident_id)
    waiting = [each for each in found if each.template == "account_whole"]
    assert {(each.state, each.last_error) for each in waiting} == {("waiting", "wallet_unreachable")}
    assert (await house.parts.tell.counts())[NoticeState.WAITING] == 10
    house.sandbox.clear_faults()
    found = await house.until_settled(incident_id)
    assert {each.state for each in found} == {NoticeState.SENT}
    for value in house.old(theft):
        assert len(house.sandbox.outbox(value)) == 11


async def test_what_reaches_nobody_is_given_up_shown_and_can_be_told_again(house: House) -> None:
    theft = house.steal()
    incident_id = await house.freeze(theft)
    house.sandbox.fault("POST /gateway/messages", "error", count=10_000)
    house.deliverer.deliver = replace(house.deliver, patience=timedelta(0))
    (notice,) = await house.until_settled(incident_id)
    assert (notice.state, notice.last_error) == (NoticeState.GIVEN_UP, ErrorCode.WALLET_UNREACHABLE)
    shown = await house.parts.tell.all(state=None, unreached=True, limit=10)
    assert [each.notice_id for each in shown] == [notice.notice_id]
    assert (await house.parts.tell.counts())[NoticeState.GIVEN_UP] == 1
    house.sandbox.clear_faults()
    again = await house.parts.tell.again(notice.notice_id)
    assert (again.state, again.round) == (NoticeState.WAITING, 2)
    with pytest.raises(StanchError) as refused:
        await house.parts.tell.again(notice.notice_id)
    assert refused.value.matches(ErrorCode.REFUSED_BY_RULE)
    (told,) = await house.until_settled(incident_id)
    assert (told.state, len(told.deliveries)) == (NoticeState.SENT, 2)
    assert not await house.parts.tell.all(state=None, unreached=True, limit=10)


async def test_without_an_old_contact_nobody_is_told_and_agents_see_it(house: House) -> None:
    theft = house.steal()
    incident_id = await house.freeze(theft, compromised_since=theft.compromised_since - timedelta(days=4000))
    await house.rows(
        "UPDATE alarm SET acknowledged_at = now() WHERE incident_id = :id RETURNING 1", id=incident_id
    )
    await house.rows(
        "UPDATE incident SET compromised_since = :at WHERE id = :id RETURNING 1",
        id=incident_id,
        at=theft.compromised_since - timedelta(days=4000),
    )
    (notice,) = await house.until_settled(incident_id)
    assert notice.state is NoticeState.NO_CONTACT
    assert len(notice.refused_contacts) == 3
    assert all(house.sandbox.outbox(value) == [] for value in [*house.old(theft), *house.new(theft)])


async def test_a_lost_message_goes_out_again_under_a_new_id(house: House) -> None:
    theft = house.steal()
    house.sandbox.control("POST", "/faults/messages", {"channel": "sms", "count": 1})
    incident_id = await house.freeze(theft)
    (sent,) = await house.until_settled(incident_id)
    phone = next(value for value in house.old(theft) if value.startswith("+"))
    assert house.sandbox.outbox(phone) == []
    (notice,) = await house.until_told(incident_id, "delivered", "lost")
    (notice,) = await house.until_settled(incident_id)
    (notice,) = await house.until_told(incident_id, "delivered", "lost")
    (message,) = house.sandbox.outbox(phone)
    by_state = {each.message_id: each.state for each in notice.deliveries}
    assert by_state[message["id"]] is DeliveryState.DELIVERED
    assert sorted(by_state.values()) == ["delivered", "delivered", "lost"]
    assert (sent.round, notice.round, notice.state) == (1, 2, NoticeState.SENT)
    mail = next(value for value in house.old(theft) if "@" in value)
    assert len(house.sandbox.outbox(mail)) == 1, "what arrived is not sent twice"


async def test_a_message_that_gets_lost_every_time_is_given_up(house: House) -> None:
    theft = house.steal()
    for channel in ("sms", "email"):
        house.sandbox.control("POST", "/faults/messages", {"channel": channel, "count": 100})
    incident_id = await house.freeze(theft)
    for _ in range(3):
        await house.until_settled(incident_id)
        await house.until_told(incident_id, "lost")
    (notice,) = await house.until_settled(incident_id)
    assert (notice.state, notice.last_error) == (NoticeState.GIVEN_UP, "lost")
    assert len(notice.deliveries) == 6


async def test_an_erased_incident_tells_nobody_anything_more(house: House) -> None:
    theft = house.steal()
    incident_id = await house.freeze(theft)
    await SqlKeyTable(house.wiring.engine).destroy(incident_id, now())
    (notice,) = await house.until_settled(incident_id)
    assert (notice.state, notice.last_error) == (NoticeState.ERASED, ErrorCode.ERASED)
    assert all(house.sandbox.outbox(value) == [] for value in house.old(theft))


async def test_a_holder_is_told_on_contacts_older_than_the_promise(house: House) -> None:
    theft = house.steal()
    (mule,) = theft.mules
    incident_id = await house.freeze(theft)
    fields = {"amount": "20000", "currency": "CNY", "until": now().isoformat(), "state": "held"}
    fields["reference"] = reference = new_id()
    await house.promise(
        incident_id, QueueNotice(NoticeTemplate.MONEY_HELD, fields=fields, account_id=mule.account_id)
    )
    mule.ask("POST", "/contacts", {"kind": "email", "value": "later@mail.example"}).raise_for_status()
    held, _ = await house.until_settled(incident_id)
    assert (held.template, held.account_id, held.state) == ("money_held", mule.account_id, NoticeState.SENT)
    assert house.sandbox.outbox("later@mail.example") == []
    values = [point["value"] for point in house.sandbox.state(mule.account_id)["contact_points"]]
    told = [message for value in values for message in house.sandbox.outbox(value)]
    assert len(told) == 1
    assert "CNY 200.00" in told[0]["body"]
    assert reference in told[0]["body"]
    assert incident_id not in told[0]["body"], "that is somebody else's case"


async def test_a_holder_who_was_robbed_too_is_told_on_contacts_of_before(house: House) -> None:
    theft, other = house.steal(), house.steal()
    incident_id, _ = await house.freeze(theft), await house.freeze(other)
    fields = {"amount": "20000", "currency": "CNY", "until": now().isoformat(), "state": "held"}
    held = QueueNotice(NoticeTemplate.MONEY_HELD, fields=fields, account_id=other.account_id)
    await house.promise(incident_id, held)
    await house.until_settled(incident_id)
    (thiefs,) = house.new(other)
    assert house.sandbox.outbox(thiefs) == []
    assert all(
        any("CNY 200.00" in message["body"] for message in house.sandbox.outbox(value))
        for value in house.old(other)
    )


async def test_words_that_cannot_be_filled_are_given_up_at_once(house: House) -> None:
    theft = house.steal()
    incident_id = await house.freeze(theft)
    await house.promise(incident_id, QueueNotice(NoticeTemplate.STAGE_ENTERED, fields={"number": "1"}))
    stage, _ = await house.until_settled(incident_id)
    assert (stage.state, stage.last_error) == (NoticeState.GIVEN_UP, ErrorCode.INVALID)
