"""A forgotten password without a theft, through the front door: on the whole engine, a real wallet and a real database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from models.names import DecisionKind, Role
from tests.incidents.forgetting import forgetful
from tests.incidents.house import House


async def test_the_owner_gets_a_new_password_nobody_stays_in_and_a_strange_device_is_one_click_away(
    house: House,
) -> None:
    account_id = house.sandbox.rich_account()
    inside = house.sandbox.customer()
    password = house.sandbox.control("GET", f"/people/{account_id}")["password"]
    inside.log_in(account_id, password).raise_for_status()
    async with forgetful(house, account_id) as owner:
        assert (await owner.begin()).status_code == 202
        assert await owner.state() == "begun"
        first, second = (await owner.codes(2)).values()
        assert await owner.answer(*first) == 200
        assert await owner.answer(*first) == 422, "a code is used once"
        assert await owner.state() == "begun", "one code is not enough where so much lies"
        assert (await owner.ask("GET", "/check-up")).status_code == 409
        assert await owner.answer(*second) == 200
        await owner.until("link_sent")
        used = {"token": owner.link(), "password": "a new one that is long"}
        house.sandbox.client.post("/public/links/use", json=used).raise_for_status()
        await owner.until("renewed")
        assert inside.ask("GET", "/me").status_code == 401, "who was in by the old password is out"
        shown = (await owner.ask("GET", "/check-up")).raise_for_status().json()
        strange = next(each for each in shown["changes"] if each["item"] == "devices")
        clicked = await owner.ask("POST", "/alarm", {"strange": [strange["change_id"]]})
        again = await owner.ask("POST", "/alarm", {"strange": [strange["change_id"]]})
        assert clicked.status_code == 202, clicked.text
        assert again.json() == clicked.json()
        assert clicked.json()["freeze"] == "done"
        incident_id = clicked.json()["incident_id"]
        assert house.standing(account_id)
        facts = await house.facts(incident_id)
        assert facts.provisional, "what a check-up says is a report like any other"
        notices = await house.rows(
            "SELECT template, account_id FROM notice_outbox WHERE incident_id = :id", id=owner.recovery_id
        )
        assert [tuple(each) for each in notices] == [("credential_renewed", account_id)]
        due = await house.wiring.notices.due(10_000, timedelta(seconds=60))
        (promised,) = [each for each in due if each.incident_id == owner.recovery_id]
        assert promised.trusted_before is not None, "a contact bound since the beginning would hear nothing"
        assert await house.wiring.deliver_notice.run(promised)
        for value in owner.contacts.values():
            assert any(
                "a new password was set" in each["body"].casefold() for each in house.sandbox.outbox(value)
            ), value
        report = await house.audit(owner.recovery_id)
        assert report.findings == ()
        assert [each.type for each in report.workflows] == ["RecoverCredential"]
        assert (report.performed, report.beside, report.steps) == (8, 2, 10)
        found = await house.rows(
            "SELECT count(*) AS traced FROM trace_run WHERE incident_id = :id", id=owner.recovery_id
        )
        assert found[0].traced == 0, "the cheap path follows no money"


async def test_stuck_two_people_decide_and_the_link_goes_to_a_contact_of_old_all_the_same(
    house: House,
) -> None:
    async with forgetful(house) as owner:
        await owner.begin(
            email=house.sandbox.control("GET", f"/people/{owner.account_id}")["contacts"]["email"]
        )
        await owner.codes(2)
        assert (await owner.ask("POST", "/help")).status_code == 202
        asked = await house.question(owner.recovery_id, DecisionKind.CREDENTIAL)
        assert asked.four_eyes
        chosen = await house.parts.decide.request(
            asked.task_id, "send_link", "I know the voice.", by=house.people[Role.AGENT]
        )
        await house.parts.wake.now(owner.recovery_id)
        assert await owner.state() == "begun", "one person cannot"
        await house.approve(chosen.requests[-1].request_id)
        await house.parts.wake.now(owner.recovery_id)
        await owner.until("link_sent")
        (sent,) = await house.rows(
            "SELECT role, step_key FROM step WHERE incident_id = :id AND kind = 'owner_link'",
            id=owner.recovery_id,
        )
        assert sent.step_key == f"approval/{chosen.requests[-1].request_id}"
        assert sent.role == house.people[Role.SUPERVISOR].operator_id
        assert owner.link()


async def test_nobody_learns_who_has_an_account_and_an_open_incident_goes_first(house: House) -> None:
    """The same answers for the owner of a frozen account, for a number of nobody, and for one that is asked too often."""
    theft = house.steal(9_000)
    incident_id = (await house.alarm(theft)).incident_id
    answers: list[tuple[Any, ...]] = []
    endings: list[str] = []
    async with forgetful(house, theft.account_id) as victim, forgetful(house) as stranger:
        await house.until_rows("SELECT id FROM incident WHERE id = :id AND status = 'frozen'", id=incident_id)
        # By the mailbox: the old number is not the account's any more since the thief replaced it.
        mailbox = {"email": victim.contacts["email"]}
        for who, by in (
            (victim, mailbox),
            (stranger, {"phone": "+4915500000001"}),
            (stranger, {"email": "no@body.example"}),
        ):
            begun = await who.begin(**by)
            answers.append((begun.status_code, sorted(begun.json()), await who.state()))
            wrong = await who.ask("POST", "/codes", {"challenge_id": "0" * 26, "code": "12345678"})
            answers[-1] += (wrong.status_code, wrong.json(), (await who.ask("POST", "/help")).json())
            endings.append(await who.ended())
            answers[-1] += (await who.state(),)
        more = [await stranger.begin(phone="+4915500000001") for _ in range(3)]
        assert [each.status_code for each in more] == [202] * 3
        assert (await stranger.state(), await stranger.ended()) == ("begun", "too_often")
        (await stranger.ask("POST", "/help")).raise_for_status()
        await house.parts.wake.now(stranger.recovery_id)
    assert endings == ["incident", "nobody", "nobody"]
    assert answers[0] == answers[1] == answers[2]
    assert not await house.rows(
        "SELECT id FROM identity_challenge WHERE incident_id = :id", id=victim.recovery_id
    ), "no code beside those of the incident"
    steps = "SELECT id FROM step WHERE incident_id = :id"
    assert not await house.rows(steps, id=stranger.recovery_id), "begun too often, it begins nothing"


async def test_a_contact_bound_just_now_gets_neither_code_nor_link(house: House) -> None:
    """The thief has the password and binds a number first; then it is forgotten, so to speak, by that very number."""
    account_id = house.sandbox.rich_account()
    thief = house.sandbox.customer()
    thief.log_in(
        account_id, house.sandbox.control("GET", f"/people/{account_id}")["password"]
    ).raise_for_status()
    thief.ask("POST", "/contacts", {"kind": "phone", "value": "+8618000000777"}).raise_for_status()
    async with forgetful(house, account_id) as knows:
        await knows.begin(phone="+8618000000777")
        await knows.codes(1)
        assert house.sandbox.outbox("+8618000000777") == []
        plan = await house.rows(
            "SELECT count(*) AS codes FROM identity_challenge WHERE incident_id = :id", id=knows.recovery_id
        )
        assert plan[0].codes == 1, "the mailbox of old alone"
        for _ in range(12):
            assert await knows.answer("0" * 26, "00000000") == 422
        reference, code = (await knows.codes(1))["email"]
        assert await knows.answer(reference, code) == 422, "too many: not even the right one counts now"
        assert await knows.state() == "begun"


async def test_codes_of_two_recoveries_are_never_added_up(house: House) -> None:
    """Two people ask at once for one account: each has shown one code, and neither is the owner."""
    account_id = house.sandbox.rich_account()
    async with forgetful(house, account_id) as one, forgetful(house, account_id) as other:
        await one.begin()
        await other.begin(email=other.contacts["email"])
        by_phone, by_mail = (await one.codes(2))["phone"], (await other.codes(2))["email"]
        assert await one.answer(*by_mail) == 422, "another recovery's code"
        assert await one.answer(*by_phone) == 200
        assert await other.answer(*by_mail) == 200
        assert await other.answer(*(await other.codes(2))["phone"]) == 200
        await other.until("link_sent")
        assert await one.state() == "begun"


async def test_an_incident_that_begins_meanwhile_goes_first(house: House) -> None:
    """The link is out when the detector finds a theft: whatever is set with it, the incident resets."""
    theft = house.steal(9_000)
    async with forgetful(house, theft.account_id) as owner:
        await owner.begin(email=owner.contacts["email"])
        await owner.codes(1)
        (await owner.ask("POST", "/help")).raise_for_status()
        asked = await house.question(owner.recovery_id, DecisionKind.CREDENTIAL)
        chosen = await house.parts.decide.request(
            asked.task_id, "send_link", "I know the voice.", by=house.people[Role.AGENT]
        )
        await house.approve(chosen.requests[-1].request_id)
        await house.parts.wake.now(owner.recovery_id)
        await owner.until("link_sent")
        await house.alarm(theft)
        assert await owner.ended() == "incident"
        assert await owner.state() == "begun"
        assert (await owner.ask("GET", "/check-up")).status_code == 409
