"""What claimants presented, with what the wallet says of its age now, judged claimant by claimant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from activities.identity_ports import Challenges, IdentityClaims
from activities.ports import Clock, Incidents
from activities.wallet_ports import Wallet
from models.contracts.identity import (
    AnsweredCode,
    Claim,
    FactorKind,
    IdentityRules,
    Judgement,
    Presented,
    ProofAction,
)
from models.contracts.wallet import (
    AccountState,
    ContactKind,
    ContactPoint,
    EnrolledKind,
    SecurityEntry,
    Signal,
    TrustedContact,
)
from models.judging import judge, refusal
from models.names import SecurityItem

CODE_TO = {ContactKind.PHONE: FactorKind.PHONE_CODE, ContactKind.EMAIL: FactorKind.EMAIL_CODE}
PREVIOUS = ".previous"
"""Ends the id of a contact's former value: the thief replaced it, so it is the owner's."""

ENROLLED = {
    FactorKind.TOTP: EnrolledKind.TOTP,
    FactorKind.PASSKEY: EnrolledKind.PASSKEY,
    FactorKind.RECOVERY_CODE: EnrolledKind.RECOVERY_CODES,
}


@dataclass(frozen=True)
class Judged:
    """The judgement on each claimant; None stands for codes that were answered without a claim."""

    by_claim: Mapping[str | None, Judgement]
    rivals: tuple[str | None, ...] = ()
    """Who has shown something that counts. One who has gone on under a later claim is in it once, as the later one."""

    @property
    def contested(self) -> bool:
        """Whether more than one has."""
        return len(self.rivals) > 1

    def winner(self) -> tuple[str | None, Judgement] | None:
        """The claimant who is the proven owner. Where two rivals are proven nobody is: people decide."""
        proven = [(claim, self.by_claim[claim]) for claim in self.rivals if self.by_claim[claim].proven]
        return proven[0] if len(proven) == 1 else None


@dataclass
class Prover:
    """Judges an incident's claimants by the rules. Reads, records nothing."""

    wallet: Wallet
    challenges: Challenges
    claims: IdentityClaims
    incidents: Incidents
    rules: IdentityRules
    clock: Clock

    async def judge(
        self,
        incident_id: str,
        episode: int,
        account_id: str,
        since: datetime,
        action: ProofAction = ProofAction.RESTORE,
    ) -> Judged:
        """Judge everybody whose claim has not ended. Without anything presented the wallet is not asked.

        Much lies where it lay before the theft: what was stolen counts as if it were there. Errors: those of ports.Wallet.
        """
        codes = await self.challenges.answered(incident_id, episode)
        evidence = await self.claims.evidence(incident_id, episode)
        if not codes and not evidence:
            return Judged({})
        listed = {each.claim_id: each for each in await self.claims.listed(incident_id)}
        # A code that was answered while people ended its claim may have escaped being voided.
        ended = {each.claim_id for each in listed.values() if each.ended_at is not None}
        codes = [each for each in codes if each.claim_id not in ended]
        evidence = [each for each in evidence if each.claim_id not in ended]
        account = await self.wallet.account(account_id)
        presented: dict[str | None, list[Presented]] = {}
        for each in evidence:
            now = current(account, each.presented)
            presented.setdefault(each.claim_id, []).append(now)
        for claim in sorted({each.claim_id for each in codes}, key=str):
            theirs = [each for each in codes if each.claim_id == claim]
            presented.setdefault(claim, []).extend(self._codes(account, theirs, since))
        amounts = await self.incidents.stolen(incident_id)
        for lying in account.balances:
            amounts[lying.currency] = amounts.get(lying.currency, 0) + lying.balance

        def said(factors: Iterable[Presented], *, contested: bool) -> Judgement:
            return judge(self.rules, action, factors, since=since, amounts=amounts, contested=contested)

        counted = {claim: said(factors, contested=False).counted for claim, factors in presented.items()}
        rivals = tuple(
            claim
            for claim, theirs in counted.items()
            if theirs and not self._gone_on(claim, theirs, presented, listed)
        )
        contested = len(rivals) > 1
        return Judged(
            {claim: said(factors, contested=contested) for claim, factors in presented.items()}, rivals
        )

    def _gone_on(
        self,
        claim_id: str | None,
        counted: Iterable[Presented],
        presented: Mapping[str | None, list[Presented]],
        listed: Mapping[str, Claim],
    ) -> bool:
        """Whether a claim has run out, and a later one has shown everything again that counts for it: the same person."""
        claim = None if claim_id is None else listed.get(claim_id)
        if claim is None or claim.expires_at > self.clock.now():
            return False
        shown = {(each.kind, each.reference) for each in counted if each.kind is not FactorKind.REVIEW}
        return bool(shown) and any(
            shown <= {(each.kind, each.reference) for each in presented.get(later.claim_id, ())}
            for later in listed.values()
            if later.opened_at > claim.opened_at
        )

    def _codes(self, account: AccountState, codes: list[AnsweredCode], since: datetime) -> list[Presented]:
        found = [_code(account, each) for each in codes if each.channel != "trusted"]
        vouching = [_vouching(account, each) for each in codes if each.channel == "trusted"]
        window = timedelta(seconds=self.rules.swap_window_seconds)
        standing = [each for each in vouching if refusal(each, since, window) is None]
        if len(standing) >= self.rules.trusted_contacts.needed:
            found.append(
                Presented(
                    kind=FactorKind.TRUSTED_CONTACTS,
                    reference="+".join(sorted(each.reference for each in standing))[:128],
                    set_at=max(each.set_at for each in standing if each.set_at is not None),
                )
            )
        return found


