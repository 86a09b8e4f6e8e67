"""What changed on an account since the compromise time, and what a reset does about each change: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from activities.covered import entries_of
from models.contracts.security import EntryChange, EntryDone, ItemDifference
from models.contracts.wallet import AccountState, SecurityEntry
from models.masking import masked, masked_text
from models.names import Happened, SecurityItem, Treatment

ENDED_WHOLLY = frozenset({SecurityItem.SESSIONS, SecurityItem.REFRESH_TOKENS, SecurityItem.API_KEYS})
"""Items of which none may be active after the reset, however old."""

LISTED = 200
"""Entries listed of one item; the rest is counted. A thief who adds ten thousand payees must not fill a workflow's history."""

MUST_RENEW = "must_renew"
"""The contract's label of a password that waits for its owner: it came from a reset, not from the thief."""

OURS = frozenset({"restriction", "reset", "expired"})
"""Endings that nobody who used the account did."""

DONE: Mapping[str, Treatment] = {
    "ended": Treatment.REVOKED,
    "removed": Treatment.REVOKED,
    "restored": Treatment.RESTORED,
    "renewed": Treatment.RENEWED,
    "must_renew": Treatment.RENEWED,
}
"""What the words of a receipt (ItemReset.changes) mean here."""


def set_since(entry: SecurityEntry) -> datetime:
    """Since when an entry is what it is. Somebody may have turned `set_at` back; nobody can rewrite the audit's word."""
    return max(entry.set_at, entry.changed_at or entry.set_at)


def difference(account: AccountState, since: datetime) -> tuple[ItemDifference, ...]:
    """Every security item, in the order of SecurityItem. `since`: the compromise time; what was set at it or later is new."""
    contacts = {point.id: masked(point.kind, point.value) for point in account.contact_points}
    return tuple(
        counted(item, _item(item, entries_of(account, item), since, contacts)) for item in SecurityItem
    )


def counted(item: SecurityItem, changes: Iterable[EntryChange]) -> ItemDifference:
    """Count them all, list a page: what was touched first, then by time."""
    rows = sorted(
        changes, key=lambda row: (row.happened is Happened.UNCHANGED, row.at is None, row.at, row.entry_id)
    )
    numbers = dict.fromkeys(Happened, 0)
    for row in rows:
        numbers[row.happened] += 1
    return ItemDifference(
        item=item,
        changes=tuple(rows[:LISTED]),
        added=numbers[Happened.ADDED],
        changed=numbers[Happened.CHANGED],
        removed=numbers[Happened.REMOVED],
        unchanged=numbers[Happened.UNCHANGED],
    )


def carried_out(found: ItemDifference, done: Mapping[str, str]) -> ItemDifference:
    """The difference after the reset of this item. `done`: entry id -> the receipt's word.

    What the receipt does not name was already as it should be (a restriction had ended the session): the plan holds.
    """

    def after(row: EntryChange) -> EntryChange:
        restored = row.before_id is not None and done.get(row.before_id) == "restored"
        treatment = Treatment.RESTORED if restored else DONE.get(done.get(row.entry_id, ""), row.treatment)
        return row.model_copy(update={"treatment": treatment, "done": True})

    return found.model_copy(update={"changes": tuple(after(row) for row in found.changes)})


def merged(comparisons: Sequence[Sequence[ItemDifference]]) -> tuple[ItemDifference, ...]:
    """Several comparisons of one episode as one, oldest first: a later one sees a part already reset.

    What an earlier one saw touched stays so; a later one adds what it alone saw, since the compromise time may have moved.
    """
    rows: dict[SecurityItem, dict[str, EntryChange]] = {item: {} for item in SecurityItem}
    counts: dict[SecurityItem, list[ItemDifference]] = {item: [] for item in SecurityItem}
    for comparison in comparisons:
        for found in comparison:
            counts[found.item].append(found)
            known = rows[found.item]
            for row in found.changes:
                former = known.get(row.entry_id)
                if former is None or former.happened is Happened.UNCHANGED:
                    known[row.entry_id] = row
    whole = []
    for item, known in rows.items():
        listed = counted(item, known.values())
        most = max(counts[item], key=lambda each: each.added + each.changed + each.removed, default=None)
        # Where more was counted than is listed, the numbers of the widest comparison are the truth.
        whole.append(
            listed if most is None or not most.more else most.model_copy(update={"changes": listed.changes})
        )
    return tuple(whole)


