"""Every activity a worker serves, built from the ports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from activities.asking import LookAtCodes
from activities.close_account import CloseAccount
from activities.closing import CloseTheIncident
from activities.closure_ports import Closures
from activities.codes import CodeSender
from activities.comparing import CompareSecurity
from activities.compromise_time import MoveCompromiseTime
from activities.contact_ports import ContactHistory
from activities.contests import Contests
from activities.credential import (
    CheckCredential,
    EndCredential,
    EndSessions,
    LookForPassword,
    PlanCredential,
    SendCredentialCode,
    SendCredentialLink,
)
from activities.credential_ports import Accounts, Credentials
from activities.decisions import AskDecision, CarryOutDecision, ReadDecision
from activities.figures import Figures, FiguresForOwner
from activities.freeze import Freeze, FreezeEffect
from activities.hold_life import EndHold, RenewHold, TellHolder
from activities.holds import Hold, ListHolds, ReleaseHold
from activities.identity import CheckProof, PlanIdentity, SendChallenge
from activities.identity_ports import Challenges, IdentityClaims
from activities.ladder import RestartLadder, WatchAccount
from activities.link_use import LookAtLink
from activities.money import CatchUp, CompareRules, Trace
from activities.money_ports import Traces, TransferIndex
from activities.mules import LetMuleGo
from activities.offer_ports import Offers
from activities.offering import AskRestitution, PlanRestitution
from activities.opening import LoadIncident, RegisterIncident, TakeUpAlarm
from activities.owner_link import OwnerLinks, SendLinkAgain, SendOwnerLink
from activities.payments import FindPayments, StopPayment
from activities.people_said import ChangeThefts, FreezeMule, ReleaseMule, SettleQuestion
from activities.ports import AlarmStore, Clock, DecisionStore, Incidents, Policies, Secrets, StepStore
from activities.proving import Prover
from activities.recall_ports import Institutions, Recalls
from activities.recalls import (
    CancelPayout,
    CloseRecall,
    CountRecalledMoney,
    LookAtRecall,
    OpenRecall,
    SendRecall,
    TakeRecallAnswer,
)
from activities.recovery import LookAtMoney, LookAtRecovery, WithdrawRecall
from activities.recovery_ports import Claims, Recoveries
from activities.restitution import Restitute
from activities.returned import AskAboutReturn, LinkReturn
from activities.returning import EnterStage, LiftLimits, Release
from activities.security import ReadBack, ResetItem
from activities.steps import Steps
from activities.thefts import FindThefts
from activities.wallet_ports import Messages, Wallet
from models.contracts.identity import IdentityRules


@dataclass(frozen=True)
class Ports:
    """Everything the activities need from the outside."""

    store: StepStore
    alarms: AlarmStore
    incidents: Incidents
    wallet: Wallet
    messages: Messages
    index: TransferIndex
    traces: Traces
    claims: Claims
    recoveries: Recoveries
    offers: Offers
    closures: Closures
    challenges: Challenges
    claimants: IdentityClaims
    contact_history: ContactHistory
    identity_rules: IdentityRules
    decisions: DecisionStore
    secrets: Secrets
    policies: Policies
    clock: Clock
    institutions: Institutions
    recalls: Recalls
    credentials: Credentials
    accounts: Accounts
    figures: Figures


def activities(ports: Ports) -> list[Callable[..., Any]]:
    """The bound activity methods, for a worker."""
    steps = Steps(store=ports.store, clock=ports.clock)
    prover = Prover(
        ports.wallet, ports.challenges, ports.claimants, ports.incidents, ports.identity_rules, ports.clock
    )
    contests = Contests(steps, ports.incidents, prover, ports.policies)
    codes = CodeSender(ports.challenges, ports.messages, ports.secrets, ports.policies)
    links = OwnerLinks(ports.wallet, ports.contact_history, ports.secrets, ports.identity_rules)
    return [
        RegisterIncident(ports.incidents, ports.alarms, steps, ports.policies, ports.clock).run,
        LoadIncident(ports.incidents).run,
        TakeUpAlarm(steps, ports.incidents, ports.wallet, ports.policies).run,
        Freeze(steps, FreezeEffect(ports.wallet)).run,
        PlanIdentity(steps, ports.wallet, ports.identity_rules).run,
        SendChallenge(steps, ports.wallet, codes, ports.identity_rules).run,
        LookAtCodes(ports.challenges, ports.clock).run,
        CheckProof(steps, ports.challenges, ports.incidents, prover, contests).run,
        CatchUp(steps, ports.index).run,
        FindThefts(steps, ports.index, ports.incidents, ports.wallet).run,
        Trace(steps, ports.traces, ports.claims).run,
        CompareRules(steps, ports.traces).run,
        Hold(steps, ports.wallet, ports.claims, ports.index, ports.clock).run,
        ListHolds(ports.claims, ports.incidents).run,
        ReleaseHold(steps, ports.wallet, ports.claims, ports.index).run,
        CompareSecurity(steps, ports.wallet).run,
        FindPayments(steps, ports.wallet).run,
        StopPayment(steps, ports.wallet).run,
        ResetItem(steps, ports.wallet).run,
        ReadBack(steps, ports.wallet).run,
        SendOwnerLink(steps, links).run,
        SendLinkAgain(steps, links, ports.decisions).run,
        LookAtLink(ports.wallet).run,
        AskDecision(steps, ports.decisions).run,
        ReadDecision(ports.decisions).run,
        CarryOutDecision(steps, ports.decisions, ports.incidents).run,
        EnterStage(steps, ports.wallet, contests).run,
        Release(steps, ports.wallet, ports.decisions, ports.incidents, contests).run,
        LiftLimits(steps, ports.wallet).run,
        WatchAccount(ports.wallet).run,
        RestartLadder(steps, ports.wallet).run,
        CloseTheIncident(steps, ports.incidents, FiguresForOwner(ports.incidents, ports.figures)).run,
        CloseAccount(steps, ports.wallet, ports.decisions, ports.closures, contests).run,
        *_recovery(ports, steps),
        OpenRecall(steps, ports.institutions).run,
        CancelPayout(steps, ports.wallet).run,
        SendRecall(steps, ports.institutions).run,
        LookAtRecall(ports.recalls, ports.index).run,
        TakeRecallAnswer(steps, ports.recalls).run,
        CountRecalledMoney(steps).run,
        CloseRecall(steps).run,
        *_credential(ports, steps, prover),
    ]


def _credential(ports: Ports, steps: Steps, prover: Prover) -> list[Callable[..., Any]]:
    """What RecoverCredential does."""
    wallet, credentials, rules = ports.wallet, ports.credentials, ports.identity_rules
    return [
        PlanCredential(steps, wallet, ports.accounts, credentials, ports.policies, rules).run,
        SendCredentialCode(
            steps, wallet, ports.messages, ports.challenges, ports.secrets, ports.policies, rules
        ).run,
        CheckCredential(steps, credentials, ports.challenges, prover).run,
        SendCredentialLink(steps, wallet, credentials, ports.decisions, rules).run,
        LookForPassword(wallet, credentials).run,
        EndSessions(steps, wallet).run,
        EndCredential(steps, ports.decisions).run,
    ]


def _recovery(ports: Ports, steps: Steps) -> list[Callable[..., Any]]:
    """What RecoverFunds does beside the rounds after the money."""
    wallet, claims, index = ports.wallet, ports.claims, ports.index
    decisions, recoveries = ports.decisions, ports.recoveries
    return [
        LookAtRecovery(recoveries).run,
        LookAtMoney(recoveries, ports.traces, claims, index, ports.recalls).run,
        WithdrawRecall(ports.recalls).run,
        PlanRestitution(recoveries, ports.offers).run,
        AskRestitution(steps).run,
        Restitute(steps, wallet, claims, index, decisions, recoveries, ports.offers).run,
        EndHold(steps, wallet, claims, index, decisions, recoveries).run,
        RenewHold(steps, wallet, claims, decisions, recoveries).run,
        TellHolder(steps, claims).run,
        FreezeMule(steps, wallet, decisions, recoveries).run,
        ReleaseMule(steps, wallet, decisions, recoveries).run,
        LetMuleGo(steps, wallet, recoveries).run,
        ChangeThefts(steps, decisions, recoveries).run,
        SettleQuestion(steps, decisions, claims, recoveries).run,
        AskAboutReturn(steps).run,
        LinkReturn(steps, index, decisions, recoveries).run,
        MoveCompromiseTime(steps, ports.incidents, decisions, recoveries).run,
    ]