def contacts_of_old(account: AccountState) -> list[ContactPoint]:
    """Every contact point the wallet lists, and the former value of each that was replaced as one of its own."""
    former = [
        point.model_copy(
            update={
                "id": f"{point.id}{PREVIOUS}",
                "value": point.previous_value,
                "set_at": point.previous_set_at,
                "previous_value": None,
                "previous_set_at": None,
                "changed_at": None,
                "removed_at": point.set_at,
            }
        )
        for point in account.contact_points
        if point.previous_value is not None and point.previous_set_at is not None
    ]
    return [*account.contact_points, *former]


def presented_contact(account: AccountState, point: ContactPoint, kind: FactorKind) -> Presented:
    """A contact point as a factor, with the signals of every record of the same value."""
    same = [each for each in account.contact_points if each.value == point.value]
    signals: list[Signal] = [signal for each in same for signal in each.signals]
    return Presented(
        kind=kind,
        reference=point.id,
        set_at=point.set_at,
        changed_at=point.changed_at,
        previous_set_at=point.previous_set_at,
        removed_at=point.removed_at,
        signals=tuple(dict.fromkeys([*point.signals, *signals])),
    )


def presented_entry(entry: SecurityEntry, kind: FactorKind) -> Presented:
    """An authenticator as a factor."""
    return Presented(
        kind=kind,
        reference=entry.id,
        set_at=entry.set_at,
        changed_at=entry.changed_at,
        removed_at=entry.ended_at,
    )


def enrolled(account: AccountState, kind: FactorKind) -> list[SecurityEntry]:
    """The account's authenticators of this kind, the oldest first, ended ones included: the thief may have ended them."""
    entries = account.security.get(SecurityItem.FACTORS, ())
    return sorted(
        (each for each in entries if each.factor is ENROLLED[kind]), key=lambda each: (each.set_at, each.id)
    )


def current(account: AccountState, then: Presented) -> Presented:
    """What was presented, with what the wallet says of it now. The later time counts; a lost record keeps what was said."""
    now: Presented | None = None
    if then.kind in {FactorKind.CALL_BACK, *CODE_TO.values()}:
        points = {each.id: each for each in contacts_of_old(account)}
        if (point := points.get(then.reference)) is not None:
            now = presented_contact(account, point, then.kind)
    elif then.kind in ENROLLED:
        entries = {each.id: each for each in enrolled(account, then.kind)}
        if (entry := entries.get(then.reference)) is not None:
            now = presented_entry(entry, then.kind)
    elif then.kind is FactorKind.DOCUMENT:
        now = then.model_copy(update={"set_at": account.real_name_set_at})
    if now is None or now.set_at is None or then.set_at is None:
        return then if now is None else now
    return now.model_copy(update={"set_at": max(now.set_at, then.set_at)})


def _code(account: AccountState, code: AnsweredCode) -> Presented:
    kind = CODE_TO[ContactKind(code.channel)]
    return current(account, Presented(kind=kind, reference=code.contact_id, set_at=code.contact_set_at))


def _vouching(account: AccountState, code: AnsweredCode) -> Presented:
    then = Presented(kind=FactorKind.TRUSTED_CONTACTS, reference=code.contact_id, set_at=code.contact_set_at)
    found: dict[str, TrustedContact] = {each.id: each for each in account.trusted_contacts}
    contact = found.get(code.contact_id)
    if contact is None:
        return then
    now = presented_contact(account, contact, FactorKind.TRUSTED_CONTACTS)
    return now.model_copy(update={"set_at": max(contact.set_at, code.contact_set_at)})
