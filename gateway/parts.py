"""What the application is made of: use cases, the door, and what watches over them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from starlette.requests import Request

from gateway.afterwards import Afterwards
from gateway.auth.door import Door
from gateway.credential_parts import CredentialParts
from gateway.identity_parts import IdentityParts
from gateway.metrics import Metrics
from gateway.pacing import Pacing
from use_cases.account_by_remedy import AccountByRemedy
from use_cases.answer_challenge import AnswerChallenge
from use_cases.answer_recall import AnswerRecall
from use_cases.break_glass import BreakTheGlass
from use_cases.close_account import AskToClose
from use_cases.decide import Decide
from use_cases.look_up import LookUp
from use_cases.look_up_recalls import LookUpRecalls
from use_cases.ports import StaffAlertDesk
from use_cases.raise_alarm import RaiseAlarm
from use_cases.rate import Rate
from use_cases.reach_person import ReachPerson
from use_cases.recover import Recover
from use_cases.reopen import Reopen
from use_cases.see_security import SeeSecurity
from use_cases.see_traces import SeeTraces
from use_cases.tell import Tell
from use_cases.trace_again import TraceAgain
from use_cases.wake import Wake

Probe = Callable[[], Awaitable[bool]]
"""Whether something we need answers. It may take its time; the caller bounds it."""


async def nothing() -> None:
    """Nothing to do."""


@dataclass
class Parts:
    """Everything `create_app` needs.

    `open` warms pools before the first request, `close` ends them after the last. `probes` has `database`, `wallet` and
    `temporal`.
    """

    door: Door
    raise_alarm: RaiseAlarm
    answer_challenge: AnswerChallenge
    identity: IdentityParts
    credential: CredentialParts
    pacing: Pacing
    decide: Decide
    ask_to_close: AskToClose
    reopen: Reopen
    rate: Rate
    break_the_glass: BreakTheGlass
    recover: Recover
    account_by_remedy: AccountByRemedy
    look_up: LookUp
    see_traces: SeeTraces
    trace_again: TraceAgain
    see_security: SeeSecurity
    answer_recall: AnswerRecall
    look_up_recalls: LookUpRecalls
    tell: Tell
    reach_person: ReachPerson
    staff_alerts: StaffAlertDesk
    wake: Wake
    metrics: Metrics
    afterwards: Afterwards
    probes: Mapping[str, Probe]
    open: Callable[[], Awaitable[None]] = field(default=nothing)
    close: Callable[[], Awaitable[None]] = field(default=nothing)


def parts_of(request: Request) -> Parts:
    """The parts of the application that serves this request."""
    return cast("Parts", request.app.state.parts)
