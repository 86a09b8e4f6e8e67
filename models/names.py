"""The closed vocabularies. The same word stands in code, tables, API and docs."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """Who may act through the gateway (DESIGN 7)."""

    AGENT = "agent"
    SUPERVISOR = "supervisor"
    AUDITOR = "auditor"
    TRIGGER = "trigger"
    INSTITUTION = "institution"


class Actor(StrEnum):
    """Who did a step."""

    AGENT = "agent"
    SUPERVISOR = "supervisor"
    TRIGGER = "trigger"
    OWNER = "owner"
    CLAIMANT = "claimant"
    SYSTEM = "system"


class AlarmKind(StrEnum):
    """`trigger`: a machine's message. `report`: a person's account of what happened."""

    TRIGGER = "trigger"
    REPORT = "report"


class Scope(StrEnum):
    """What a freeze restricts: `full` everything, `outgoing` money and security changes (read-only login stays)."""

    FULL = "full"
    OUTGOING = "outgoing"


class Outcome(StrEnum):
    """How an incident ends (DESIGN 3)."""

    RESTORED = "restored"
    FALSE_ALARM = "false_alarm"
    IMPOSTOR = "impostor"
    RELEASED = "released"
    NOT_FROZEN = "not_frozen"
    ACCOUNT_CLOSED = "account_closed"


class SecurityItem(StrEnum):
    """Every setting a thief could have touched; each has one receipt before an account goes back."""

    PASSWORD = "password"  # noqa: S105 - the name of a setting, not one
    SESSIONS = "sessions"
    REFRESH_TOKENS = "refresh_tokens"
    DEVICES = "devices"
    FACTORS = "factors"
    CONTACTS = "contacts"
    API_KEYS = "api_keys"
    PAYEES = "payees"
    MANDATES = "mandates"
    CARDS = "cards"
    LIMITS = "limits"
    FORWARDING = "forwarding"


class Happened(StrEnum):
    """What became of a security entry since the compromise time."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
    UNCHANGED = "unchanged"


class Treatment(StrEnum):
    """What a reset does with a security entry."""

    RENEWED = "renewed"
    RESTORED = "restored"
    REVOKED = "revoked"
    KEPT = "kept"


class PaymentKind(StrEnum):
    """What is in flight. `other`: a kind of the wallet's that we do not know, stopped like any."""

    CARD_AUTHORISATION = "card_authorisation"
    SCHEDULED_PAYMENT = "scheduled_payment"
    MANDATE_COLLECTION = "mandate_collection"
    OTHER = "other"


class PaymentState(StrEnum):
    """Where a payment in flight stands with us. `found`: to be stopped; `kept`: allowed before the compromise time."""

    FOUND = "found"
    STOPPED = "stopped"
    CAPTURED = "captured"
    KEPT = "kept"


class StepKind(StrEnum):
    """What a step does. Counted by kind in the summary of an incident."""

    ALARM = "alarm"
    FREEZE = "freeze"
    PLAN_IDENTITY = "plan_identity"
    CHALLENGE = "challenge"
    FACTOR = "factor"
    CALL_BACK = "call_back"
    VERIFY_IDENTITY = "verify_identity"
    IDENTITY_CONTESTED = "identity_contested"
    WITHDRAW_CLAIM = "withdraw_claim"
    CATCH_UP = "catch_up"
    THEFTS = "thefts"
    TRACE = "trace"
    COMPARE_RULES = "compare_rules"
    HOLD = "hold"
    RELEASE_HOLD = "release_hold"
    COMPARE_SECURITY = "compare_security"
    RESET_ITEM = "reset_item"
    READ_BACK = "read_back"
    OWNER_LINK = "owner_link"
    FIND_PAYMENTS = "find_payments"
    STOP_PAYMENT = "stop_payment"
    ASK_DECISION = "ask_decision"
    DECISION = "decision"
    STAGE = "stage"
    RELEASE = "release"
    LIFT_LIMITS = "lift_limits"
    CLOSE = "close"
    END_HOLD = "end_hold"
    RENEW_HOLD = "renew_hold"
    TELL_HOLDER = "tell_holder"
    FREEZE_MULE = "freeze_mule"
    RELEASE_MULE = "release_mule"
    CHANGE_THEFTS = "change_thefts"
    COMPROMISE_TIME = "compromise_time"
    LINK_RETURN = "link_return"
    RESTITUTE = "restitute"
    RECALL_OPEN = "recall_open"
    CANCEL_PAYOUT = "cancel_payout"
    RECALL_SEND = "recall_send"
    RECALL_CHASE = "recall_chase"
    RECALL_WITHDRAW = "recall_withdraw"
    RECALL_ANSWER = "recall_answer"
    RECALL_MONEY = "recall_money"
    RECALL_CLOSE = "recall_close"
    NOTICE = "notice"
    PERSON_REACHED = "person_reached"
    PLAN_CREDENTIAL = "plan_credential"
    END_SESSIONS = "end_sessions"
    END_CREDENTIAL = "end_credential"
    CLOSE_ACCOUNT = "close_account"
    RESTART_LADDER = "restart_ladder"
    BREAK_GLASS = "break_glass"


