"""`stanch trace verify`: an evidence pack, computed again offline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from adapters.evidence.verification import verified
from cli.exit_codes import ExitCode
from tracing.picture.pieces import spoken

if TYPE_CHECKING:
    from cli.output import Output


def verify_pack(path: Path, *, expected: str | None, output: Output) -> int:
    """Say what differs; exit 3 when anything does. Errors: FILE_BROKEN."""
    verdict = verified(path, expected=expected)
    output.document({"sound": verdict.sound, **verdict.model_dump(mode="json")})
    if not output.as_json:
        for finding in verdict.findings:
            output.console.print(
                f"[bold red]differs[/]  {escape(finding.part)}: {escape(spoken(finding.message))}"
            )
        if verdict.sound:
            ranges = (
                f"The range over the rules was computed again as well ({', '.join(verdict.rules_recomputed)})."
                if verdict.ranges_recomputed
                else "The range over the rules cannot be computed again from it."
            )
            output.console.print(
                f"[green]Nothing differs.[/] {verdict.carried} transfers carried the stolen money. {ranges}"
            )
            output.console.print(
                f"Digest {verdict.digest}: compare it with the one noted when the trace was made."
            )
        else:
            output.console.print(
                "[bold red]This pack does not prove what it says.[/] Keep it as it is, and get it again from where it came."
            )
    return ExitCode.DONE if verdict.sound else ExitCode.REFUSED