def receipts_words(
    steps: Iterable[tuple[SecurityItem, Sequence[EntryDone]]],
) -> dict[SecurityItem, dict[str, str]]:
    """Entry id -> the receipts' word, for each item that was reset; the first word said of an entry is what was done."""
    said: dict[SecurityItem, dict[str, str]] = {}
    for item, done in steps:
        words = said.setdefault(item, {})
        for each in done:
            words.setdefault(each.entry_id, each.change)
    return said


def why(item: SecurityItem, row: EntryChange) -> str:
    """Why it is treated so, in a sentence for people."""
    if row.treatment is Treatment.RENEWED:
        return "Whoever was in the account may know it, so it is made new."
    if row.treatment is Treatment.RESTORED:
        return "It was there before the compromise time and comes back as it was."
    if row.treatment is Treatment.REVOKED:
        if item in ENDED_WHOLLY and row.happened is Happened.UNCHANGED:
            return "None of these may outlive a reset, however old: whoever holds one would be in again."
        return (
            "It was set since the compromise time."
            if row.happened is not Happened.REMOVED
            else "It stays removed."
        )
    if row.happened is Happened.REMOVED:
        return "It was removed since the compromise time and is not brought back: the owner orders a new one."
    return "It was set before the compromise time."


def _item(
    item: SecurityItem, entries: Sequence[SecurityEntry], since: datetime, contacts: Mapping[str, str]
) -> Iterable[EntryChange]:
    def label(entry_id: str, said: str) -> str:
        value = contacts.get(entry_id) if item is SecurityItem.CONTACTS else None
        return f"{said.split(' ', maxsplit=1)[0]} {value}" if value else masked_text(said)

    known = {entry.id: entry for entry in entries}
    replaced = {
        str(entry.previous["id"])
        for entry in entries
        if entry.previous is not None and set_since(entry) >= since and entry.label != MUST_RENEW
    }
    for entry in entries:
        if entry.label == MUST_RENEW:
            continue
        at: datetime | None = set_since(entry)
        before_id = before = None
        new = set_since(entry) >= since
        gone = entry.ended_at is not None and entry.ended_by not in OURS
        if new:
            happened = Happened.ADDED
            if entry.set_at < since:
                happened = Happened.CHANGED
            elif entry.previous is not None:
                happened = Happened.CHANGED
                before_id = str(entry.previous["id"])
                before = label(before_id, str(entry.previous["label"]))
        elif entry.id in replaced or (entry.ended_at is not None and entry.ended_at < since):
            # A replaced one is told as what the changed one was before, whether it stands again by now or not.
            continue
        elif gone:
            happened, at = Happened.REMOVED, entry.ended_at
        else:
            happened = Happened.UNCHANGED
        old = before_id is not None and (before_id not in known or set_since(known[before_id]) < since)
        yield EntryChange(
            entry_id=entry.id,
            label=label(entry.id, entry.label),
            happened=happened,
            at=at,
            before_id=before_id,
            before=before,
            treatment=_treatment(item, happened, was_there=old),
        )


def _treatment(item: SecurityItem, happened: Happened, *, was_there: bool) -> Treatment:
    """What a reset does (docs/wallet-contract.yaml, resetItem). `was_there`: what it replaced is of before."""
    if item is SecurityItem.PASSWORD:
        return Treatment.RENEWED
    if item in ENDED_WHOLLY:
        return Treatment.REVOKED
    if happened is Happened.ADDED:
        return Treatment.REVOKED
    if item is SecurityItem.CARDS:
        return {Happened.UNCHANGED: Treatment.RENEWED, Happened.CHANGED: Treatment.REVOKED}.get(
            happened, Treatment.KEPT
        )
    if happened is Happened.CHANGED:
        return Treatment.RESTORED if was_there else Treatment.REVOKED
    return Treatment.RESTORED if happened is Happened.REMOVED else Treatment.KEPT
