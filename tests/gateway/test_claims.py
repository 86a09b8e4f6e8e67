"""The social engineer at the front door: every attack over HTTP, on a real wallet and a real provider."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from cli.application import main
from sandbox.wallet.one_time import totp
from tests.gateway.claims import OLD, Case, now
from tests.identity.authenticator import Authenticator

CODE = re.compile(r"code (\d+) for reference (\w+)")


def test_an_app_code_and_a_saved_code_prove_the_owner_and_only_then_are_contacts_shown(case: Case) -> None:
    app, saved, claim = case.enrol("totp"), case.enrol("recovery_codes"), case.claim()
    code = totp(bytes.fromhex(app["seed"]), datetime.now(UTC))
    before = case.as_claimant(claim, method="GET")[1]
    assert case.code(claim, "totp", code) == (200, "accepted")
    between = case.as_claimant(claim, method="GET")[1]
    assert before["contacts"] == between["contacts"] == []
    assert case.code(claim, "recovery_code", saved["codes"][0].lower()) == (200, "accepted")
    after = case.as_claimant(claim, method="GET")[1]
    assert after["proven"]
    email = next(each for each in after["contacts"] if each["kind"] == "email")
    assert re.fullmatch(r".\*\*\*@.+\.example", email["masked"])
    seen = case.view(claim)
    assert {each["kind"] for each in seen["counted"]} == {"totp", "recovery_code"}
    told = str(case.gateway.steps(case.incident))
    assert code not in told
    assert saved["codes"][0] not in told
    assert claim["token"] not in told


def test_a_factor_set_since_and_one_that_is_not_there_get_the_same_answer(case: Case) -> None:
    claim = case.claim()
    missing = case.as_claimant(claim, "/codes", {"factor": "totp", "code": "123456"})
    thiefs = case.enrol("totp", now())
    since = case.as_claimant(
        claim, "/codes", {"factor": "totp", "code": totp(bytes.fromhex(thiefs["seed"]), datetime.now(UTC))}
    )
    assert missing == since
    assert since[0] == 422
    assert case.refusals()[thiefs["id"]] == "set_since"


def test_turning_back_the_clock_of_a_thing_does_not_make_it_old(case: Case) -> None:
    thiefs, claim = case.enrol("recovery_codes", now()), case.claim()
    path = f"/people/{case.account}/entries/{thiefs['id']}/clock"
    case.sandbox.control("POST", path, {"set_at": OLD, "changed_at": now()})
    assert case.code(claim, "recovery_code", thiefs["codes"][0]) == (422, "code_wrong")
    assert case.refusals()[thiefs["id"]] == "changed_since"


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("sim_swap", "sim_swap"), ("ported", "sim_swap"), ("identifier_recycled", "identifier_recycled")],
)
def test_an_old_number_in_new_hands_is_not_called(case: Case, kind: str, reason: str) -> None:
    claim, number = case.claim(), case.contact()
    at = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    path = f"/people/{case.account}/entries/{number}/signals"
    case.sandbox.control("POST", path, {"kind": kind, "at": at})
    status, said = case.call_back(claim, number)
    assert (status, said["code"]) == (409, "refused_by_rule")
    assert case.refusals()[number] == reason


def test_a_call_back_counts_once_beside_another_factor_and_names_the_agent(case: Case) -> None:
    saved, claim, number = case.enrol("recovery_codes"), case.claim(), case.contact()
    assert case.call_back(claim, number) == (201, {"counts": True})
    assert case.call_back(claim, number) == (201, {"counts": True})
    alone = case.view(claim)
    assert (alone["proven"], len(alone["counted"])) == (False, 1)
    assert case.code(claim, "recovery_code", saved["codes"][0]) == (200, "accepted")
    assert case.view(claim)["proven"]
    (step,) = [each for each in case.gateway.steps(case.incident) if each["kind"] == "call_back"]
    assert (step["actor"], step["role"]) == ("agent", "agent")
    assert case.call_back(case.claim(), case.contact("email"))[0] == 409, "an address is no number"


def test_a_recovery_code_is_not_guessed_from_ten_addresses(case: Case) -> None:
    saved, claims = case.enrol("recovery_codes"), [case.claim() for _ in range(10)]

    async def guess() -> Counter[str]:
        async with httpx2.AsyncClient(base_url=case.gateway.url, timeout=30, trust_env=False) as client:
            answers = await asyncio.gather(
                *(
                    client.post(
                        "/v1/identity/claim/codes",
                        json={"factor": "recovery_code", "code": secrets.token_hex(10)},
                        headers={"authorization": f"Bearer {claims[number % 10]['token']}"},
                    )
                    for number in range(40)
                )
            )
        return Counter(each.json()["code"] for each in answers)

    said = asyncio.run(guess())
    assert said == {"code_wrong": 5, "too_many_attempts": 35}
    assert case.code(claims[0], "recovery_code", saved["codes"][0]) == (429, "too_many_attempts")
    (row,) = case.gateway.rows(
        "SELECT failures FROM identity_limit WHERE scope = 'factor' AND subject = :id", id=case.account
    )
    assert row.failures == 5
    # The factor waits, never the person: other ways of the owner's own claim stay open.
    owners = case.claim()
    assert case.visit(owners)["status"] == 200
    assert case.call_back(owners, case.contact()) == (201, {"counts": True})
    assert case.view(owners)["proven"]


def test_after_a_hundred_failures_the_factor_is_off_and_a_document_still_proves(case: Case) -> None:
    saved = case.enrol("recovery_codes")
    case.gateway.rows(
        "INSERT INTO identity_limit (scope, subject, part, failures) VALUES ('factor', :id, 'recovery_code', 99)",
        id=case.account,
    )
    thief, owner = case.claim(), case.claim()
    assert case.code(thief, "recovery_code", "0" * 20) == (422, "code_wrong")
    (row,) = case.gateway.rows(
        "SELECT disabled_at FROM identity_limit WHERE part = 'recovery_code' AND subject = :id",
        id=case.account,
    )
    assert row.disabled_at is not None
    assert case.code(owner, "recovery_code", saved["codes"][0]) == (429, "too_many_attempts")
    case.visit(owner)
    assert case.call_back(owner, case.contact()) == (201, {"counts": True})
    assert case.view(owner)["proven"]


def test_a_replayed_passkey_assertion_is_refused_everywhere(case: Case) -> None:
    owners = Authenticator()
    case.enrol("passkey", passkey=owners.public)
    claim, thief = case.claim(), case.claim()
    assertion = owners.sign(case.challenge(claim))
    stolen = case.as_claimant(thief, "/passkey", assertion)
    assert (stolen[0], stolen[1]["code"]) == (422, "code_wrong"), "a challenge of another claim"
    assert case.as_claimant(claim, "/passkey", assertion) == (200, {"accepted": True})
    for again in (claim, thief):
        status, said = case.as_claimant(again, "/passkey", assertion)
        assert (status, said["code"]) == (422, "code_wrong")
    framed = owners.sign(case.challenge(thief), crossOrigin=True)
    assert case.as_claimant(thief, "/passkey", framed)[0] == 422
    assert case.view(thief)["counted"] == []
    assert [each["kind"] for each in case.view(claim)["counted"]] == ["passkey"]


def test_the_thiefs_own_passkey_is_shown_and_refused(case: Case) -> None:
    thiefs, claim = Authenticator(), case.claim()
    factor = case.enrol("passkey", now(), passkey=thiefs.public)
    assert case.as_claimant(claim, "/passkey", thiefs.sign(case.challenge(claim)))[0] == 422
    assert case.refusals()[factor["id"]] == "set_since"


def test_the_provider_passes_fails_dawdles_and_lies(case: Case) -> None:
    liar, failing, other, dawdler = (case.claim() for _ in range(4))
    assert case.visit(liar, mood="lies")["status"] == 401
    assert case.visit(failing, verdict="failed")["status"] == 200
    assert case.visit(other, verdict="other_person")["status"] == 200
    for claim in (liar, failing, other):
        assert case.view(claim)["counted"] == []
    refused = {each["reason"] for each in case.gateway.steps(case.incident) if each["kind"] == "factor"}
    assert refused == {"document_failed", "other_person"}
    url = case.as_claimant(dawdler, "/document")[1]["url"]
    assert case.visit_again(url, mood="dawdles") == {"told": False}
    assert case.view(dawdler)["counted"] == []
    late = case.visit_again(url)
    assert late["status"] == 200
    assert [each["kind"] for each in case.view(dawdler)["counted"]] == ["document"]
    # The same word again, by whoever overheard it: taken once.
    again = case.gateway.ask(
        "POST",
        "/v1/identity/documents/callback",
        as_=None,
        headers=late["headers"],
        content=late["body"].encode(),
    )
    assert again.status_code == 200
    assert len([each for each in case.gateway.steps(case.incident) if each["kind"] == "factor"]) == 3


def test_a_document_proves_nothing_where_the_thief_has_renewed_the_real_name(case: Case) -> None:
    claim = case.claim()
    case.sandbox.control("POST", f"/people/{case.account}/real-name", {"at": now()})
    assert case.visit(claim)["status"] == 200
    assert [each["reason"] for each in case.view(claim)["refused"]] == ["set_since"]


def test_trusted_contacts_vouch_together_and_are_told_what_they_confirm(case: Case) -> None:
    phones = [f"+8617{secrets.randbelow(10**9):09d}" for _ in range(3)]
    thiefs = f"+8616{secrets.randbelow(10**9):09d}"
    path = f"/people/{case.account}/trusted-contacts"
    case.sandbox.control("POST", path, {"phones": phones, "set_at": OLD})
    case.sandbox.control("POST", path, {"phones": [thiefs], "set_at": now()})
    claim, answered = case.claim(), []
    assert case.as_claimant(claim, "/trusted-contacts") == (202, {"asked": True})
    assert case.sandbox.outbox(thiefs) == []
    for phone in phones[:2]:
        (message,) = case.sandbox.outbox(phone)
        assert "you confirm that you have spoken with them" in message["body"]
        found = CODE.search(message["body"])
        assert found is not None
        body = {"challenge_id": found[2], "code": found[1], "claim": claim["token"]}
        answered.append(case.gateway.ask("POST", "/v1/identity/answers", body, as_=None).status_code)
        counted = [each["kind"] for each in case.view(claim)["counted"]]
        assert counted == ([] if len(answered) < 2 else ["trusted_contacts"])
    assert answered == [200, 200]
    assert not case.view(claim)["proven"], "people who vouch are one factor"


def test_what_speaks_against_a_claimant_is_shown_told_and_not_talked_away(case: Case) -> None:
    claim = case.claim()
    assert case.visit(claim)["status"] == 200
    assert case.visit(claim, verdict="other_person")["status"] == 200
    assert case.call_back(claim, case.contact(), "denied") == (201, {"counts": False})
    status, said = case.call_back(claim, case.contact(), "confirmed")
    assert (status, said["code"]) == (409, "refused_by_rule")
    shown = case.view(claim)
    assert [each["kind"] for each in shown["counted"]] == ["document"]
    assert [each["what"] for each in shown["against"]] == ["other_person", "denied"]
    told = case.gateway.rows(
        "SELECT detail FROM staff_alert WHERE kind = 'evidence_against' AND incident_id = :id ORDER BY raised_at",
        id=case.incident,
    )
    assert [each.detail for each in told] == ["other_person", "denied"]
    late = case.claim()
    assert case.call_back(late, case.contact()) == (201, {"counts": True})
    assert case.call_back(late, case.contact(), "denied") == (201, {"counts": False}), "also after a yes"
    assert [each["what"] for each in case.view(late)["against"]] == ["denied"]


def test_whether_there_are_trusted_contacts_shows_in_no_answer(case: Case) -> None:
    assert case.as_claimant(case.claim(), "/trusted-contacts") == (202, {"asked": True})


def test_asking_for_codes_and_for_the_links_code_tells_nothing_to_who_is_not_proven(case: Case) -> None:
    claim = case.claim()
    assert case.as_claimant(claim, "/messages") == (202, {"asked": True})
    assert case.as_claimant(claim, "/link-code", method="GET") == (200, {"code": None})
    strangers = {"token": claim["token"][:-1] + ("A" if claim["token"][-1] != "A" else "B")}
    for path, method in (("/messages", "POST"), ("/link-code", "GET")):
        assert case.as_claimant(strangers, path, method=method)[0] == 401


def test_a_trusted_contact_who_cannot_be_reached_is_in_no_answer_and_keeps_nobody_else_from_a_code(
    case: Case,
) -> None:
    phones = [f"+8617{secrets.randbelow(10**9):09d}" for _ in range(3)]
    case.sandbox.control(
        "POST", f"/people/{case.account}/trusted-contacts", {"phones": phones, "set_at": OLD}
    )
    counted = "SELECT failures FROM identity_limit WHERE subject IN (:account, :claim) AND failures > 0"
    claim = case.claim()
    case.sandbox.fault("POST /gateway/messages", "error", count=100)
    assert case.as_claimant(claim, "/trusted-contacts")[0] == 503
    case.sandbox.clear_faults()
    assert case.gateway.rows(counted, account=case.account, claim=claim["claim_id"]) == []
    case.sandbox.fault("POST /gateway/messages", "refused", count=1)
    assert case.as_claimant(claim, "/trusted-contacts") == (202, {"asked": True})
    assert sorted(len(case.sandbox.outbox(phone)) for phone in phones) == [0, 1, 1]
    assert case.gateway.rows(counted, account=case.account, claim=claim["claim_id"]) == []


def test_two_claimants_at_once_are_never_added_up_and_raise_the_bar(case: Case) -> None:
    saved, app = case.enrol("recovery_codes"), case.enrol("totp")
    thief, owner = case.claim(), case.claim()
    assert case.code(thief, "recovery_code", saved["codes"][0]) == (200, "accepted")
    assert case.code(owner, "totp", totp(bytes.fromhex(app["seed"]), datetime.now(UTC))) == (200, "accepted")
    assert case.view()["contested"]
    assert case.call_back(owner, case.contact()) == (201, {"counts": True})
    contested = case.view(owner)
    assert (contested["proven"], len(contested["counted"])) == (False, 2)
    assert {each["what"] for each in contested["missing"]} == {"points", "one_of"}
    case.visit(owner)
    assert case.view(owner)["proven"]
    assert not case.view(thief)["proven"]


def test_an_agent_who_is_pressed_to_skip_cannot(case: Case) -> None:
    claim = case.claim()
    generic = {"kind": "accept_identity", "choice": "accept", "reason": "Without a claim."}
    refused = case.gateway.ask("POST", f"/v1/incidents/{case.incident}/decisions", generic)
    assert (refused.status_code, refused.json()["code"]) == (409, "refused_by_rule")
    path = f"/v1/incidents/{case.incident}/identity/reviews"
    body = {"claim_id": claim["claim_id"], "reason": "He was very sure and shouted."}
    asked = case.gateway.ask("POST", path, body).raise_for_status().json()
    request = asked["requests"][-1]["request_id"]
    alone = case.gateway.ask("POST", f"/v1/decisions/{request}/approve", {"reason": "Please."})
    assert (alone.status_code, alone.json()["code"]) == (403, "forbidden")
    assert asked["four_eyes"]
    assert asked["action"]["claim_id"] == claim["claim_id"]
    assert not case.view(claim)["proven"]


def test_a_claims_token_is_no_operators_and_an_operators_is_no_claims(case: Case) -> None:
    claim = case.claim()
    token = {"authorization": f"Bearer {claim['token']}"}
    assert case.gateway.ask("GET", "/v1/decisions", as_=None, headers=token).status_code == 401
    assert case.gateway.ask("GET", "/v1/identity/claim", as_="supervisor").status_code == 401
    stored = case.gateway.rows("SELECT token_digest FROM identity_claim WHERE id = :id", id=claim["claim_id"])
    assert claim["token"] not in str(stored)
    path = f"/v1/incidents/{case.incident}/identity/claims"
    assert case.gateway.ask("POST", path, as_="auditor").status_code == 403


def test_an_earlier_compromise_time_voids_every_factor_that_relied_on_later_things(case: Case) -> None:
    recent = (datetime.now(UTC) - timedelta(hours=3)).isoformat()
    saved, claim = case.enrol("recovery_codes", recent), case.claim()
    assert case.code(claim, "recovery_code", saved["codes"][0]) == (200, "accepted")
    case.gateway.rows(
        "UPDATE incident SET compromised_since = now() - interval '4 hours' WHERE id = :id", id=case.incident
    )
    assert [each["reason"] for each in case.view(claim)["refused"]] == ["set_since"]
    older = case.enrol("recovery_codes")
    assert case.code(claim, "recovery_code", older["codes"][0]) == (200, "accepted"), "shown anew"
    assert [each["reference"] for each in case.view(claim)["counted"]] == [older["id"]]


def test_people_of_the_house_do_all_of_it_from_a_terminal(
    case: Case, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STANCH_GATEWAY_URL", case.gateway.url)
    monkeypatch.setenv("STANCH_CREDENTIAL", case.gateway.credentials["agent"])

    def run(*words: str) -> dict[str, Any]:
        assert main(["incident", "identity", *words, "--json"]) == 0
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        return document

    claim = run("claim", case.incident)
    about = ("--claim", claim["claim_id"], "--reason", "I spoke with them.")
    called = run("call-back", case.incident, *about, "--contact", case.contact(), "--said", "confirmed")
    assert called == {"counts": True}
    assert run("accept", case.incident, *about)["kind"] == "accept_identity"
    assert run("impostor", case.incident, *about)["kind"] == "impostor"
    mistake = run("claim", case.incident)
    of_mistake = ("--claim", mistake["claim_id"], "--reason", "The owner had one already.")
    assert run("withdraw", case.incident, *of_mistake) == {"withdrawn": True, "decision": None}
    assert case.as_claimant(mistake, method="GET")[0] == 401
    asked = run("withdraw", case.incident, *about)
    assert (asked["withdrawn"], asked["decision"]["four_eyes"]) == (False, True)
    shown, ended = run("show", case.incident)["claims"]
    assert (shown["ending"], ended["ending"]) == (None, "withdrawn")
    assert [each["kind"] for each in shown["counted"]] == ["call_back"]
    assert main(["incident", "identity", "show", case.incident]) == 0
    assert "missing" in capsys.readouterr().out
    wrong = main(["incident", "identity", "accept", case.incident, "--claim", "A" * 26, "--reason", "x"])
    assert wrong != 0


def test_a_code_whose_answer_was_lost_counts_once_and_is_not_lost(case: Case) -> None:
    saved, claim = case.enrol("recovery_codes"), case.claim()
    case.sandbox.fault(f"POST /v1/accounts/{case.account}/factors/{saved['id']}/verify$", "lost_answer")
    assert case.code(claim, "recovery_code", saved["codes"][0]) == (200, "accepted")
    assert [each["reference"] for each in case.view(claim)["counted"]] == [saved["id"]]
    assert case.code(case.claim(), "recovery_code", saved["codes"][0]) == (422, "code_wrong"), "used up"


def test_a_wallet_that_is_down_is_said_and_proves_nothing(case: Case) -> None:
    saved, claim = case.enrol("recovery_codes"), case.claim()
    case.sandbox.fault(f"POST /v1/accounts/{case.account}/factors/{saved['id']}/verify$", "error", count=2)
    assert case.code(claim, "recovery_code", saved["codes"][0]) == (503, "wallet_unreachable")
    assert case.view(claim)["counted"] == []
    assert case.code(claim, "recovery_code", saved["codes"][0]) == (200, "accepted")
