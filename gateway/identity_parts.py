"""The use cases around a claim, put together from the wiring."""

from __future__ import annotations

from dataclasses import dataclass

from activities.codes import CodeSender
from adapters.wiring import Wiring
from use_cases.decide import Decide
from use_cases.identity.asking_again import AskForCodes
from use_cases.identity.call_back import CallBack
from use_cases.identity.claims import Claims
from use_cases.identity.documents import ShowDocument
from use_cases.identity.link_code import ShowLinkCode
from use_cases.identity.look import LookAtIdentity
from use_cases.identity.own_secrets import PresentSecret
from use_cases.identity.presenting import Presenting
from use_cases.identity.vouching import AskTrustedContacts
from use_cases.identity.withdrawing import WithdrawClaims


@dataclass
class IdentityParts:
    """What the endpoints of identity call."""

    claims: Claims
    secrets: PresentSecret
    documents: ShowDocument
    vouching: AskTrustedContacts
    call_back: CallBack
    look: LookAtIdentity
    withdrawing: WithdrawClaims
    link_code: ShowLinkCode
    again: AskForCodes


def identity_parts(wiring: Wiring, decide: Decide) -> IdentityParts:
    """Nothing is opened yet. Errors: INVALID, when the rules or the provider's settings are not usable."""
    claims = Claims(wiring.claimants, wiring.incidents, wiring.identity_rules, wiring.clock)
    presenting = Presenting(
        claims=claims,
        limits=wiring.limits,
        steps=wiring.steps,
        wallet=wiring.wallet,
        rules=wiring.identity_rules,
        clock=wiring.clock,
    )
    return IdentityParts(
        claims=claims,
        secrets=PresentSecret(presenting, wiring.passkeys),
        documents=ShowDocument(presenting, wiring.documents),
        vouching=AskTrustedContacts(
            presenting, wiring.challenges, wiring.messages, wiring.incident_secrets, wiring.policies
        ),
        call_back=CallBack(presenting),
        look=LookAtIdentity(claims, wiring.claimants, wiring.wallet, wiring.prover, wiring.identity_rules),
        withdrawing=WithdrawClaims(claims, decide, wiring.steps, wiring.clock),
        again=AskForCodes(
            presenting,
            wiring.challenges,
            CodeSender(wiring.challenges, wiring.messages, wiring.incident_secrets, wiring.policies),
            wiring.incidents,
        ),
        link_code=ShowLinkCode(claims, wiring.contact_history, wiring.overview, wiring.incident_secrets),
    )
