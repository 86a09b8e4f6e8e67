"""Two claimants who have both shown something: people hear of it at once, and nothing is lifted before they have decided."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities.contests import Contests
from models.contracts.identity import FactorKind, IdentityRules, ProofAction, ProofRule
from models.contracts.steps import StepInput
from models.errors import ErrorCode, StanchError
from models.lifecycle import Status
from models.names import DecisionKind, Outcome, Role, StepKind
from tests.incidents.house import House
from tests.incidents.test_claimants import claim, decide_about, enrol, ready

ALERTS = "SELECT detail, severity FROM staff_alert WHERE kind = 'identity_contested' AND incident_id = :id"
OPEN = "SELECT choices FROM decision_task WHERE kind = :kind AND incident_id = :id AND closed_at IS NULL"
CLOSED = "SELECT 1 FROM decision_task WHERE kind = :kind AND incident_id = :id AND closed_at IS NOT NULL"


class InTwoDays:
    """Port `Clock`: every claim of today has run out by then."""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(days=2)


def with_rules(rules: IdentityRules, *more: ProofRule) -> IdentityRules:
    """The rules and more of them."""
    return IdentityRules.model_validate(rules.model_dump() | {"rules": (*rules.rules, *more)})


async def test_a_report_that_two_have_shown_factors_for_does_not_lapse_as_silence(house: House) -> None:
    """The thief answers one code of the stolen phone and waits for the report's clock."""
    theft = house.steal(9_000)
    owned = enrol(house, theft.account_id)
    with house.rules.changed(freeze={"provisional_seconds": 6}):
        incident_id = (await house.report(theft)).incident_id
        codes = await house.codes_by_contact(incident_id)
        contacts = house.sandbox.control("GET", f"/people/{theft.account_id}")["contacts"]
        await house.answer(*codes[contacts["phone"]])
        thiefs = house.tokens.pop(incident_id)
        await house.answer(*codes[contacts["email"]])
        asked = await house.question(incident_id, DecisionKind.IDENTITY_CONTESTED)
        assert asked.choices == ("keep",)
        assert [tuple(each) for each in await house.rows(ALERTS, id=incident_id)] == [
            ("identity_contested", "critical")
        ]
        assert not (await house.facts(incident_id)).provisional
        # The clock of the report has run out when the owner is asked again.
        await house.until_rows(
            "SELECT id FROM step WHERE incident_id = :id AND step_key = 'identity/plan/2'", id=incident_id
        )
    assert (await house.facts(incident_id)).status is Status.FROZEN
    assert house.standing(theft.account_id)
    await house.decide(incident_id, DecisionKind.IDENTITY_CONTESTED, "keep")
    await house.until_rows(CLOSED, kind="identity_contested", id=incident_id)
    impostor = await house.parts.identity.claims.enter(thiefs)
    await decide_about(house, impostor, DecisionKind.IMPOSTOR)
    await house.until_status(incident_id, Status.PROTECTED)
    owners = await house.parts.identity.claims.enter(house.tokens[incident_id])
    await house.parts.identity.secrets.code(owners, FactorKind.TOTP, owned.code)
    await house.parts.wake.now(incident_id)
    await house.until_status(incident_id, Status.VERIFIED, Status.RESET)
    (noted,) = await house.steps(incident_id, StepKind.IDENTITY_CONTESTED)
    assert noted.status.value == "done"
    await house.question(incident_id, DecisionKind.RETURN_ACCOUNT)
    audited = await house.audit(incident_id)
    assert audited.findings == ()
    await _a_stricter_false_alarm(house, incident_id)


async def test_what_another_shows_after_the_proof_is_told_at_once_and_nothing_goes_back_until_people_decide(
    house: House,
) -> None:
    """The thief proves with two old codes; the owner comes later with an authenticator that they alone have."""
    theft = house.steal(9_000)
    owned = enrol(house, theft.account_id)
    incident_id = (await house.alarm(theft)).incident_id
    await ready(house, incident_id)
    await house.prove_owner(incident_id)
    thiefs = await house.parts.identity.claims.enter(house.tokens[incident_id])
    await house.question(incident_id, DecisionKind.RETURN_ACCOUNT)
    owners = await claim(house, incident_id)
    await house.parts.identity.secrets.code(owners, FactorKind.TOTP, owned.code)
    assert [tuple(each) for each in await house.rows(ALERTS, id=incident_id)] == [
        ("beside_proof", "critical")
    ]
    for kind, choice in (
        (DecisionKind.RETURN_ACCOUNT, Outcome.RESTORED),
        (DecisionKind.END_AS_FALSE_ALARM, Outcome.FALSE_ALARM),
    ):
        await house.question(incident_id, DecisionKind.RETURN_ACCOUNT)
        await house.decide(incident_id, kind, choice.value)
        await house.until_rows(CLOSED, kind=kind.value, id=incident_id)
        await house.until_rows(OPEN, kind="identity_contested", id=incident_id)
    assert (await house.facts(incident_id)).status is Status.RESET
    assert house.standing(theft.account_id)
    assert await house.steps(incident_id, StepKind.STAGE) == []
    assert await house.rows(OPEN, kind="stuck", id=incident_id) == []

    await decide_about(house, thiefs, DecisionKind.IMPOSTOR)
    await house.until_status(incident_id, Status.PROTECTED)
    assert await house.rows(OPEN, kind="identity_contested", id=incident_id) == []
    await house.parts.identity.secrets.code(owners, FactorKind.RECOVERY_CODE, owned.codes.pop())
    await house.parts.wake.now(incident_id)
    await house.question(incident_id, DecisionKind.RETURN_ACCOUNT)
    await _much_was_stolen(house, incident_id)
    await house.decide(incident_id, DecisionKind.RETURN_ACCOUNT, Outcome.RESTORED.value)
    await house.until_status(incident_id, Status.RETURNING)
    audited = await house.audit(incident_id)
    assert audited.findings == ()


