"""Whether the histories of one incident are all there, whole, and hang together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ledger.findings import Finding, Kind
from ledger.histories import CONTINUED, History


def check_chains(root: str, histories: Sequence[History], *, closed: bool) -> list[Finding]:
    """Findings about the set of runs: gaps in event ids, missing runs and children, an end that is not there.

    `root` is the workflow id of the incident; `closed` whether the database says that the incident is over.
    """
    return [
        *_wholeness(histories),
        *_runs(histories),
        *_children(histories),
        *_root(root, histories, closed=closed),
    ]


def _wholeness(histories: Sequence[History]) -> Iterator[Finding]:
    for history in histories:
        if not history.begins_with_start:
            yield Finding(Kind.HISTORY_GAP, history.name, "it does not begin with the start of a workflow")
        for gap in history.gaps:
            yield Finding(
                Kind.HISTORY_GAP, history.name, f"event {gap.expected} should come next, and {gap.found} does"
            )
        for event_id in history.torn:
            yield Finding(Kind.HISTORY_GAP, history.name, f"what stood after event {event_id} is not there")


def _runs(histories: Sequence[History]) -> Iterator[Finding]:
    """A run that continues another, or is continued by one, has that one beside it."""
    known = {history.run_id for history in histories}
    for history in histories:
        if history.continues_from is not None and history.continues_from not in known:
            yield Finding(
                Kind.HISTORY_MISSING,
                history.name,
                f"the run before it ({history.continues_from}) is not there",
            )
        if history.ending == CONTINUED and history.continued_to not in known:
            yield Finding(
                Kind.HISTORY_MISSING, history.name, f"the run after it ({history.continued_to}) is not there"
            )


def _children(histories: Sequence[History]) -> Iterator[Finding]:
    known = {(history.workflow_id, history.run_id) for history in histories}
    for history in histories:
        for child in history.children:
            if child.run_id is not None and (child.workflow_id, child.run_id) not in known:
                yield Finding(
                    Kind.HISTORY_MISSING,
                    history.name,
                    f"its child {child.workflow_id} (run {child.run_id}) is not there",
                )


def _root(root: str, histories: Sequence[History], *, closed: bool) -> Iterator[Finding]:
    runs = [history for history in histories if history.workflow_id == root]
    if not runs:
        yield Finding(Kind.HISTORY_MISSING, root, "the incident's own workflow has no history")
    elif closed and not any(run.ending not in (None, CONTINUED) for run in runs):
        yield Finding(Kind.HISTORY_OPEN, root, "the incident is closed, and its workflow has not ended")
