"""The closing summary: the document of `demo --json`, and the same for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

from cli.demo.flow import show_flow
from cli.incidents.security import counted
from models.money import sum_of_money
from models.names import SecurityItem

if TYPE_CHECKING:
    from rich.console import Console

    from cli.demo.request import LedgerCase
    from use_cases.audit_replay import AuditReport

PLACES: Final = ("held", "exited", "pooled", "returned", "pruned")
NO_FLOW: Final = dict.fromkeys(("stolen", *PLACES), 0)
REMEDIES: Final = {
    "returned": "is back with the owner",
    "on_hold": "is held, and not given back yet",
    "recall_pending": "asked back from other institutions",
    "recalled": "has come back from them",
    "at_large": "nobody has it yet",
    "lost": "will not come back",
}
NO_REMEDY: Final = dict.fromkeys(("stolen", *REMEDIES), 0)
WORDS: Final = {
    "held": "lies in accounts of the wallet; on hold: {on_hold}",
    "exited": "had left the wallet",
    "pooled": "lies in accounts where money is mixed",
    "returned": "had come back to the owner",
    "pruned": "not followed further",
}


@dataclass(frozen=True, kw_only=True)
class Ending:
    """Everything the summary is made of. `view` is the incident as the gateway shows it."""

    view: Mapping[str, Any]
    currency: str
    refused_after_freeze: int
    audit: AuditReport
    case: LedgerCase | None
    flow: Sequence[Mapping[str, Any]]
    kept: int
    """What the victim's account holds at the end, and the thief did not get."""
    clock: str
    remedy: Mapping[str, Any] | None
    """Where every stolen unit stands at the end; None where nothing was traced."""
    holds: Sequence[Mapping[str, Any]]
    """Every hold there was, as the gateway shows it at the end."""

    def document(self) -> dict[str, Any]:
        """The document of `demo --json` but for its duration; every field present, empty where it does not apply."""
        facts, steps = self.view, self.view["steps"]
        identity = self.view["identity"]
        money = (self.view["summary"] or {}).get("money") or self.view["money"]
        flow = money.get(self.currency) or NO_FLOW
        ledger = self.case.ledger if self.case else None
        given_back = [hold for hold in self.holds if hold["returned"] and hold["currency"] == self.currency]
        holds = [hold for hold in self.view["holds"] if hold["amount"] and hold["currency"] == self.currency]
        return {
            "incident_id": facts["incident_id"],
            "account_id": facts["account_id"],
            "outcome": facts["outcome"],
            "time_to_freeze_ms": self.view["time_to_freeze_ms"],
            "money": {"currency": self.currency, **flow, "refused_after_freeze": self.refused_after_freeze},
            "identity": {"verified": identity["verified"], "factors": list(identity["factors"])},
            "security_items": {
                item.value: self.view["security_items"][item]
                for item in SecurityItem
                if item in self.view["security_items"]
            },
            "security": dict(self.view["security"]),
            "stages": list(self.view["stages"]),
            "refreezes": self.view["refreezes"],
            "steps": {"total": steps["total"], "by_kind": dict(steps["by_kind"])},
            "audit": {
                "replay_ok": self.audit.replay_ok,
                "steps_match_history": self.audit.steps_match_history,
            },
            "inferred_openings": {
                "count": ledger.inferred_count if ledger else 0,
                "amount": ledger.inferred_amount if ledger else 0,
            },
            "holds": {"count": len(holds), "amount": sum(hold["amount"] for hold in holds)},
            "restitution": {
                "count": len(given_back),
                "amount": sum(hold["returned"] for hold in given_back),
            },
            "remedy": dict(self.remedy) if self.remedy else {"currency": self.currency, **NO_REMEDY},
            "flow": list(self.flow),
            "kept_in_account": self.kept,
            "clock": self.clock,
        }


def show_summary(console: Console, document: Mapping[str, Any]) -> None:
    """What was saved and what was lost, for people."""
    money, took = document["money"], document["time_to_freeze_ms"] or {}
    currency = money["currency"]
    console.print()
    console.rule(f"[bold]{document['outcome']}[/]", align="left")
    console.print(
        f"Frozen [bold]{took.get('committed')} ms[/] after the alarm (the wallet's word after {took.get('wallet_ack')} ms); "
        f"{money['refused_after_freeze']} further attempts were refused at the account."
    )
    table = Table("money", "amount", "", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    table.add_row("stolen", sum_of_money(money["stolen"], currency), "before the freeze")
    for place in PLACES:
        if money[place] or place in ("held", "exited"):
            colour = {"held": "green", "exited": "red"}.get(place, "white")
            words = WORDS[place].format(on_hold=sum_of_money(document["holds"]["amount"], currency))
            table.add_row(f"[{colour}]{place}[/]", sum_of_money(money[place], currency), words)
    table.add_row(
        "[green]kept[/]", sum_of_money(document["kept_in_account"], currency), "stayed in the owner's account"
    )
    console.print(table)
    show_flow(console, document["flow"], currency)
    show_remedy(console, document)
    saved = money["held"] + money["returned"]
    if money["stolen"]:
        console.print(
            f"Saved {saved * 100 // money['stolen']} % of what was stolen and all that the account held besides; "
            f"lost so far {sum_of_money(money['exited'], currency)}."
        )
    identity, audit = document["identity"], document["audit"]
    proven = " and ".join(document["identity"]["factors"]) if identity["verified"] else "nobody"
    console.print(
        f"Owner proven by {proven}; {len(document['security_items'])} security settings reset, one receipt each."
    )
    if security := counted(document["security"]):
        console.print(f"{security[0].upper()}{security[1:]}.")
    console.print(
        f"Returned in {len(document['stages'])} stages ({document['clock']} clock), {document['refreezes']} re-freezes."
    )
    steps = document["steps"]
    console.print(
        f"{steps['total']} steps recorded; replay with today's code: {_verdict(audit['replay_ok'])}; "
        f"steps against history, one to one: {_verdict(audit['steps_match_history'])}."
    )
    console.print(f"Incident {document['incident_id']}, {document['wall_s']} s in all.", style="dim")


def show_remedy(console: Console, document: Mapping[str, Any]) -> None:
    """The same sum by what became of it."""
    remedy = document["remedy"]
    table = Table("now", "amount", "", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for cell, words in REMEDIES.items():
        if remedy[cell]:
            table.add_row(cell.replace("_", " "), sum_of_money(remedy[cell], remedy["currency"]), words)
    console.print(table)


def _verdict(good: bool) -> str:  # noqa: FBT001 - read as a word
    return "[green]good[/]" if good else "[bold red]NOT GOOD[/]"
