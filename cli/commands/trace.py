"""`stanch trace ...`: where the stolen money went, to the unit, and how anybody can check it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.commands.options import CurrencyCode, Json, Login, Reason
from tracing.picture.languages import Language
from tracing.rules import Rule

application = typer.Typer(
    help="Follow stolen money to the unit: on files alone, for an incident, or from an evidence pack.",
    no_args_is_help=True,
)

Subject = Annotated[
    str,
    typer.Argument(
        metavar="INCIDENT|TRACE|PACK", help="An incident's id, a trace's id, or an evidence pack's file."
    ),
]
Pack = Annotated[Path | None, typer.Option("--pack", help="Write an evidence pack to this file.")]
Svg = Annotated[Path | None, typer.Option("--svg", help="Write the flow picture to this file.")]
Words = Annotated[Language, typer.Option("--language", help="en or zh.")]


@application.command()
def run(
    pack: Annotated[
        str | None,
        typer.Argument(metavar="[PACK]", help="An evidence pack to trace again, instead of two files."),
    ] = None,
    *,
    transfers: Annotated[
        Path | None, typer.Option(help="CSV (gzip allowed) or Parquet: tx_id, src, dst, amount_cents.")
    ] = None,
    accounts: Annotated[
        Path | None, typer.Option(help="CSV (gzip allowed) or Parquet: account, opening_cents[, kind].")
    ] = None,
    theft: Annotated[
        list[str] | None,
        typer.Option(help="Stolen transfers of one victim: id[,id...]. May be given more than once."),
    ] = None,
    theft_id: Annotated[
        list[str] | None,
        typer.Option(
            help="One stolen transfer, its id as it stands, commas and all. May be given more than once."
        ),
    ] = None,
    rule: Annotated[
        Rule | None,
        typer.Option(help="How stolen money is told from clean money. Default: fifo, or the pack's."),
    ] = None,
    currency: CurrencyCode = "XXX",
    horizon: Annotated[
        int | None, typer.Option(min=1, help="Follow nothing through rows after this one.")
    ] = None,
    dust: Annotated[int, typer.Option(min=0, help="Do not follow parts of at most this amount.")] = 0,
    max_edges: Annotated[int | None, typer.Option(min=1, help="Stop after so many edges.")] = None,
    svg: Svg = None,
    write_pack: Pack = None,
    language: Words = Language.ENGLISH,
    as_json: Json = False,
) -> None:
    """Trace on files alone: no server, no database server, no incident."""
    from cli.output import Output
    from cli.traces.running import Asked, run_trace

    asked = Asked(
        pack=pack,
        transfers=transfers,
        accounts=accounts,
        thefts=(
            *(name for named in theft or () for name in named.split(",") if name),
            *(name for name in theft_id or () if name),
        ),
        rule=rule,
        currency=currency,
        horizon=horizon,
        dust=dust,
        max_edges=max_edges,
    )
    run_trace(asked, svg=svg, pack=write_pack, language=language, output=Output(as_json=as_json))


@application.command()
def show(
    subject: Subject,
    *,
    svg: Svg = None,
    pack: Pack = None,
    language: Words = Language.ENGLISH,
    as_json: Json = False,
) -> None:
    """The flow of a trace: columns are hops. Of an incident, its newest trace in each currency."""
    from cli.output import Output
    from cli.traces.showing import show_trace

    show_trace(subject, svg=svg, pack=pack, language=language, output=Output(as_json=as_json))


@application.command()
def explain(subject: Subject, *, language: Words = Language.ENGLISH, as_json: Json = False) -> None:
    """One sentence for each transfer that carried stolen money: what anybody can check by hand."""
    from cli.output import Output
    from cli.traces.showing import explain_trace

    explain_trace(subject, language=language, output=Output(as_json=as_json))


@application.command()
def compare(
    subject: Subject,
    *,
    reason: Annotated[
        str | None,
        typer.Option(
            "--reason", help="Why what is not known yet is to be computed; recorded in your name, sealed."
        ),
    ] = None,
    login: Login = None,
    language: Words = Language.ENGLISH,
    as_json: Json = False,
) -> None:
    """What each rule gives: the honest error bar."""
    from cli.output import Output
    from cli.traces.showing import compare_rules

    compare_rules(subject, reason=reason, login=login, language=language, output=Output(as_json=as_json))


@application.command()
def extend(
    subject: Subject,
    *,
    reason: Reason,
    login: Login = None,
    language: Words = Language.ENGLISH,
    as_json: Json = False,
) -> None:
    """Follow the transfers that came since: the same trace up to the wallet's newest posting."""
    from cli.output import Output
    from cli.traces.showing import extend_trace

    extend_trace(subject, reason=reason, login=login, language=language, output=Output(as_json=as_json))


@application.command()
def verify(
    pack: Annotated[Path, typer.Argument(metavar="PACK", help="The evidence pack's file.")],
    *,
    digest: Annotated[
        str | None, typer.Option(help="The digest you know from elsewhere, which the pack must have.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Recompute an evidence pack offline and say what differs; exit 3 if anything does."""
    from cli.output import Output
    from cli.traces.verifying import verify_pack

    raise typer.Exit(verify_pack(pack, expected=digest, output=Output(as_json=as_json)))
