"""`stanch transfers`: fill the index from files, and say how far it has come."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from adapters.sql.engine import make_engine
from adapters.transfers.files import FileLedger, FileTransferSource, read_ledger
from adapters.transfers.index import SqlTransferIndex
from adapters.transfers.replica import ReplicaTransferSource, replica_engine
from adapters.transfers.replica_mapping import read_mapping
from cli.configuration import settings
from cli.currencies import checked_currency
from cli.exit_codes import ExitCode
from models.contracts.transfers import FeedPosition, FeedState
from models.errors import ErrorCode, StanchError
from tracing.ports import TransferSource

if TYPE_CHECKING:
    from cli.output import Output

ONE_TURN: Final = timedelta(seconds=30)


def import_files(transfers: Path, accounts: Path, currency: str, output: Output) -> None:
    """`stanch transfers import`.

    Repeating it adds nothing; a file that is longer than before adds what is new. Errors: INVALID, FILE_BROKEN (nothing
    imported), FEED_GAP, FEED_CONFLICT (the index holds another ledger; what it held stays).
    """
    code = checked_currency(currency)
    ledger = read_ledger(transfers, accounts, currency=code)
    for refused in ledger.refused:
        output.warn(f"row refused: {refused}")
    position = asyncio.run(_feed_from(FileTransferSource(ledger)))
    _refuse_stopped(position, "use an empty database for another ledger")
    output.document(
        {
            "transfers": len(ledger.transfers),
            "accounts": len(ledger.openings),
            "refused_rows": [row.model_dump(mode="json") for row in ledger.refused],
            "inferred_openings": {"count": ledger.inferred_count, "amount": ledger.inferred_amount},
            "mapping": ledger.mapping,
            "upto_seq": position.upto_seq,
        }
    )
    if not output.as_json:
        output.say(
            f"{len(ledger.transfers)} transfers and {len(ledger.openings)} accounts are in the index, up to posting "
            f"{position.upto_seq}; {len(ledger.refused)} rows were refused. {ledger.mapping}"
        )
        output.say(
            f"Opening money inferred for {ledger.inferred_count} accounts, {ledger.inferred_amount} minor units in all."
        )


def import_replica(url: str, mapping: Path, output: Output) -> None:
    """`stanch transfers import --replica`.

    Repeating it adds what is new. Errors: INVALID (the mapping, or what it names at the replica), WALLET_UNREACHABLE (the
    replica does not answer), FEED_GAP, FEED_CONFLICT (a posting is missing or does not fit; those before it are in).
    """
    read = read_mapping(mapping)

    async def fed() -> FeedPosition:
        engine = replica_engine(url)
        try:
            return await _feed_from(ReplicaTransferSource(engine, read))
        finally:
            await engine.dispose()

    position = asyncio.run(fed())
    _refuse_stopped(position, "mend the replica's rows and repeat")
    output.document({"upto_seq": position.upto_seq})
    if not output.as_json:
        output.say(f"The index has postings 1 to {position.upto_seq} of the replica.")


def _refuse_stopped(position: FeedPosition, advice: str) -> None:
    if position.state is not FeedState.FOLLOWING:
        stopped = ErrorCode.FEED_CONFLICT if position.state is FeedState.CONFLICT else ErrorCode.FEED_GAP
        raise StanchError(
            stopped,
            f"The index stopped at posting {position.upto_seq}: {position.detail}. What it holds is unchanged; {advice}.",
        )


def show_status(output: Output) -> int:
    """`stanch transfers status`; exit 3 when the index stands at a gap or a conflict."""
    position = asyncio.run(_position(settings().database_url.get_secret_value()))
    following = position.state is FeedState.FOLLOWING
    output.document(position.model_dump(mode="json"))
    if not output.as_json:
        at = position.upto_at.isoformat() if position.upto_at else "nothing posted yet"
        output.say(
            f"Up to posting {position.upto_seq} ({at}); the wallet was heard {position.behind_ms / 1000:.1f} s ago."
        )
        if not following:
            output.say(
                f"It stands at a {position.state.value}: {position.detail}. Traces say so until the wallet mends it."
            )
        elif position.remarks:
            output.say(f"Postings to look at: {position.remarks}. {position.detail}")
    return ExitCode.DONE if following else ExitCode.REFUSED


async def _feed_from(source: TransferSource) -> FeedPosition:
    engine = make_engine(settings().database_url.get_secret_value(), pool=2)
    try:
        index = SqlTransferIndex(engine, source)
        before = -1
        while True:
            position = await index.catch_up(budget=ONE_TURN)
            if position.state is not FeedState.FOLLOWING or position.upto_seq == before:
                return position
            before = position.upto_seq
    finally:
        await engine.dispose()


async def _position(database_url: str) -> FeedPosition:
    engine = make_engine(database_url, pool=1)
    try:
        return await SqlTransferIndex(engine, FileTransferSource(FileLedger([], [], [], ""))).position()
    finally:
        await engine.dispose()
