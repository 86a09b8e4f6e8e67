"""The tree of commands, and the one place where their failures become sentences and exit codes.

Imports stay light: a command's work is imported when it runs, so that `stanch --help` answers at once.
"""

from __future__ import annotations

import inspect
import sys
import traceback
from typing import Annotated, Final

import typer

from cli.commands import (
    alert,
    audit,
    credential,
    database,
    demo,
    doctor,
    hold,
    incident,
    notice,
    operator,
    parts,
    recall,
    remedy,
    sandbox,
    trace,
    transfers,
)
from cli.exit_codes import ExitCode, exit_code
from cli.output import Output
from models.errors import ErrorCode, StanchError

DEBUG: Final = "--debug"
ABOUT: Final = (
    "Protects wallet accounts that were stolen: freezes first, proves the owner, follows and holds the money, resets "
    "every security setting, returns the account in stages, and can replay every step for an auditor."
)
CODES: Final = "Exit codes: 0 done, 2 bad input, 3 refused by a rule, 4 something needed is not reachable."

application = typer.Typer(
    name="stanch", help=ABOUT, epilog=CODES, add_completion=False, rich_markup_mode="rich"
)


@application.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    *,
    debug: Annotated[bool, typer.Option(DEBUG, help="Show the traceback of an unexpected error.")] = False,
) -> None:
    del debug  # Taken out by `main`, so that it may stand anywhere; declared to be seen in the help.
    if context.invoked_subcommand is None:
        print(context.get_help())


demo.register(application)
parts.register(application)
doctor.register(application)
sandbox.register(application)
remedy.register(application)
application.add_typer(incident.application, name="incident")
application.add_typer(credential.application, name="credential")
application.add_typer(notice.application, name="notice")
application.add_typer(alert.application, name="alert")
application.add_typer(transfers.application, name="transfers")
application.add_typer(trace.application, name="trace")
application.add_typer(hold.application, name="hold")
application.add_typer(recall.application, name="recall")
application.add_typer(audit.application, name="audit")
application.add_typer(operator.application, name="operator")
application.add_typer(database.application, name="db")


def _let_help_flow() -> None:
    """Let each paragraph of a command's help fill the terminal's lines, wherever its docstring was broken."""
    groups = [application, *(group.typer_instance for group in application.registered_groups)]
    for command in (command for group in groups if group for command in group.registered_commands):
        said = command.help or inspect.getdoc(command.callback) or ""
        command.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in said.split("\n\n"))


_let_help_flow()


def main(arguments: list[str]) -> int:
    """Run one command. Returns the exit code; never raises and never shows a traceback unless asked to."""
    debug = DEBUG in arguments
    arguments = [argument for argument in arguments if argument != DEBUG]
    output = Output(as_json="--json" in arguments)
    try:
        code = typer.main.get_command(application).main(arguments, prog_name="stanch", standalone_mode=False)
    except StanchError as error:
        output.error(error.code, error.message)
        if debug:
            traceback.print_exception(error)
        return exit_code(error.code)
    except typer.TyperException as error:
        output.error(ErrorCode.INVALID, _usage(error, arguments))
        return ExitCode.BAD_INPUT
    except KeyboardInterrupt as interruption:
        return int(getattr(interruption, "exit_code", 130))
    except BrokenPipeError:
        # Whoever read our output has enough of it.
        sys.stderr.close()
        return ExitCode.DONE
    except Exception as error:  # noqa: BLE001 - the last door before the user
        output.error(
            ErrorCode.INTERNAL,
            f"Something unexpected happened ({type(error).__name__}); what was recorded stays recorded, and every step is "
            f"safe to repeat. Run the command again with {DEBUG} to see where, and report that.",
        )
        if debug:
            traceback.print_exception(error)
        return ExitCode.INTERNAL
    return int(code or ExitCode.DONE)


def _usage(error: typer.TyperException, arguments: list[str]) -> str:
    """The complaint of the argument parser as a sentence of ours."""
    format_message = getattr(error, "format_message", None)
    said = " ".join(str(format_message() if format_message else error).split()).rstrip(".")
    said = said.replace("Value error, ", "")
    if "does not match the formats" in said:
        said = f"{said.split(' does not match')[0]} is not a time like 2026-01-31T10:05:00Z"
    context = getattr(error, "ctx", None)
    path = context.command_path if context else " ".join(["stanch", *arguments[:1]])
    return f"{said or 'That is not a command'}; nothing was done. See `{path} --help`."
