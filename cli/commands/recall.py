"""`stanch recall ...`: money asked back from other institutions, and what they answer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.commands.options import Json, Login

application = typer.Typer(
    help="Recalls of money that left the wallet: what is asked, promised and received.", no_args_is_help=True
)
answers = typer.Typer(
    help="What institutions answered; what cannot be used is put aside and shown here.",
    invoke_without_command=True,
)
application.add_typer(answers, name="answers")

RecallId = Annotated[str, typer.Argument(metavar="RECALL", help="The recall's id.")]
Limit = Annotated[int, typer.Option(min=1, max=200, help="How many at most.")]


@application.command("list")
def list_(
    *,
    incident: Annotated[str | None, typer.Option(help="Of this incident only, with its totals.")] = None,
    state: Annotated[str | None, typer.Option(help="open or closed.")] = None,
    limit: Limit = 50,
    login: Login = None,
    as_json: Json = False,
) -> None:
    """Recalls, newest first, and every answer that was put aside."""
    from cli.output import Output
    from cli.recalls.verbs import list_recalls

    list_recalls(incident=incident, state=state, limit=limit, login=login, output=Output(as_json=as_json))


@application.command()
def show(recall: RecallId, *, login: Login = None, as_json: Json = False) -> None:
    """One recall: every message sent, every answer that came."""
    from cli.output import Output
    from cli.recalls.verbs import show_recall

    show_recall(recall, login=login, output=Output(as_json=as_json))


@answers.callback()
def list_answers(
    context: typer.Context,
    *,
    verdict: Annotated[str | None, typer.Option(help="received, matched, duplicate or quarantined.")] = None,
    limit: Limit = 50,
    login: Login = None,
    as_json: Json = False,
) -> None:
    """Answers, newest first."""
    if context.invoked_subcommand is not None:
        return
    from cli.output import Output
    from cli.recalls.verbs import list_answers as list_them

    list_them(verdict=verdict, limit=limit, login=login, output=Output(as_json=as_json))


@answers.command("show")
def show_answer(
    answer: Annotated[str, typer.Argument(metavar="ANSWER", help="The answer's id.")],
    *,
    login: Login = None,
    as_json: Json = False,
) -> None:
    """One answer, word for word."""
    from cli.output import Output
    from cli.recalls.verbs import show_answer as show_it

    show_it(answer, login=login, output=Output(as_json=as_json))


@answers.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A camt.029.001.14 or a neutral answer.", dir_okay=False)
    ],
    *,
    login: Login = None,
    as_json: Json = False,
) -> None:
    """Take in an answer that came by other means. Repeating it is safe."""
    from cli.output import Output
    from cli.recalls.verbs import import_answer

    import_answer(file, login=login, output=Output(as_json=as_json))
