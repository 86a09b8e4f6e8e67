"""Who is who, told to its end: claimants who are proven, accepted by two people, or found to be impostors."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from models.contracts.identity import Claim, FactorKind
from models.errors import ErrorCode, StanchError
from models.lifecycle import Status
from models.names import DecisionKind, Outcome, Role, StepKind
from sandbox.identity_provider.provider import sign
from sandbox.wallet.one_time import totp
from tests.incidents.house import House
from tests.incidents.recovering import closing_fields

LINK = re.compile(r"/renew#([\w-]+)")
OLD = "2026-01-01T00:00:00Z"


@dataclass
class Enrolled:
    """What the owner of an account has had for long."""

    seed: bytes
    codes: list[str]

    @property
    def code(self) -> str:
        return totp(self.seed, datetime.now(UTC))


def enrol(house: House, account_id: str) -> Enrolled:
    path = f"/people/{account_id}/factors"
    app = house.sandbox.control("POST", path, {"kind": "totp", "set_at": OLD})
    saved = house.sandbox.control("POST", path, {"kind": "recovery_codes", "set_at": OLD})
    return Enrolled(bytes.fromhex(app["seed"]), saved["codes"])


async def claim(house: House, incident_id: str) -> Claim:
    opened = await house.parts.identity.claims.open(incident_id, by=house.people[Role.AGENT])
    found: Claim = await house.parts.identity.claims.enter(opened.token)
    return found


async def prove(house: House, claimant: Claim, owned: Enrolled) -> None:
    await house.parts.identity.secrets.code(claimant, FactorKind.TOTP, owned.code)
    await house.parts.identity.secrets.code(claimant, FactorKind.RECOVERY_CODE, owned.codes.pop())
    await house.parts.wake.now(claimant.incident_id)


async def decide_about(house: House, claimant: Claim, kind: DecisionKind) -> None:
    view = await house.parts.decide.about_claim(claimant, kind, "As I saw.", by=house.people[Role.AGENT])
    await house.approve(view.requests[-1].request_id)
    await house.parts.wake.now(claimant.incident_id)


async def show_document(house: House, claimant: Claim) -> None:
    """The claimant goes to the provider, whose callback this house receives."""
    session = await house.parts.identity.documents.begin(claimant)
    engine = create_async_engine(house.sandbox.database_url)
    async with engine.connect() as connection:
        query = text("SELECT reference FROM wallet.provider_session WHERE token = :token")
        reference = await connection.scalar(query, {"token": session.url.rpartition("/")[2]})
    await engine.dispose()
    body = json.dumps({"reference": reference, "verdict": "passed"}).encode()
    stamp = int(datetime.now(UTC).timestamp())
    headers = {
        "webhook-id": f"msg_{reference}",
        "webhook-timestamp": str(stamp),
        "webhook-signature": sign(house.sandbox.wallet_key, f"msg_{reference}", stamp, body),
    }
    assert await house.parts.identity.documents.callback(headers, body) == claimant.incident_id
    assert await house.parts.identity.documents.callback(headers, body) is None, "told twice, taken once"
    await house.parts.wake.now(claimant.incident_id)


async def ready(house: House, incident_id: str) -> None:
    """The alarm has taken effect."""
    await house.until_rows(
        "SELECT id FROM step WHERE incident_id = :id AND step_key = 'identity/plan/1'", id=incident_id
    )


async def test_a_claimant_is_proven_by_what_only_the_owner_has(house: House) -> None:
    theft = house.steal(9_000)
    owned = enrol(house, theft.account_id)
    incident_id = (await house.alarm(theft)).incident_id
    await ready(house, incident_id)
    owners = await claim(house, incident_id)
    await prove(house, owners, owned)
    await house.until_status(incident_id, Status.VERIFIED, Status.RESET)
    (proof,) = await house.rows("SELECT claim_id, factors FROM proof WHERE incident_id = :id", id=incident_id)
    assert proof.claim_id == owners.claim_id
    assert {each.partition(":")[0] for each in proof.factors} == {"totp", "recovery_code"}
    steps = await house.steps(incident_id, StepKind.FACTOR)
    assert [(each.actor.value, each.result["factor"]) for each in steps] == [
        ("claimant", "totp"),
        ("claimant", "recovery_code"),
    ]

    # Who reads the old mailbox nobody has shown: the link that goes there opens nothing alone.
    others = await claim(house, incident_id)
    await house.until_rows(
        "SELECT 1 FROM step WHERE incident_id = :id AND kind = 'owner_link' AND status = 'done'",
        id=incident_id,
    )
    email = house.sandbox.control("GET", f"/people/{theft.account_id}")["contacts"]["email"]
    (token,) = [found[1] for each in house.sandbox.outbox(email) if (found := LINK.search(each["body"]))]
    whoever = house.sandbox.customer()
    used = {"token": token, "password": "what the reader of the mailbox likes", "authenticator": "theirs"}
    alone = whoever.ask("POST", "/links/use", used)
    assert (alone.status_code, alone.json()["code"]) == (403, "confirmation_wrong")
    assert (await house.parts.identity.link_code.run(others)).code is None
    code = (await house.parts.identity.link_code.run(owners)).code
    assert code is not None
    (link,) = await house.steps(incident_id, StepKind.OWNER_LINK)
    assert link.result["confirmed"] is True
    assert code not in str(link.result)
    whoever.ask("POST", "/links/use", used | {"confirmation": code}).raise_for_status()


async def test_the_new_number_first_and_then_a_report_that_it_began_later(house: House) -> None:
    """The thief binds a number, then reports a theft since a moment after that: the number stays refused."""
    theft = house.steal(9_000)
    points = house.sandbox.state(theft.account_id)["contact_points"]
    thiefs = max(points, key=lambda each: each["set_at"])
    incident_id = (await house.report(theft, compromised_since=datetime.now(UTC))).incident_id
    await house.both_codes(incident_id)
    (planned,) = await house.steps(incident_id, StepKind.PLAN_IDENTITY)
    assert [(each["contact_id"], each["reason"]) for each in planned.result["refused"]] == [
        (thiefs["id"], "set_since")
    ]
    assert house.sandbox.outbox(thiefs["value"]) == []
    callers = await claim(house, incident_id)
    with pytest.raises(StanchError) as refused:
        await house.parts.identity.call_back.run(
            callers, thiefs["id"], "He asked me to.", confirmed=True, by=house.people[Role.AGENT]
        )
    assert refused.value.matches(ErrorCode.REFUSED_BY_RULE)


async def test_no_code_is_read_through_the_thiefs_new_email_or_on_a_ported_number(house: House) -> None:
    theft = house.steal(9_000)
    theft.thief.ask("POST", "/contacts", {"kind": "email", "value": "thief@evil.example"}).raise_for_status()
    contacts = house.sandbox.control("GET", f"/people/{theft.account_id}")["contacts"]
    old = next(
        each
        for each in house.sandbox.state(theft.account_id)["contact_points"]
        if each["value"] == contacts["phone"]
    )
    path = f"/people/{theft.account_id}/entries/{old['id']}/signals"
    house.sandbox.control("POST", path, {"kind": "ported", "at": theft.compromised_since.isoformat()})
    incident_id = (await house.alarm(theft)).incident_id

    async def sent() -> bool:
        return len(await house.codes(incident_id)) == 1

    await house.until(sent, "a code on the one contact that is the owner's")
    assert set(await house.codes(incident_id)) == {contacts["email"]}
    assert house.sandbox.outbox("thief@evil.example") == []
    assert house.sandbox.outbox(contacts["phone"]) == []
    (planned,) = await house.steps(incident_id, StepKind.PLAN_IDENTITY)
    assert {each["reason"] for each in planned.result["refused"]} == {"set_since", "sim_swap"}


async def test_an_owner_without_any_old_factor_shows_a_document_and_two_people_agree(house: House) -> None:
    account_id = house.sandbox.rich_account()
    while house.sandbox.state(account_id)["real_name_state"] != "verified":
        # A document says who somebody is: where nobody knows whose account it is, it says nothing of it.
        account_id = house.sandbox.rich_account()
    theft = house.sandbox.steal(account_id, (9_000,), mules=2)
    incident_id = (await house.alarm(theft)).incident_id
    await ready(house, incident_id)
    owners, pushing = await claim(house, incident_id), await claim(house, incident_id)
    await decide_about(house, pushing, DecisionKind.ACCEPT_IDENTITY)
    await house.until_rows(
        "SELECT step_id FROM identity_evidence WHERE claim_id = :id AND kind = 'review'", id=pushing.claim_id
    )
    view = await house.parts.identity.look.all(incident_id)
    mine = next(each for each in view.claims if each.claim_id == pushing.claim_id)
    assert not mine.proven, "two people cannot make an owner of nothing"
    assert [each.reason for each in mine.refused] == ["nothing_beside"]
    await show_document(house, owners)
    assert (await house.facts(incident_id)).status is Status.FROZEN
    await decide_about(house, owners, DecisionKind.ACCEPT_IDENTITY)
    await house.until_status(incident_id, Status.VERIFIED, Status.RESET)
    (proof,) = await house.rows("SELECT factors FROM proof WHERE incident_id = :id", id=incident_id)
    assert {each.partition(":")[0] for each in proof.factors} == {"document", "review"}


async def test_an_impostor_is_found_the_account_stays_protected_and_the_owner_comes(house: House) -> None:
    theft = house.steal(9_000)
    with house.rules.changed(freeze={"provisional_seconds": 10}):
        incident_id = (await house.report(theft)).incident_id
        await ready(house, incident_id)
        impostors = await claim(house, incident_id)
        result = await house.parts.identity.call_back.run(
            impostors,
            f"{theft.account_id}-phone-1",
            "The owner answered and knew nothing of it.",
            confirmed=False,
            by=house.people[Role.AGENT],
        )
        assert result.refusal is not None
        with pytest.raises(StanchError):
            await house.decide(incident_id, DecisionKind.IMPOSTOR, "protect")
        await decide_about(house, impostors, DecisionKind.IMPOSTOR)
        await house.until_status(incident_id, Status.PROTECTED)
        # The clock of the report has run out when the owner is asked again.
        await house.until_rows(
            "SELECT id FROM step WHERE incident_id = :id AND step_key = 'identity/plan/2'", id=incident_id
        )
    facts = await house.facts(incident_id)
    assert (facts.status, facts.provisional) == (Status.PROTECTED, False)
    assert house.standing(theft.account_id)
    (row,) = await house.rows("SELECT ending FROM identity_claim WHERE id = :id", id=impostors.claim_id)
    assert row.ending == "impostor"
    (notice,) = await house.rows(
        "SELECT template FROM notice_outbox WHERE incident_id = :id AND template = 'impostor_attempt'",
        id=incident_id,
    )
    assert notice.template == "impostor_attempt"
    with pytest.raises(StanchError) as refused:
        await house.parts.identity.call_back.run(
            await house.parts.identity.claims.of_incident(incident_id, impostors.claim_id),
            f"{theft.account_id}-phone-1",
            "Again.",
            confirmed=True,
            by=house.people[Role.AGENT],
        )
    assert refused.value.matches(ErrorCode.REFUSED_BY_RULE)
    await house.prove_owner(incident_id)
    await house.decide(incident_id, DecisionKind.END_AS_IMPOSTOR, Outcome.IMPOSTOR.value)
    closed = await house.until_closed(incident_id)
    assert closed.outcome is Outcome.IMPOSTOR
    assert set(await closing_fields(house, incident_id)) == {"outcome", "rating"}, (
        "no figures to whoever reads it"
    )
    assert house.standing(theft.account_id) == {}


async def test_what_an_impostor_had_proven_is_void_and_nothing_goes_back_to_them(house: House) -> None:
    theft = house.steal(9_000)
    stolen = enrol(house, theft.account_id)
    incident_id = (await house.alarm(theft)).incident_id
    await ready(house, incident_id)
    thiefs = await claim(house, incident_id)
    mail, read = next(
        (value, each) for value, each in (await house.codes_by_contact(incident_id)).items() if "@" in value
    )
    await house.parts.answer_challenge.run(*read, claim=thiefs)
    await prove(house, thiefs, stolen)
    await house.question(incident_id, DecisionKind.RETURN_ACCOUNT)
    await decide_about(house, thiefs, DecisionKind.IMPOSTOR)
    await house.until_status(incident_id, Status.PROTECTED)
    assert not await house.wiring.incidents.proven(incident_id, 1)
    with pytest.raises(StanchError) as refused:
        await house.parts.identity.secrets.code(
            await house.parts.identity.claims.of_incident(incident_id, thiefs.claim_id),
            FactorKind.RECOVERY_CODE,
            stolen.codes.pop(),
        )
    assert refused.value.matches(ErrorCode.REFUSED_BY_RULE)
    assert house.standing(theft.account_id)

    async def asked_again() -> bool:
        return (await house.codes(incident_id))[mail] != read

    await house.until(asked_again, "another code where the impostor had answered")
    await house.prove_owner(incident_id)
    assert house.standing(theft.account_id), "the owner goes on where the impostor was stopped"
    # The owner has answered both contacts; the link goes to the one that no impostor reads.
    await house.until_rows(
        "SELECT 1 FROM step WHERE incident_id = :id AND step_key = 'security/owner-link/2'", id=incident_id
    )
    _, link = await house.steps(incident_id, StepKind.OWNER_LINK)
    points = {each["id"]: each["value"] for each in house.sandbox.state(theft.account_id)["contact_points"]}
    assert points[link.result["contact_id"]] != mail
    assert "confirmed" not in link.result, "the owner has answered there"


async def test_an_ending_as_impostor_needs_an_impostor(house: House) -> None:
    theft = house.steal(9_000)
    incident_id = (await house.alarm(theft)).incident_id
    await ready(house, incident_id)
    await house.decide(incident_id, DecisionKind.END_AS_IMPOSTOR, Outcome.IMPOSTOR.value)
    await house.question(incident_id, DecisionKind.STUCK)
    assert house.standing(theft.account_id)
    assert (await house.facts(incident_id)).status is Status.FROZEN


async def test_an_earlier_compromise_time_takes_the_proof_away_and_another_factor_gives_it_back(
    house: House,
) -> None:
    theft = house.steal(9_000)
    path = f"/people/{theft.account_id}/factors"
    recent = (theft.compromised_since - timedelta(hours=1)).isoformat()
    app = house.sandbox.control("POST", path, {"kind": "totp", "set_at": recent})
    owned = enrol(house, theft.account_id)
    incident_id = (await house.alarm(theft)).incident_id
    await ready(house, incident_id)
    owners = await claim(house, incident_id)
    code = totp(bytes.fromhex(app["seed"]), datetime.now(UTC))
    await house.parts.identity.secrets.code(owners, FactorKind.TOTP, code)
    await house.parts.identity.secrets.code(owners, FactorKind.RECOVERY_CODE, owned.codes.pop())
    await house.parts.wake.now(incident_id)
    await house.question(incident_id, DecisionKind.RETURN_ACCOUNT)
    await house.alarm(theft, compromised_since=theft.compromised_since - timedelta(hours=2))
    await house.until_status(incident_id, Status.FROZEN)
    assert not await house.wiring.incidents.proven(incident_id, 1)
    (voided,) = await house.rows(
        "SELECT kind FROM identity_evidence WHERE incident_id = :id AND voided_at IS NOT NULL", id=incident_id
    )
    assert voided.kind == "totp"
    await house.parts.identity.secrets.code(owners, FactorKind.TOTP, owned.code)
    await house.parts.wake.now(incident_id)
    await house.until_status(incident_id, Status.VERIFIED, Status.RESET)
