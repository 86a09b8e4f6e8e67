"""The parts that say who the owner is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from activities.proving import Prover
from adapters.identity.documents import HttpDocuments, NoDocuments
from adapters.identity.passkeys import WebAuthnPasskeys
from adapters.secrets.keys import Sealer
from adapters.sql.challenges import SqlChallenges
from adapters.sql.credentials import SqlCredentials
from adapters.sql.identity_claims import SqlIdentityClaims
from adapters.sql.identity_limits import SqlLimits
from adapters.sql.pace import SqlPace
from adapters.wired.foundation import Foundation
from models.errors import ErrorCode, StanchError

LEAST_SECRET = 16
"""Characters of a secret that signs; a shorter one is a placeholder."""


@dataclass
class IdentityWiring(Foundation):
    """The parts that say who the owner is. Built when first asked for."""

    @cached_property
    def challenges(self) -> SqlChallenges:
        """One-time codes."""
        return SqlChallenges(self.engine, self.keys)

    @cached_property
    def claimants(self) -> SqlIdentityClaims:
        """Who says they are the owner."""
        return SqlIdentityClaims(self.engine)

    @cached_property
    def limits(self) -> SqlLimits:
        """How often somebody failed."""
        return SqlLimits(self.engine, self.identity_rules.limits)

    @cached_property
    def credentials(self) -> SqlCredentials:
        """Forgotten credentials."""
        return SqlCredentials(self.engine, Sealer(self.keys), self.keys.master)

    @cached_property
    def pace(self) -> SqlPace:
        """How fast strangers may ask."""
        return SqlPace(self.engine, self.keys.master)

    @cached_property
    def prover(self) -> Prover:
        """Judges claimants."""
        return Prover(
            self.wallet, self.challenges, self.claimants, self.incidents, self.identity_rules, self.clock
        )

    @cached_property
    def passkeys(self) -> WebAuthnPasskeys:
        """Passkey assertions."""
        return WebAuthnPasskeys(self.identity_rules.passkey)

    @cached_property
    def documents(self) -> HttpDocuments | NoDocuments:
        """The provider that looks at documents, if there is one. Errors: INVALID when it has no secret to sign with."""
        settings, secret = self.settings, self.settings.document_secret.get_secret_value()
        if settings.document_url is None:
            return NoDocuments()
        if len(secret) < LEAST_SECRET:
            raise StanchError(
                ErrorCode.INVALID,
                "Nothing proves that the identity provider's callbacks are its own. Nothing was started; set "
                "STANCH_DOCUMENT_SECRET to what it signs with.",
            )
        return HttpDocuments(
            settings.document_url,
            settings.document_key.get_secret_value(),
            secret,
            settings.document_callback_url,
            self.identity_rules.document,
        )
