"""The use cases around a forgotten password, put together from the wiring."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.wiring import Wiring
from use_cases.credential.check_up import CheckUp
from use_cases.credential.look import LookAtCredentials
from use_cases.credential.recoveries import CredentialRecoveries
from use_cases.raise_alarm import RaiseAlarm


@dataclass
class CredentialParts:
    """What the endpoints of credentials call."""

    recoveries: CredentialRecoveries
    check_up: CheckUp
    look: LookAtCredentials


def credential_parts(wiring: Wiring, raise_alarm: RaiseAlarm) -> CredentialParts:
    """Nothing is opened yet. Errors: INVALID, when the rules are not usable."""
    rules, clock = wiring.identity_rules, wiring.clock
    return CredentialParts(
        recoveries=CredentialRecoveries(
            credentials=wiring.credentials,
            challenges=wiring.challenges,
            limits=wiring.limits,
            pace=wiring.pace,
            rules=rules,
            clock=clock,
        ),
        check_up=CheckUp(wiring.credentials, wiring.wallet, raise_alarm, rules, clock),
        look=LookAtCredentials(wiring.credentials, wiring.overview),
    )