class NoticeTemplate(StrEnum):
    """What people are told. Each has its text and version in adapters/notices/texts.py."""

    ACCOUNT_FROZEN = "account_frozen"
    IDENTITY_ASKED = "identity_asked"
    IDENTITY_DENIED = "identity_denied"
    IMPOSTOR_ATTEMPT = "impostor_attempt"
    SECURITY_RESET = "security_reset"
    STAGE_ENTERED = "stage_entered"
    ACCOUNT_WHOLE = "account_whole"
    INCIDENT_CLOSED = "incident_closed"
    FREEZE_LAPSED = "freeze_lapsed"
    MONEY_HELD = "money_held"
    OBJECTION_RECEIVED = "objection_received"
    OBJECTION_DECIDED = "objection_decided"
    RESTITUTION_DONE = "restitution_done"
    CREDENTIAL_RENEWED = "credential_renewed"
    LADDER_RESTARTED = "ladder_restarted"


class NoticeState(StrEnum):
    """Where a promised notice stands. All but `waiting` are settled; UNREACHED says which are shown to agents.

    `reached`: nobody could be written to, and one of our people has told the person otherwise.
    """

    WAITING = "waiting"
    SENT = "sent"
    GIVEN_UP = "given_up"
    NO_CONTACT = "no_contact"
    REACHED = "reached"
    ERASED = "erased"


UNREACHED = (NoticeState.GIVEN_UP, NoticeState.NO_CONTACT)
"""The person was not told, and somebody must."""


class ReachedBy(StrEnum):
    """How one of our people told somebody whom no notice had reached."""

    CALL = "call"
    IN_PERSON = "in_person"
    LETTER = "letter"
    NOT_POSSIBLE = "not_possible"
    """Every way was tried and none is left; the note says which."""


class DeliveryState(StrEnum):
    """What the provider says of one message: taken (`sent`), arrived (`delivered`), or `lost` on its way."""

    SENT = "sent"
    DELIVERED = "delivered"
    LOST = "lost"


