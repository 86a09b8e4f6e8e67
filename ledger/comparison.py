"""Steps against histories, one to one (DESIGN 9): each recorded step has its activity, each step's activity its row.

Compared are step key, activity, input digest and result digest. A step may stand in the history in one of three ways:

- performed: the row names this very activity, and both digests are those of the activity's input and result;
- adopted: the row was done elsewhere (by the gateway before the workflow began, or by an earlier activity), and the
  activity returned its result word for word;
- unreturned: the row names an activity whose result never reached its workflow (cancelled, timed out, or still open);
  its input must be the activity's.

Some rows stand beside the histories, and only their own digest is checked: a question that a person put through
the gateway (`ask/.../people/...`), a trace or comparison that a person asked for there (`.../people/...`), a refusal that the
gateway met, a supervisor's break-glass, an agent's withdrawal of an empty claim, what a claimant showed there (a factor, a
call-back, a document's session, a question to trusted contacts), what an activity notes beside its own step (that two claimants
have shown something), and a freeze of the gateway's that a wider one of the same episode, which was adopted, has made needless
for the workflow to repeat.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ledger.findings import Finding, Kind
from ledger.histories import Activity, ActivityEnd, History
from models.contracts.steps import RecordedStep
from models.digests import digest
from models.names import Scope, StepKind, StepStatus

LOOKED = ""
"""The step key in a result that was only a look: no row is expected for it."""

Key = tuple[int, str]
"""Episode and step key."""

OF_PEOPLE = frozenset({StepKind.ASK_DECISION, StepKind.TRACE, StepKind.COMPARE_RULES})
"""What people ask for through the gateway, outside every workflow."""

ALONE = frozenset({StepKind.BREAK_GLASS, StepKind.PERSON_REACHED, StepKind.WITHDRAW_CLAIM})
"""A person's own act at the gateway; what follows from it is an activity's."""

NOTED = frozenset({StepKind.IDENTITY_CONTESTED})
"""What an activity finds and records on its way; its own step, or its look, is another one."""

NARROW_FREEZE, WIDE_FREEZE = f"freeze/{Scope.OUTGOING}", f"freeze/{Scope.FULL}"

SHOWN_BY_CLAIMANTS = frozenset({StepKind.FACTOR, StepKind.CALL_BACK})
ASKED_BY_CLAIMANTS = ("identity/document/", "identity/trusted/")
"""How the keys of the challenges begin that a claimant asks for at the gateway; all others the workflow sends."""

UNRETURNED = frozenset({ActivityEnd.OPEN, ActivityEnd.CANCELED, ActivityEnd.TIMED_OUT})


@dataclass(frozen=True)
class Comparison:
    """What was compared and what differs; nothing differs when `findings` is empty."""

    findings: tuple[Finding, ...]
    performed: int
    adopted: int
    unreturned: int
    beside: int
    reads: dict[str, int] = field(default_factory=dict)
    """Activities that are no steps, or only looked, by type."""


def compare(
    incident_id: str,
    histories: Sequence[History],
    steps: Sequence[RecordedStep],
    *,
    fresh: Collection[str] = frozenset(),
) -> Comparison:
    """Compare all recorded steps of one incident with all its histories.

    `fresh`: ids of rows recorded while the histories were being fetched; these need not be in them yet.
    """
    activities = [each for history in histories for each in history.activities]
    return _Comparing(incident_id, steps, frozenset(fresh)).run(activities)


class _Comparing:
    def __init__(self, incident_id: str, steps: Sequence[RecordedStep], fresh: frozenset[str]) -> None:
        self._incident_id = incident_id
        self._fresh = fresh
        self._steps = steps
        self._by_key: dict[Key, list[RecordedStep]] = defaultdict(list)
        self._adopters: dict[str, list[Activity]] = defaultdict(list)
        for step in steps:
            self._by_key[step.episode, step.step_key].append(step)
        self._findings: list[Finding] = []
        self._matched: set[str] = set()
        self._counts: Counter[str] = Counter()
        self._reads: Counter[str] = Counter()

    def run(self, activities: Iterable[Activity]) -> Comparison:
        known = list(activities)
        self._rows_by_themselves()
        for activity in known:
            self._activity(activity)
        self._rows_and_places({(a.workflow_id, a.run_id, a.activity_id): a for a in known})
        return Comparison(
            findings=tuple(self._findings),
            performed=self._counts["performed"],
            adopted=self._counts["adopted"],
            unreturned=self._counts["unreturned"],
            beside=self._counts["beside"],
            reads=dict(sorted(self._reads.items())),
        )

    def _find(self, kind: Kind, subject: str, message: str) -> None:
        self._findings.append(Finding(kind, subject, message))

    def _rows_by_themselves(self) -> None:
        """What a row says of itself: its incident, its digest, and that it is done once."""
        for step in self._steps:
            if step.incident_id != self._incident_id:
                self._find(Kind.STEP_EXTRA, _row(step), f"belongs to incident {step.incident_id}")
            if _digest(step.result) != step.result_digest:
                self._find(
                    Kind.RESULT_DIGEST, _row(step), "its stored result does not have its stored digest"
                )
            if step.result.get("step_key") != step.step_key:
                self._find(Kind.STEP_KEY, _row(step), "its stored result is another step's")
        for (episode, step_key), rows in self._by_key.items():
            done = [row for row in rows if row.status is StepStatus.DONE]
            if len(done) > 1:
                self._find(Kind.STEP_EXTRA, f"{episode}/{step_key}", f"is recorded as done {len(done)} times")

    def _activity(self, activity: Activity) -> None:
        """One activity of the history: a look, or a step that must have its row."""
        asked = activity.input if isinstance(activity.input, dict) else {}
        if not isinstance(asked.get("step_key"), str):
            self._reads[activity.type] += 1
            return
        if asked.get("incident_id") != self._incident_id:
            self._find(Kind.HISTORY_INPUT, activity.place, f"is about incident {asked.get('incident_id')!r}")
            return
        if activity.end is not ActivityEnd.COMPLETED:
            return
        returned = activity.result if isinstance(activity.result, dict) else {}
        if returned.get("step_key") == LOOKED:
            self._reads[activity.type] += 1
            return
        if returned.get("step_key") != asked["step_key"]:
            self._find(
                Kind.STEP_KEY,
                activity.place,
                f"was asked for {asked['step_key']!r} and returned another step",
            )
            return
        self._returned_step(activity, (asked.get("episode", 0), asked["step_key"]))

    def _returned_step(self, activity: Activity, key: Key) -> None:
        rows = self._by_key.get(key, [])
        subject = f"{key[0]}/{key[1]}"
        if not rows:
            self._find(
                Kind.STEP_MISSING, subject, f"{activity.place} returned it, and no step row has this key"
            )
            return
        own = [row for row in rows if _performed_by(row, activity)]
        if own:
            self._performed(activity, own)
            return
        wanted = _digest(activity.result)
        adopted = [row for row in rows if row.status is StepStatus.DONE and row.result_digest == wanted]
        if not adopted:
            self._find(
                Kind.RESULT_DIGEST,
                subject,
                f"{activity.place} returned a result that no row of this step has",
            )
            return
        for row in adopted:
            self._adopted(activity, row)

    def _performed(self, activity: Activity, rows: list[RecordedStep]) -> None:
        asked, returned = _digest(activity.input), _digest(activity.result)
        for row in rows:
            if row.input_digest != asked:
                self._find(Kind.INPUT_DIGEST, _row(row), f"its input digest is not that of {activity.place}")
        # An attempt that was refused before one that was done is evidence of its own; the answer must be among them.
        if all(row.result_digest != returned for row in rows):
            self._find(
                Kind.RESULT_DIGEST, _row(rows[0]), f"its result digest is not that of {activity.place}"
            )
        for row in rows:
            done_otherwise = row.status is StepStatus.DONE and row.result_digest != returned
            if done_otherwise and any(each.result_digest == returned for each in rows):
                self._find(
                    Kind.RESULT_DIGEST, _row(row), f"{activity.place} returned a refusal beside this row"
                )
            self._match(row, "performed")

    def _adopted(self, activity: Activity, row: RecordedStep) -> None:
        self._adopters[row.step_id].append(activity)
        if row.gateway_attempt is None:
            return
        if row.kind is not StepKind.FREEZE:
            self._find(
                Kind.ACTIVITY_ID,
                _row(row),
                "names a gateway attempt; the gateway freezes and does nothing else",
            )
        if row.input_digest != _digest(activity.input):
            self._find(Kind.INPUT_DIGEST, _row(row), f"the gateway was asked otherwise than {activity.place}")
        self._match(row, "adopted")

    def _match(self, row: RecordedStep, how: str) -> None:
        if row.step_id not in self._matched:
            self._matched.add(row.step_id)
            self._counts[how] += 1

    def _rows_and_places(self, activities: dict[tuple[str, str, str], Activity]) -> None:
        """Whether each row's activity exists, did it, and did it before anybody adopted it."""
        for row in self._steps:
            if row.step_id in self._fresh and row.step_id not in self._matched:
                continue
            if row.gateway_attempt is not None:
                self._of_gateway(row)
                continue
            if row.kind is StepKind.NOTICE and row.workflow_id is None:
                # Told beside the story, when a provider took it: no history can know of it.
                self._match(row, "beside")
                continue
            activity = activities.get((row.workflow_id or "", row.run_id or "", row.activity_id or ""))
            if activity is None:
                where = f"{row.workflow_id} activity {row.activity_id}"
                self._find(Kind.ACTIVITY_ID, _row(row), f"names {where}, which is in no history")
            elif row.kind in NOTED:
                self._match(row, "beside")
            elif row.step_id not in self._matched:
                self._unreturned(row, activity)
            elif any(_before(adopter, activity) for adopter in self._adopters[row.step_id]):
                self._find(
                    Kind.ACTIVITY_ID, _row(row), f"was returned before {activity.place} was asked for it"
                )

    def _of_gateway(self, row: RecordedStep) -> None:
        """A row that no activity of the histories performed."""
        if row.step_id in self._matched:
            return
        asked_by_people = row.kind in OF_PEOPLE and "/people/" in row.step_key
        beside = row.status is StepStatus.REFUSED or asked_by_people or row.kind in ALONE or _of_claimant(row)
        if beside or self._within_wider_freeze(row):
            self._match(row, "beside")
        else:
            self._find(Kind.STEP_EXTRA, _row(row), "the gateway did it, and no activity has taken it up")

    def _within_wider_freeze(self, row: RecordedStep) -> bool:
        if row.step_key != NARROW_FREEZE:
            return False
        return any(
            wider.step_id in self._matched for wider in self._by_key.get((row.episode, WIDE_FREEZE), [])
        )

    def _unreturned(self, row: RecordedStep, activity: Activity) -> None:
        """The row names an activity of the history that did not return it."""
        asked: dict[str, Any] = activity.input if isinstance(activity.input, dict) else {}
        if (asked.get("episode"), asked.get("step_key")) != (row.episode, row.step_key):
            # Somebody else returned it: then it is the place that is wrong; nobody did: then it is the key.
            kind = Kind.ACTIVITY_ID if self._adopters[row.step_id] else Kind.STEP_KEY
            self._find(kind, _row(row), f"{activity.place} was asked for {asked.get('step_key')!r}")
        elif activity.end not in UNRETURNED:
            self._find(Kind.STEP_EXTRA, _row(row), f"{activity.place} {activity.end} without returning it")
        elif row.input_digest != _digest(activity.input):
            self._find(Kind.INPUT_DIGEST, _row(row), f"its input digest is not that of {activity.place}")
        else:
            self._match(row, "unreturned")


def _of_claimant(row: RecordedStep) -> bool:
    asked = row.kind is StepKind.CHALLENGE and row.step_key.startswith(ASKED_BY_CLAIMANTS)
    return asked or row.kind in SHOWN_BY_CLAIMANTS


def _before(one: Activity, other: Activity) -> bool:
    """Whether `one` was over, in the same run, when `other` was asked for."""
    same_run = (one.workflow_id, one.run_id) == (other.workflow_id, other.run_id)
    return same_run and one.end_event_id is not None and one.end_event_id < other.event_id


def _performed_by(row: RecordedStep, activity: Activity) -> bool:
    return (row.workflow_id, row.run_id, row.activity_id) == (
        activity.workflow_id,
        activity.run_id,
        activity.activity_id,
    )


def _row(step: RecordedStep) -> str:
    return f"{step.episode}/{step.step_key}"


def _digest(value: Any) -> str:
    """The digest of a JSON value; none of ours equals that of a value with a float."""
    try:
        return digest(value)
    except TypeError:
        return "no canonical form"
