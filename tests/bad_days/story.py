"""One stolen account on a house that has bad days: what its people do, and the proof that nothing was done twice."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx2

from models.names import Role
from tests.bad_days.house import WholeHouse, alarm_about
from tests.running_sandbox import Theft

CODE = re.compile(r"code (\d+) for reference (\w+)")
LINK = re.compile(r"/renew#([\w-]+)")

RECEIPTS = """
SELECT body::json->>'receipt_id' AS receipt_id, body::json->>'action' AS action, idempotency_key AS key
FROM wallet.receipt WHERE body::json->>'account_id' = :account_id
"""
STEPS = """
SELECT step_key, kind, status, receipt_id, workflow_id, episode FROM step WHERE incident_id = :id ORDER BY sequence
"""
HOLDS = """
SELECT hold_id, account_id, amount FROM wallet.hold
WHERE ended_at IS NULL AND account_id = ANY(:mules) ORDER BY hold_id
"""
CLAIMS = """
SELECT id AS hold_id, account_id, hi - lo AS amount FROM hold_claim
WHERE state <> 'ended' AND incident_id = :id ORDER BY id
"""


class Story:
    """What happens to one account. The thief has stolen; nobody has raised an alarm yet."""

    def __init__(self, house: WholeHouse, theft: Theft) -> None:
        self.house = house
        self.theft = theft
        self.account_id = theft.account_id
        self.incident_id = ""
        self._entered: set[str] = set()
        self._claim: dict[str, str] = {}

    def alarm(self, **more: Any) -> httpx2.Response:
        """The detector's alarm about this theft."""
        since = (self.theft.compromised_since - timedelta(seconds=1)).isoformat()
        known = {"compromised_since": since, "stolen_transfers": self.theft.transfers, **more}
        answer = self.house.raise_alarm(alarm_about(self.account_id, **known))
        if answer.is_success:
            self.incident_id = answer.json()["incident_id"]
        return answer

    @property
    def mule(self) -> str:
        """An account that stolen money reached in one transfer, so one hold is placed there."""
        return self.theft.mules[1].account_id

    # ------------------------------------------------------------ how it goes on
    @property
    def status(self) -> str:
        """Where the incident stands."""
        status: str = self.house.incident(self.incident_id)["status"]
        return status

    def until_status(self, *wanted: str) -> None:
        """Wait for a status."""
        self.house.until(lambda: self.status in wanted, f"status {' or '.join(wanted)}")

    def prove_owner(self) -> None:
        """The owner answers the codes that reach the two old contacts."""
        contacts = self.house.wallet.control("GET", f"/people/{self.account_id}")["contacts"]

        def proven() -> bool:
            for value in contacts.values():
                for message in self.house.wallet.outbox(value):
                    found = CODE.search(message["body"])
                    if found is not None and found[0] not in self._entered:
                        self._entered.add(found[0])
                        body = {"challenge_id": found[2], "code": found[1]} | self._claim
                        answer = self.house.ask("POST", "/v1/identity/answers", body, as_=None)
                        if (opened := answer.raise_for_status().json()["claim"]) is not None:
                            self._claim = {"claim": opened}
            return self.status not in {"opened", "frozen"}

        self.house.until(proven, "the owner is proven")

    def give_back(self) -> None:
        """An agent asks for the return, a supervisor approves it."""
        self.until_status("reset")
        path = f"/v1/incidents/{self.incident_id}/decisions"
        body = {"kind": "return_account", "choice": "restored", "reason": "proven and reset"}

        def asked() -> httpx2.Response | None:
            answer = self.house.ask("POST", path, body)
            return answer if answer.status_code == 201 else None

        request = self.house.until(asked, "the question of the return").json()["requests"][-1]
        approval = f"/v1/decisions/{request['request_id']}/approve"
        self.house.ask("POST", approval, {"reason": "seen"}, as_=Role.SUPERVISOR).raise_for_status()

    def until_restored(self) -> None:
        """Wait for the good end."""
        self.until_status("closed")
        assert self.house.incident(self.incident_id)["outcome"] == "restored"

    # ------------------------------------------------------------ what is on record
    def steps(self, kind: str | None = None) -> list[Any]:
        """Recorded steps in order."""
        found = self.house.rows(STEPS, id=self.incident_id)
        return [step for step in found if kind is None or step.kind == kind]

    def receipts(self, action: str) -> list[str]:
        """The keys under which the wallet did this to the account; each did it once."""
        found = self.house.wallet_rows(RECEIPTS, account_id=self.account_id)
        return [receipt.key for receipt in found if receipt.action == action]

    def prove_whole(self) -> None:
        """Each effect at the wallet has one row and each row one effect; the owner is in, and the auditor content."""
        steps = self.steps()
        assert {step.status for step in steps} == {"done"}
        done = sorted(step.receipt_id for step in steps if step.receipt_id and step.kind != "hold")
        there = self.house.wallet_rows(RECEIPTS, account_id=self.account_id)
        assert done == sorted(receipt.receipt_id for receipt in there)
        once = ("freeze", "release", "lift_limits", "owner_link", "close", "alarm")
        assert {kind: len(self.steps(kind)) for kind in once} == dict.fromkeys(once, 1)
        assert len(self.steps("reset_item")) == 12
        mules = [mule.account_id for mule in self.theft.mules]
        held = self.house.wallet_rows(HOLDS, mules=mules)
        assert held == self.house.rows(CLAIMS, id=self.incident_id)
        assert sum(hold.amount for hold in held) == sum(self.theft.amounts)
        assert self.house.wallet.state(self.account_id)["restrictions"] == []
        self._owner_enters()
        report = self.house.audit(self.incident_id)
        assert (report.replay_ok, report.steps_match_history) == (True, True), report.findings

    def _owner_enters(self) -> None:
        wallet = self.house.wallet
        known = wallet.control("GET", f"/people/{self.account_id}")
        letters = [
            message["body"] for value in known["contacts"].values() for message in wallet.outbox(value)
        ]
        (token,) = [found[1] for letter in letters if (found := LINK.search(letter))]
        owner = wallet.customer(known["device"])
        owner.ask("POST", "/links/use", {"token": token, "password": "a new one"}).raise_for_status()
        owner.log_in(self.account_id, "a new one").raise_for_status()


def theft_on(house: WholeHouse) -> Story:
    """A thief takes an account over and sends its money to two fresh mules."""
    return Story(house, house.wallet.steal(house.wallet.rich_account()))