class Severity(StrEnum):
    """How much an alert to staff matters, least first."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class StaffAlertKind(StrEnum):
    """What staff are alerted to. Each has its sentence in use_cases/staff_words.py."""

    FREEZE_PENDING = "freeze_pending"
    NOT_FROZEN = "not_frozen"
    OWNER_UNPROVEN = "owner_unproven"
    IDENTITY_CONTESTED = "identity_contested"
    CODES_EXHAUSTED = "codes_exhausted"
    EVIDENCE_AGAINST = "evidence_against"
    DECISION_ASKED = "decision_asked"
    DECISION_OVERDUE = "decision_overdue"
    STUCK = "stuck"
    STEP_FAILING = "step_failing"
    ANSWER_QUARANTINED = "answer_quarantined"
    FEED_STOPPED = "feed_stopped"
    NOTICE_UNREACHED = "notice_unreached"
    DIFFERENCE = "difference"
    MONEY_UNACCOUNTED = "money_unaccounted"
    BREAK_GLASS_USED = "break_glass_used"
    BREAK_GLASS_UNREVIEWED = "break_glass_unreviewed"
    LATE_MONEY = "late_money"
    HOLD_ENDING = "hold_ending"
    MULE_FREEZE_LONG = "mule_freeze_long"


class StaffAlertState(StrEnum):
    """Where an alert to staff stands. `nobody`: no target wants alerts of its kind and severity."""

    WAITING = "waiting"
    SENT = "sent"
    GIVEN_UP = "given_up"
    NOBODY = "nobody"


class StepStatus(StrEnum):
    """`done` is adopted by every later attempt; `refused` is evidence and never an obstacle."""

    DONE = "done"
    REFUSED = "refused"


class DecisionKind(StrEnum):
    """What a person must decide."""

    RETURN_ACCOUNT = "return_account"
    UNPROVEN_OWNER = "unproven_owner"
    END_AS_FALSE_ALARM = "end_as_false_alarm"
    IDENTITY_CONTESTED = "identity_contested"
    ACCEPT_IDENTITY = "accept_identity"
    WITHDRAW_CLAIM = "withdraw_claim"
    IMPOSTOR = "impostor"
    END_AS_IMPOSTOR = "end_as_impostor"
    RENEW_FREEZE = "renew_freeze"
    NEW_CODES = "new_codes"
    FREEZE_ON_REPORT = "freeze_on_report"
    RESET_INCOMPLETE = "reset_incomplete"
    OWNER_LINK = "owner_link"
    STUCK = "stuck"
    RENEW_HOLD = "renew_hold"
    RELEASE_HOLD = "release_hold"
    HOLD_OBJECTION = "hold_objection"
    FREEZE_MULE = "freeze_mule"
    RELEASE_MULE = "release_mule"
    ADD_THEFT = "add_theft"
    WITHDRAW_THEFT = "withdraw_theft"
    CONFIRM_THEFT = "confirm_theft"
    RETURNED_PAYMENT = "returned_payment"
    COMPROMISED_EARLIER = "compromised_earlier"
    COMPROMISED_LATER = "compromised_later"
    RESTITUTE = "restitute"
    COMPETING_CLAIMS = "competing_claims"
    RECOVERY_STUCK = "recovery_stuck"
    CREDENTIAL = "credential"
    CLOSE_ACCOUNT = "close_account"
    NOT_FROZEN = "not_frozen"

    @property
    def of_recovery(self) -> bool:
        """Whether the recovery of the money carries it out: such a question may outlive episode and incident."""
        return self in RECOVERY_QUESTIONS


RECOVERY_QUESTIONS = frozenset(
    {
        DecisionKind.RENEW_HOLD,
        DecisionKind.RELEASE_HOLD,
        DecisionKind.HOLD_OBJECTION,
        DecisionKind.FREEZE_MULE,
        DecisionKind.RELEASE_MULE,
        DecisionKind.ADD_THEFT,
        DecisionKind.WITHDRAW_THEFT,
        DecisionKind.CONFIRM_THEFT,
        DecisionKind.RETURNED_PAYMENT,
        DecisionKind.RESTITUTE,
        DecisionKind.COMPETING_CLAIMS,
        DecisionKind.RECOVERY_STUCK,
    }
)


class HoldSource(StrEnum):
    """Why units are held: the `trace` found them there, or they came back after a `recall`."""

    TRACE = "trace"
    RECALL = "recall"


class HoldEnding(StrEnum):
    """Why a hold does not stand any more. FOR_GOOD says after which the units are not held again."""

    REFUSED = "refused"
    MOVED_ON = "moved on"
    UNCHECKED = "unchecked"
    """Not checked against its receipt in time: nobody may be held on an unproven word of ours."""
    NOT_STOLEN = "not stolen"
    INCIDENT_ENDED = "incident ended"
    EXPIRED = "expired"
    OBJECTION = "objection"
    DECIDED = "decided"
    RESTITUTED = "restituted"


FOR_GOOD = frozenset({HoldEnding.EXPIRED, HoldEnding.OBJECTION, HoldEnding.DECIDED, HoldEnding.RESTITUTED})
"""After one of these the incident does not hold the same units again: two periods in all, and a release stays one."""


ADDED_BY_PEOPLE = "people"
"""The basis of a theft that a person added: only that word takes a withdrawal back."""

NAMED, REPORTED = "named", "reported"
"""The basis of a theft that a machine's alarm named, or a person's report."""

NEW_DEVICE, SINCE_COMPROMISE, CLAIMED = "new_device", "since_compromise", "claimed"
"""What a rule finds: sent by what was set since the compromise time; sent since it at all; claimed by unproven words only."""

WAKE = "wake"
"""Update (parent) and signal (children): look at the database again; it carries nothing."""

PLACER = "stanch"
"""The name under which our restrictions and holds stand at the wallet."""
