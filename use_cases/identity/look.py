"""How a claim stands: little for the claimant before the proof, everything for the people of the house."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from activities.identity_ports import IdentityClaims
from activities.proving import CODE_TO, ENROLLED, Prover, enrolled, presented_contact, presented_entry
from activities.wallet_ports import Wallet
from models.contracts.base import Message, Moment
from models.contracts.identity import (
    AgainstClaim,
    Claim,
    FactorKind,
    IdentityRules,
    Missing,
    Presented,
    RefusedFactor,
)
from models.contracts.wallet import AccountState, ContactKind
from models.judging import refusal
from models.masking import masked
from use_cases.identity.claims import Claims


class MaskedContact(Message):
    """Enough to recognise one's own, too little to learn another's."""

    kind: ContactKind
    masked: str


class ClaimantsView(Message):
    """What a claimant may know. The ways are always the same ones, whichever the account has."""

    proven: bool
    counted: int
    ways: tuple[FactorKind, ...]
    contacts: tuple[MaskedContact, ...]
    """Only once proven: a phone number that is shown masked tells a thief which one to port."""


class ClaimView(Message):
    """One claim as people of the house see it."""

    claim_id: str | None
    opened_by: str | None
    opened_at: Moment | None
    ended_at: Moment | None
    ending: str | None
    proven: bool
    counted: tuple[Presented, ...]
    refused: tuple[RefusedFactor, ...]
    missing: tuple[Missing, ...]
    against: tuple[AgainstClaim, ...] = ()
    """What speaks against the claimant, with the step in which its reason stands."""


class IdentityView(Message):
    """Every claim of an incident. `unusable`: what the account has and nobody may use, with the reason."""

    contested: bool
    claims: tuple[ClaimView, ...]
    usable: tuple[Presented, ...]
    unusable: tuple[RefusedFactor, ...]
    version: str


WAYS = (
    FactorKind.PHONE_CODE,
    FactorKind.EMAIL_CODE,
    FactorKind.RECOVERY_CODE,
    FactorKind.TOTP,
    FactorKind.PASSKEY,
    FactorKind.DOCUMENT,
    FactorKind.TRUSTED_CONTACTS,
)


@dataclass
class LookAtIdentity:
    """Reads, records nothing."""

    claims: Claims
    store: IdentityClaims
    wallet: Wallet
    prover: Prover
    rules: IdentityRules

    async def mine(self, claim: Claim) -> ClaimantsView:
        """For the claimant. Errors: those of Claims.live, and of ports.Wallet."""
        facts, since = await self.claims.live(claim)
        judged = await self.prover.judge(claim.incident_id, claim.episode, facts.account_id, since)
        winner = judged.winner()
        proven = winner is not None and winner[0] == claim.claim_id
        said = judged.by_claim.get(claim.claim_id)
        contacts: tuple[MaskedContact, ...] = ()
        if proven:
            account = await self.wallet.account(facts.account_id)
            contacts = tuple(
                MaskedContact(kind=each.kind, masked=masked(each.kind, each.value))
                for each in account.contact_points
                if refusal(presented_contact(account, each, CODE_TO[each.kind]), since, self._window) is None
            )
        counted = 0 if said is None else len(said.counted)
        return ClaimantsView(proven=proven, counted=counted, ways=WAYS, contacts=contacts)

    async def all(self, incident_id: str) -> IdentityView:
        """For people of the house, by ids and times: no value of a contact is in it. Errors: NOT_FOUND, ports.Wallet's."""
        facts = await self.claims.facts(incident_id)
        listed = await self.store.listed(incident_id)
        against = await self.store.against(incident_id)
        since = facts.compromised_since or facts.opened_at
        judged = await self.prover.judge(incident_id, facts.episode, facts.account_id, since)
        known: dict[str | None, Claim | None] = {each.claim_id: each for each in listed}
        if None in judged.by_claim:
            known[None] = None
        account = await self.wallet.account(facts.account_id)
        factors = _factors(account)
        return IdentityView(
            contested=judged.contested,
            claims=tuple(
                ClaimView(
                    claim_id=claim_id,
                    opened_by=None if claim is None else claim.opened_by,
                    opened_at=None if claim is None else claim.opened_at,
                    ended_at=None if claim is None else claim.ended_at,
                    ending=None if claim is None else claim.ending,
                    proven=said is not None and said.proven,
                    counted=() if said is None else said.counted,
                    refused=() if said is None else said.refused,
                    missing=() if said is None else said.missing,
                    against=tuple(each for each in against if each.claim_id == claim_id),
                )
                for claim_id, claim in known.items()
                for said in (judged.by_claim.get(claim_id),)
            ),
            usable=tuple(each for each in factors if refusal(each, since, self._window) is None),
            unusable=tuple(
                RefusedFactor(kind=each.kind, reference=each.reference, reason=reason)
                for each in factors
                if (reason := refusal(each, since, self._window)) is not None
            ),
            version=self.rules.version,
        )

    @property
    def _window(self) -> timedelta:
        return timedelta(seconds=self.rules.swap_window_seconds)


def _factors(account: AccountState) -> list[Presented]:
    found = [presented_contact(account, each, CODE_TO[each.kind]) for each in account.contact_points]
    found += [presented_entry(each, kind) for kind in ENROLLED for each in enrolled(account, kind)]
    found += [
        presented_contact(account, each, FactorKind.TRUSTED_CONTACTS) for each in account.trusted_contacts
    ]
    return found
