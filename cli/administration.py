"""What is done once: tables, operators."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from adapters.clock import SystemClock
from adapters.sql.engine import make_engine
from adapters.sql.operators import SqlOperators
from cli.configuration import settings
from cli.exit_codes import ExitCode
from cli.migrations import shape, upgrade
from models.errors import ErrorCode, StanchError
from use_cases.create_operator import CreateOperator, NewOperator

if TYPE_CHECKING:
    from cli.output import Output
    from models.names import Role


def upgrade_database(output: Output) -> None:
    """`stanch db upgrade`."""
    revision = upgrade(_owner_url())
    output.document({"revision": revision})
    if not output.as_json:
        output.say(f"The tables are those of this version ({revision}).")


def check_database(output: Output) -> int:
    """`stanch db check`; exit 3 when the tables differ."""
    found = shape(_owner_url())
    output.document({"head": found.head, "good": not found.differs, "differs": found.differs})
    if not output.as_json:
        output.say(
            f"They differ: {found.differs}. Run: stanch db upgrade"
            if found.differs
            else f"The tables are those of this version ({found.head})."
        )
    return ExitCode.REFUSED if found.differs else ExitCode.DONE


def create_operator(name: str, role: Role, output: Output) -> None:
    """`stanch operator create`: the credential is printed here and nowhere else."""
    made = make_operator(name, role, settings().database_url.get_secret_value())
    output.document(made.model_dump(mode="json"))
    if not output.as_json:
        output.say(
            f"{made.role.value} {made.name} ({made.operator_id}) comes with this credential, shown only now:"
        )
        output.say(made.credential)


def make_operator(name: str, role: Role, database_url: str) -> NewOperator:
    """Commit a new operator. Errors: INVALID, REFUSED_BY_RULE (name taken), DATABASE_UNREACHABLE."""

    async def make() -> NewOperator:
        engine = make_engine(database_url, pool=1)
        try:
            return await CreateOperator(operators=SqlOperators(engine), clock=SystemClock()).run(name, role)
        finally:
            await engine.dispose()

    return asyncio.run(make())


def _owner_url() -> str:
    url = settings().owner_database_url
    if url is None:
        raise StanchError(
            ErrorCode.INVALID,
            "It is not known who owns the tables; nothing was changed. Set STANCH_OWNER_DATABASE_URL, or start `stanch up`.",
        )
    return url.get_secret_value()
