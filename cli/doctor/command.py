"""All checks, side by side, in one table."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from rich.markup import escape
from rich.table import Table

from cli import runtime
from cli.configuration import settings
from cli.doctor.database import examine_database
from cli.doctor.findings import Finding, State, good
from cli.doctor.house import examine_disk, examine_master_key, examine_policy
from cli.doctor.temporal import examine_temporal
from cli.doctor.wallet import examine_gateway, examine_messages, examine_wallet
from cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from cli.output import Output
    from settings import Settings

COLOURS: Final = {
    State.GOOD: "green",
    State.ATTENTION: "yellow",
    State.BAD: "bold red",
    State.UNREACHABLE: "bold red",
}


def run_doctor(output: Output) -> int:
    """Show every finding. Exit 4 when something needed is unreachable, 3 when something is bad, else 0."""
    running = runtime.current()
    configured = settings()
    findings = [_house(running), *asyncio.run(_examine(configured))]
    code = _exit_code(findings)
    output.document({"exit_code": int(code), "findings": [finding.document() for finding in findings]})
    if not output.as_json:
        table = Table(box=None, pad_edge=False, show_header=False)
        for finding in findings:
            advice = f"\n[dim]{escape(finding.advice)}[/]" if finding.advice else ""
            table.add_row(
                f"[{COLOURS[finding.state]}]{finding.state.value}[/]",
                finding.name,
                f"{escape(finding.seen)}{advice}",
            )
        output.console.print(table)
    return code


async def _examine(configured: Settings) -> list[Finding]:
    examined = await asyncio.gather(
        examine_database(configured.database_url.get_secret_value()),
        examine_temporal(configured.task_queue),
        examine_wallet(configured.wallet_url, configured.wallet_key.get_secret_value()),
        examine_messages(configured.message_url, configured.message_key.get_secret_value()),
        examine_gateway(f"http://{configured.gateway_host}:{configured.gateway_port}"),
    )
    key = configured.master_key.get_secret_value() if configured.master_key else None
    here = [examine_policy(configured.policy_dir, configured.policy), examine_master_key(key), examine_disk()]
    return [*(finding for findings in examined for finding in findings), *here]


def _house(running: runtime.Runtime | None) -> Finding:
    if running is None:
        return good("house", "none runs here (`stanch up`); settings come from the environment", needed=False)
    return good("house", f"one runs here (process {running.process}); its settings are used", needed=False)


def _exit_code(findings: list[Finding]) -> ExitCode:
    if any(finding.needed and finding.state is State.UNREACHABLE for finding in findings):
        return ExitCode.UNREACHABLE
    if any(finding.state is State.BAD for finding in findings):
        return ExitCode.REFUSED
    return ExitCode.DONE
