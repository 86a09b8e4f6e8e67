"""`stanch audit replay`: histories against today's code, and against the recorded steps."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rich.markup import escape

from adapters.temporal.client import connect
from adapters.temporal.replay import TemporalHistories
from adapters.wiring import Wiring
from cli.configuration import settings
from cli.exit_codes import ExitCode
from use_cases.audit_replay import AuditReplay, AuditReport
from workflows.registry import WORKFLOWS

if TYPE_CHECKING:
    from cli.output import Output
    from settings import Settings


def replay(incident_id: str, output: Output) -> int:
    """Show the verdict; exit 3 when anything differs."""
    report = asyncio.run(audited(incident_id, settings()))
    output.document(report.model_dump(mode="json"))
    if not output.as_json:
        _show(report, output)
    return ExitCode.DONE if report.replay_ok and report.steps_match_history else ExitCode.REFUSED


async def audited(incident_id: str, configured: Settings) -> AuditReport:
    """Replay and compare one incident; changes nothing. Errors: those of AuditReplay, INVALID."""
    wiring = Wiring(configured)
    try:
        client = await connect(wiring.converter)
        histories = TemporalHistories(client=client, workflows=WORKFLOWS)
        audit = AuditReplay(
            incidents=wiring.incidents,
            steps=wiring.overview,
            histories=histories,
            credentials=wiring.credentials,
        )
        return await audit.run(incident_id)
    finally:
        await wiring.close()


def _show(report: AuditReport, output: Output) -> None:
    for run in report.workflows:
        verdict = "[green]replays[/]" if run.replayed else "[bold red]does not replay[/]"
        output.console.print(f"{verdict}  {run.type:<24} {run.events:>5} events  {escape(run.workflow_id)}")
    for finding in report.findings:
        output.console.print(
            f"[bold red]{finding.kind}[/]  {escape(finding.subject)}: {escape(finding.message)}"
        )
    output.console.print(
        f"{report.steps} recorded steps, {report.performed} performed by these workflows, {report.adopted} adopted by them."
    )
    good = report.replay_ok and report.steps_match_history
    output.console.print(
        "[green]The record and the histories agree, one to one.[/]"
        if good
        else "[bold red]The record and the histories do not agree.[/] Nothing was changed; keep both and look into it."
    )