async def test_a_claim_is_no_rival_when_it_ran_out_and_was_shown_again_or_was_withdrawn_by_two_people(
    house: House,
) -> None:
    theft = house.steal(9_000)
    owned = enrol(house, theft.account_id)
    incident_id = (await house.alarm(theft)).incident_id
    await ready(house, incident_id)
    first, second = await claim(house, incident_id), await claim(house, incident_id)
    for each in (first, second):
        await house.parts.identity.secrets.code(each, FactorKind.RECOVERY_CODE, owned.codes.pop())
    since = (await house.facts(incident_id)).compromised_since
    assert since is not None
    which = (incident_id, 1, theft.account_id, since)
    now, later = house.wiring.prover, replace(house.wiring.prover, clock=InTwoDays())
    assert set((await now.judge(*which)).rivals) == {first.claim_id, second.claim_id}
    assert (await later.judge(*which)).rivals == (second.claim_id,)
    await house.parts.identity.secrets.code(first, FactorKind.TOTP, owned.code)
    assert (await later.judge(*which)).contested, "what only the first has shown, nobody has shown again"

    # The second was an agent's mistake.
    asked = await house.parts.identity.withdrawing.run(
        second, "It is the same person.", by=house.people[Role.AGENT]
    )
    assert (asked.withdrawn, asked.decision.four_eyes) == (False, True)
    assert (await house.facts(incident_id)).status is Status.FROZEN
    await house.approve(asked.decision.requests[-1].request_id)
    await house.parts.wake.now(incident_id)
    await house.until_status(incident_id, Status.VERIFIED, Status.RESET)
    (row,) = await house.rows("SELECT ending FROM identity_claim WHERE id = :id", id=second.claim_id)
    assert row.ending == "withdrawn"
    notices = "SELECT 1 FROM notice_outbox WHERE incident_id = :id AND template = 'impostor_attempt'"
    assert await house.rows(notices, id=incident_id) == []
    assert await house.rows(OPEN, kind="identity_contested", id=incident_id) == []
    with pytest.raises(StanchError) as proven:
        await house.parts.identity.withdrawing.run(first, "Gone.", by=house.people[Role.AGENT])
    assert proven.value.matches(ErrorCode.REFUSED_BY_RULE)


async def _a_stricter_false_alarm(house: House, incident_id: str) -> None:
    """Under rules by which a false alarm needs more than a restore the same proof gives back and calls nothing off."""
    wiring = house.wiring
    stricter = ProofRule(
        action=ProofAction.FALSE_ALARM,
        methods=2,
        points=3,
        one_of=(FactorKind.DOCUMENT,),
        clause="a test: more than a restore",
    )
    prover = replace(wiring.prover, rules=with_rules(wiring.identity_rules, stricter))
    contests = Contests(wiring.steps, wiring.incidents, prover, wiring.policies)
    step = StepInput(incident_id=incident_id, episode=1, step_key="approval/of-a-test")
    lifting = ActivityEnvironment()
    await lifting.run(contests.refuse_in_doubt, step, ProofAction.RESTORE)
    shipped = replace(contests, prover=wiring.prover)
    await lifting.run(shipped.refuse_in_doubt, step, ProofAction.FALSE_ALARM)
    with pytest.raises(StanchError) as refused:
        await lifting.run(contests.refuse_in_doubt, step, ProofAction.FALSE_ALARM)
    assert refused.value.matches(ErrorCode.PROOF_IN_DOUBT)
    assert await house.rows(OPEN, kind="return_account", id=incident_id) == [], "it is decided again"


async def _much_was_stolen(house: House, incident_id: str) -> None:
    """What the thief took counts as if it still lay there."""
    facts = await house.facts(incident_id)
    assert facts.compromised_since is not None
    await house.until_rows("SELECT 1 FROM trace_run WHERE incident_id = :id", id=incident_id)
    left = house.sandbox.balance(facts.account_id)["balance"]
    band = ProofRule(
        action=ProofAction.RESTORE,
        methods=2,
        points=3,
        one_of=(FactorKind.DOCUMENT,),
        above={"CNY": left},
        clause="a test: where more lies than is left",
    )
    rules = house.wiring.identity_rules
    both = with_rules(rules, band, band.model_copy(update={"action": ProofAction.FALSE_ALARM}))
    judged = await replace(house.wiring.prover, rules=both).judge(
        incident_id, 1, facts.account_id, facts.compromised_since
    )
    assert judged.winner() is None
    (said,) = (judged.by_claim[each] for each in judged.rivals)
    assert {each.what for each in said.missing} == {"points", "one_of"}
