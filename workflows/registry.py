"""Every workflow a worker serves, once."""

from __future__ import annotations

from workflows.recall_transfer import RecallTransfer
from workflows.recover_credential import RecoverCredential
from workflows.recover_funds import RecoverFunds
from workflows.reset_security import ResetSecurity
from workflows.return_account import ReturnAccount
from workflows.stolen_account_incident import StolenAccountIncident
from workflows.trace_funds import TraceFunds
from workflows.verify_identity import VerifyIdentity

WORKFLOWS: list[type] = [
    StolenAccountIncident,
    VerifyIdentity,
    TraceFunds,
    ResetSecurity,
    ReturnAccount,
    RecoverFunds,
    RecallTransfer,
    RecoverCredential,
]
