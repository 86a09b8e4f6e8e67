"""What people ask of the recovery: objections, renewals, releases, a mule's account, thefts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from activities.changes import Change, OpenDecisionTask
from activities.holders import WITHHELD, to_holder
from activities.money_ports import TransferIndex
from activities.plausible import EARLIEST_YEAR
from activities.ports import Clock, Incidents, Policies
from activities.recovery_ports import Recoveries
from activities.steps import Effect, Running, Steps
from models.contracts.alarms import Sender
from models.contracts.incidents import AskDecisionInput, AskDecisionResult, IncidentFacts
from models.contracts.mules import MuleFreezeView
from models.contracts.policy import RECOVERY_DEFAULTS
from models.contracts.recovery import HoldView
from models.contracts.steps import Origin
from models.digests import digest
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.lifecycle import LIFTED
from models.names import Actor, DecisionKind, NoticeTemplate, Role, StepKind
from use_cases.ports import DecisionDesk, DecisionView, Overview

LAST_YEAR = 9000
"""Far from where calendars end."""

LEGAL_BASIS_LENGTH = 10
"""Characters. Shorter is no basis that a court could look at."""

FOUR_EYES: dict[DecisionKind, bool] = {
    DecisionKind.RENEW_HOLD: True,
    DecisionKind.RELEASE_HOLD: True,
    DecisionKind.HOLD_OBJECTION: True,
    DecisionKind.FREEZE_MULE: True,
    DecisionKind.RELEASE_MULE: True,
    # More is counted as stolen, never less: that protects, and the holder can object.
    DecisionKind.ADD_THEFT: False,
    DecisionKind.WITHDRAW_THEFT: True,
    # On a report's unproven word nobody's money is held, nor on one person's more.
    DecisionKind.CONFIRM_THEFT: True,
    # Earlier trusts less, which protects; later trusts what was set in between, which a thief would like.
    DecisionKind.COMPROMISED_EARLIER: False,
    DecisionKind.COMPROMISED_LATER: True,
}
THEFTS = {
    "add": DecisionKind.ADD_THEFT,
    "withdraw": DecisionKind.WITHDRAW_THEFT,
    "confirm": DecisionKind.CONFIRM_THEFT,
}


@dataclass
class Recover:
    """Each request opens a question about exactly one subject, and chooses on it; a second person approves."""

    recoveries: Recoveries
    index: TransferIndex
    desk: DecisionDesk
    overview: Overview
    incidents: Incidents
    steps: Steps
    policies: Policies
    clock: Clock

    async def holds(self, *, incident_id: str | None = None) -> Sequence[HoldView]:
        """Holds, newest first, two hundred at most."""
        return await self.recoveries.holds(incident_id=incident_id)

    async def hold(self, hold_id: str) -> HoldView:
        """One hold. Errors: NOT_FOUND."""
        found = await self.recoveries.holds(hold_id=hold_id)
        if not found:
            raise StanchError(ErrorCode.NOT_FOUND, "There is no hold with this id. Nothing was changed.")
        return found[0]

    async def mules(self, *, incident_id: str | None = None, every: bool = False) -> Sequence[MuleFreezeView]:
        """Whole accounts that people had restricted, the longest first, two hundred at most: those that stand, or every one."""
        rules = self.policies.current().recovery or RECOVERY_DEFAULTS
        return await self.recoveries.mule_freezes(
            incident_id=incident_id,
            every=every,
            at=self.clock.now(),
            overdue_after=timedelta(seconds=rules.mule_review_seconds),
        )

    async def object(self, hold_id: str, statement: str, *, by: Sender) -> DecisionView:
        """Take down what the holder says, sealed, and ask whether the hold is kept; one question at a time for each hold.

        The holder is told in the same commit that it came, unless the hold is kept from them for now.
        Errors: NOT_FOUND; REFUSED_BY_RULE when the hold does not stand.
        """
        hold = await self._standing(hold_id)
        received = to_holder(
            NoticeTemplate.OBJECTION_RECEIVED, hold_id, hold.account_id, hold.currency, hold.amount
        )
        view = await self._question(
            DecisionKind.HOLD_OBJECTION,
            hold.incident_id,
            hold_id,
            ("keep", "release"),
            by,
            {"account_id": hold.account_id, "currency": hold.currency, "amount": str(hold.amount)},
            also=() if self._silent(hold) else (received,),
        )
        at = self.clock.now()
        objection = digest(["objection", view.task_id, by.operator_id, statement])[:26].upper()
        await self.recoveries.object(
            objection_id=objection,
            hold=hold,
            task_id=view.task_id,
            statement=statement,
            by=by.operator_id,
            at=at,
        )
        # Nothing is paid from this hold until it is decided, and a question that would pay it is put anew without it.
        await self.incidents.ask_again(hold.incident_id)
        return view

    def _silent(self, hold: HoldView) -> bool:
        """Whether nobody may say to the holder that there is a hold."""
        rules = self.policies.current().recovery or RECOVERY_DEFAULTS
        return hold.told == WITHHELD or (hold.told is None and rules.tipping_off_forbidden)

    async def renew(self, hold_id: str, legal_basis: str, *, by: Sender) -> DecisionView:
        """Ask for one more period. Errors: NOT_FOUND; REFUSED_BY_RULE (ended, all periods had, no legal basis)."""
        hold = await self._standing(hold_id)
        rules = self.policies.current().recovery
        if rules is not None and hold.periods >= rules.hold_periods:
            raise StanchError(
                ErrorCode.REFUSED_BY_RULE,
                f"This hold has had its {rules.hold_periods} periods and ends by itself. Nothing was changed; only a court's "
                "order at the wallet can keep the money longer.",
            )
        if len(legal_basis.strip()) < LEGAL_BASIS_LENGTH:
            raise StanchError(
                ErrorCode.REFUSED_BY_RULE,
                "A hold is renewed only on a legal basis, and this names none. Nothing was changed; say which order or law.",
            )
        return await self._propose(
            DecisionKind.RENEW_HOLD,
            hold.incident_id,
            hold_id,
            "renew",
            legal_basis,
            by,
            {"account_id": hold.account_id, "expires_at": hold.expires_at.isoformat()},
        )

    async def release(self, hold_id: str, reason: str, *, by: Sender) -> DecisionView:
        """Ask to let a hold go. Errors: NOT_FOUND; REFUSED_BY_RULE."""
        hold = await self._standing(hold_id)
        return await self._propose(
            DecisionKind.RELEASE_HOLD,
            hold.incident_id,
            hold_id,
            "release",
            reason,
            by,
            {"account_id": hold.account_id, "currency": hold.currency, "amount": str(hold.amount)},
        )

    async def mule(
        self, incident_id: str, account_id: str, action: str, reason: str, *, by: Sender
    ) -> DecisionView:
        """Ask to freeze or release the whole account of a mule; never automatic, always two people.

        Errors: NOT_FOUND; REFUSED_BY_RULE when no trace leads through the account, or nothing of ours stands on it.
        """
        await self._facts(incident_id)
        if action == "freeze":
            if not await self.recoveries.passed_through(incident_id, account_id):
                raise StanchError(
                    ErrorCode.REFUSED_BY_RULE,
                    "No trace of this incident leads through this account. Nothing was changed; a stranger's account is not "
                    "frozen on suspicion.",
                )
            return await self._propose(
                DecisionKind.FREEZE_MULE, incident_id, account_id, "freeze", reason, by, {}
            )
        restriction = await self.recoveries.mule_freeze(incident_id, account_id)
        if restriction is None:
            raise StanchError(
                ErrorCode.REFUSED_BY_RULE,
                "Nothing of this incident restricts this account. Nothing was changed.",
            )
        return await self._propose(
            DecisionKind.RELEASE_MULE,
            incident_id,
            account_id,
            "release",
            reason,
            by,
            {"restriction": restriction},
        )

    async def thefts(
        self, incident_id: str, action: str, transfer_ids: Sequence[str], reason: str, *, by: Sender
    ) -> DecisionView:
        """Ask to add transfers to the thefts, or to withdraw them ("that one was mine"): that takes two people.

        `confirm`: count what so far only unproven reports call stolen, so that it is held; two people, too. Errors:
        NOT_FOUND; THEFT_UNKNOWN, THEFT_NOT_VICTIMS, REFUSED_BY_RULE: nothing was changed.
        """
        facts = await self._facts(incident_id)
        wanted = tuple(sorted(set(transfer_ids)))
        known = {transfer.transfer_id: transfer for transfer in await self.index.transfers(wanted)}
        for number, transfer_id in enumerate(transfer_ids, start=1):
            transfer = known.get(transfer_id)
            if transfer is None:
                raise StanchError(
                    ErrorCode.THEFT_UNKNOWN,
                    f"Transfer {number} of those named is not in the index. Nothing was changed; check its id.",
                )
            if transfer.src != facts.account_id:
                raise StanchError(
                    ErrorCode.THEFT_NOT_VICTIMS,
                    f"Transfer {number} of those named did not leave this incident's account. Nothing was changed.",
                )
        claimed = await self.recoveries.claimed(incident_id)
        if action == "add" and claimed & set(wanted):
            raise StanchError(
                ErrorCode.REFUSED_BY_RULE,
                "An unproven report names one of these already. Nothing was changed; two people confirm it, then money is held.",
            )
        if action == "confirm" and set(wanted) - claimed:
            raise StanchError(
                ErrorCode.REFUSED_BY_RULE,
                "Not all of these wait to be confirmed: no unproven report calls them stolen. Nothing was changed; add them.",
            )
        return await self._propose(THEFTS[action], incident_id, ",".join(wanted), action, reason, by, {})

    async def compromised_since(
        self, incident_id: str, at: datetime, reason: str, *, by: Sender
    ) -> DecisionView:
        """Ask to move the compromise time: later takes two people, earlier one, as it only takes trust away.

        Errors: NOT_FOUND; INVALID (no time at which it can have begun); REFUSED_BY_RULE (closed, not known yet, that time
        already, or protection is being lifted and the time would be earlier): nothing was changed.
        """
        facts = await self._facts(incident_id)
        if not EARLIEST_YEAR <= at.year < LAST_YEAR:
            raise _impossible()
        known, at = facts.compromised_since, at.astimezone(UTC)
        if facts.closed_at is not None or known is None or at == known:
            raise StanchError(
                ErrorCode.REFUSED_BY_RULE,
                "The compromise time of this incident cannot be moved to this. Nothing was changed; it is closed, its first "
                "alarm is not taken up yet, or that is the time it has.",
            )
        if at > facts.opened_at:
            raise _impossible()
        earlier = at < known
        if earlier and facts.status in LIFTED:
            raise StanchError(
                ErrorCode.REFUSED_BY_RULE,
                "Protection is being lifted already, and this alone does not stop that. Nothing was changed; raise an alarm "
                "with the earlier time, it freezes the account again.",
            )
        kind = DecisionKind.COMPROMISED_EARLIER if earlier else DecisionKind.COMPROMISED_LATER
        more = {"known": known.isoformat()}
        return await self._propose(kind, incident_id, at.isoformat(), "move", reason, by, more)

    async def _facts(self, incident_id: str) -> IncidentFacts:
        facts = await self.incidents.facts(incident_id)
        if facts is None:
            raise StanchError(ErrorCode.NOT_FOUND, "There is no incident with this id. Nothing was changed.")
        return facts

    async def _standing(self, hold_id: str) -> HoldView:
        hold = await self.hold(hold_id)
        if hold.state == "ended":
            raise StanchError(
                ErrorCode.REFUSED_BY_RULE,
                f"This hold has ended ({hold.ended_reason}). Nothing was changed; there is nothing left to decide about it.",
            )
        return hold

    async def _propose(  # noqa: PLR0917 - what is asked, about what, and in whose words
        self,
        kind: DecisionKind,
        incident_id: str,
        subject: str,
        choice: str,
        reason: str,
        by: Sender,
        more: dict[str, str],
    ) -> DecisionView:
        """Put the question, unless the same one is open, and choose on it."""
        view = await self._question(kind, incident_id, subject, (choice,), by, more)
        at = self.clock.now()
        lifetime = timedelta(seconds=self.policies.current().approval.request_seconds)
        return await self.desk.request(
            task_id=view.task_id,
            request_id=new_id(),
            choice=choice,
            reason=reason,
            by=by,
            at=at,
            expires_at=at + lifetime,
        )

    async def _question(  # noqa: PLR0917 - what is asked, about what, and by whom
        self,
        kind: DecisionKind,
        incident_id: str,
        subject: str,
        choices: tuple[str, ...],
        by: Sender,
        more: dict[str, str],
        also: tuple[Change, ...] = (),
    ) -> DecisionView:
        """The open question of this kind about this subject, or a new one, in one commit with what `also` changes.

        Two who ask at once share it: the key is the same.
        """
        facts = await self._facts(incident_id)
        listed = await self.overview.decisions(state=None, incident_id=incident_id)
        same = [each for each in listed if each.kind is kind and each.action.get("subject") == subject]
        standing = next((each for each in same if each.closed_at is None), None)
        if standing is not None:
            return standing
        name = digest([subject, len(same)])[:16]
        step = AskDecisionInput(
            incident_id=incident_id,
            episode=facts.episode,
            step_key=f"ask/{kind}/people/{name}",
            kind=kind,
            action={"subject": subject, **more},
            choices=choices,
            four_eyes=FOUR_EYES[kind],
            expires_at=self.clock.now()
            + timedelta(seconds=self.policies.current().approval.decision_seconds),
        )

        async def effect(running: Running) -> Effect[AskDecisionResult]:
            task = OpenDecisionTask(
                task_id=digest(["task", incident_id, facts.episode, step.step_key])[:26].upper(),
                task_key=step.step_key,
                kind=kind,
                action=step.action,
                choices=choices,
                four_eyes=step.four_eyes,
                approver_role=Role.SUPERVISOR,
                at=running.started_at,
                expires_at=step.expires_at,
            )
            return Effect(
                AskDecisionResult(step_key=step.step_key, task_id=task.task_id), changes=(task, *also)
            )

        result = await self.steps.run(
            step,
            StepKind.ASK_DECISION,
            AskDecisionResult,
            effect,
            origin=Origin(gateway_attempt=new_id()),
            actor=Actor(by.role.value),
            role=by.name,
        )
        listed = await self.overview.decisions(state=None, incident_id=incident_id)
        return next(each for each in listed if each.task_id == result.task_id)


def _impossible() -> StanchError:
    return StanchError(
        ErrorCode.INVALID,
        "compromised_since: no time since when this account can be compromised, whose first alarm is older. Nothing was changed; "
        "send the right time.",
    )
