"""The accounts inside an embedded PostgreSQL and what each may do."""

from __future__ import annotations

import json
import os
import secrets
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

# Starts the cluster and makes databases; nothing of the product connects as this.
ADMIN: Final = "stanch_admin"
# Owns the product's database and tables, and runs the migrations.
OWNER: Final = "stanch_owner"
# What gateway, worker and command line connect as; owns nothing.
APPLICATION: Final = "stanch_app"
# The wallet in a box; a company of its own, so with a database of its own.
SANDBOX: Final = "sandbox"

ROLES: Final = (OWNER, APPLICATION, SANDBOX)

# What the application role gets in databases of the owner: rows, never TRUNCATE or the tables themselves.
APPLICATION_RIGHTS: Final = f"""
ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {APPLICATION};
ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {APPLICATION};
"""


def passwords(folder: Path) -> dict[str, str]:
    """The password of every role, made at random once and kept in `folder`, readable by us alone."""
    path = folder / "passwords.json"
    try:
        return dict(json.loads(path.read_text()))
    except FileNotFoundError:
        made = {role: secrets.token_urlsafe(24) for role in (ADMIN, *ROLES)}
        half = path.with_suffix(".half")
        half.unlink(missing_ok=True)
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(made, file)
        half.replace(path)
        return made


def creation(passwords_by_role: dict[str, str]) -> str:
    """The statements that make the roles in a new cluster."""
    return "".join(f"CREATE ROLE {role} LOGIN PASSWORD '{passwords_by_role[role]}';\n" for role in ROLES)


def database_rights(database: str, owner: str) -> str:
    """The statements that close a new database to all but its owner and, where the product owns it, the application."""
    statements = f'REVOKE ALL ON DATABASE "{database}" FROM PUBLIC;\n'
    if owner == OWNER:
        statements += f'GRANT CONNECT, TEMPORARY ON DATABASE "{database}" TO {APPLICATION};\n'
    return statements
