"""The gateway's parts from the real adapters."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from temporalio.client import Client

from activities.freeze import FreezeEffect
from activities.ports import HandOver
from adapters.temporal.client import server_version, unreachable
from adapters.wiring import Wiring
from gateway.afterwards import Afterwards
from gateway.auth.door import Door
from gateway.credential_parts import credential_parts
from gateway.identity_parts import identity_parts
from gateway.metrics import Metrics
from gateway.pacing import Pacing
from gateway.parts import Parts
from models.errors import StanchError
from use_cases.admission import Admission
from use_cases.answer_challenge import AnswerChallenge
from use_cases.close_account import AskToClose
from use_cases.deadline import Deadline
from use_cases.decide import Decide
from use_cases.look_up import LookUp
from use_cases.look_up_recalls import LookUpRecalls
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

WARM_CONNECTIONS = 6
"""Connections opened before the first alarm: what a small burst uses at once."""

RECORDING_SECONDS = 1.0
"""Beyond what the wallet may take (its queue and its call): how long the second commit may take before the freeze is
called pending."""

NOBODY = "0" * 64
"""A credential's digest that nobody has: asking for it is one round trip to the database."""


@dataclass
class Temporal:
    """The client, from the moment the application is open. It connects by itself whenever Temporal is there."""

    wiring: Wiring
    client: Client | None = None
    hand_over: HandOver | None = None

    async def open(self) -> None:
        """Make the client; this reaches out to nobody."""
        self.client = await self.wiring.lazy_client(identity="gateway")
        self.hand_over = self.wiring.hand_over(self.client)

    async def wake(self, incident_id: str) -> None:
        """See ports.HandOver."""
        if self.hand_over is None:
            raise unreachable()
        await self.hand_over.wake(incident_id)

    async def answers(self) -> bool:
        """Whether Temporal answers."""
        if self.client is None:
            return False
        await server_version(self.client)
        return True


def assemble(wiring: Wiring) -> Parts:
    """Everything the application needs; nothing is opened yet. Errors: INVALID, when the settings are not usable."""
    settings = wiring.settings
    metrics = Metrics()
    temporal = Temporal(wiring)
    wake = Wake(hand_over=temporal, hand_overs=wiring.hand_overs)
    admission = Admission(places=max(1, settings.database_pool // 2), budget=settings.intake_budget_ms / 1000)

    async def database_answers() -> bool:
        await wiring.operators.by_credential(NOBODY)
        return True

    async def warm() -> None:
        await temporal.open()
        tries = [database_answers() for _ in range(WARM_CONNECTIONS)]
        # Whatever is not there now may come later: nothing here keeps the gateway from starting.
        with contextlib.suppress(StanchError):
            await asyncio.gather(wiring.wallet_connection.warm(), *tries)

    raise_alarm = RaiseAlarm(
        alarms=wiring.alarms,
        steps=wiring.steps,
        freeze=FreezeEffect(wiring.wallet),
        overview=wiring.overview,
        policies=wiring.policies,
        clock=wiring.clock,
        admission=admission,
        recording=Deadline(2 * settings.wallet_timeout_ms / 1000 + RECORDING_SECONDS),
        freeze_clock=wiring.freeze_clock,
    )
    decide = Decide(
        desk=wiring.decisions,
        overview=wiring.overview,
        incidents=wiring.incidents,
        steps=wiring.steps,
        policies=wiring.policies,
        clock=wiring.clock,
    )
    return Parts(
        door=Door(wiring.operators.by_credential, admission),
        raise_alarm=raise_alarm,
        break_the_glass=wiring.break_the_glass,
        rate=Rate(ratings=wiring.ratings, clock=wiring.clock),
        reopen=Reopen(raise_alarm=raise_alarm, incidents=wiring.incidents, overview=wiring.overview),
        answer_challenge=AnswerChallenge(
            challenges=wiring.challenges,
            incidents=wiring.incidents,
            limits=wiring.limits,
            prover=wiring.prover,
            rules=wiring.identity_rules,
            clock=wiring.clock,
        ),
        identity=identity_parts(wiring, decide),
        credential=credential_parts(wiring, raise_alarm),
        pacing=Pacing(
            wiring.pace,
            wiring.identity_rules.pace,
            wiring.clock,
            proxies=frozenset(settings.trusted_proxies),
        ),
        decide=decide,
        ask_to_close=AskToClose(
            wallet=wiring.wallet,
            closures=wiring.closures,
            desk=wiring.decisions,
            overview=wiring.overview,
            incidents=wiring.incidents,
            steps=wiring.steps,
            policies=wiring.policies,
            clock=wiring.clock,
        ),
        recover=Recover(
            recoveries=wiring.recoveries,
            index=wiring.index,
            desk=wiring.decisions,
            overview=wiring.overview,
            incidents=wiring.incidents,
            steps=wiring.steps,
            policies=wiring.policies,
            clock=wiring.clock,
        ),
        account_by_remedy=wiring.account_by_remedy,
        look_up=LookUp(wiring.overview),
        see_traces=SeeTraces(traces=wiring.stored_traces, overview=wiring.overview),
        trace_again=TraceAgain(
            traces=wiring.traces, stored=wiring.stored_traces, index=wiring.index, steps=wiring.steps
        ),
        see_security=SeeSecurity(LookUp(wiring.overview), wiring.wallet),
        answer_recall=wiring.answer_recall,
        look_up_recalls=LookUpRecalls(wiring.recall_desk, wiring.recalls),
        tell=Tell(desk=wiring.notices, overview=wiring.overview),
        reach_person=ReachPerson(
            desk=wiring.notices,
            contacts=wiring.notice_contacts,
            wallet=wiring.wallet,
            incidents=wiring.incidents,
            steps=wiring.steps,
            clock=wiring.clock,
        ),
        staff_alerts=wiring.staff_alerts,
        wake=wake,
        metrics=metrics,
        afterwards=Afterwards(metrics, budget=settings.hand_over_budget_ms / 1000),
        probes={
            "database": database_answers,
            "wallet": wiring.wallet_connection.reachable,
            "temporal": temporal.answers,
        },
        open=warm,
        close=wiring.close,
    )
