"""`python -m gateway`: the gateway's process. Settings from STANCH_* or STANCH_CONFIG; one ready line on stdout."""

from __future__ import annotations

import sys

from adapters.logs import configure
from adapters.wiring import Wiring
from gateway.application import create_app
from gateway.assembly import assemble
from gateway.server import serve
from models.errors import StanchError
from settings import read_settings

INVALID_SETTINGS = 2
NOT_STARTED = 4


def main() -> int:
    """Serve until SIGTERM or SIGINT. Exit code 2: settings not usable; 4: the address could not be taken."""
    try:
        settings = read_settings()
        configure(settings.log_level)
        app = create_app(assemble(Wiring(settings)))
    except StanchError as error:
        sys.stderr.write(f"{error.message}\n")
        return INVALID_SETTINGS
    if not serve(app, host=settings.gateway_host, port=settings.gateway_port):
        sys.stderr.write(
            f"The gateway could not listen on {settings.gateway_host}:{settings.gateway_port}. Nothing was started; "
            "set STANCH_GATEWAY_PORT to a free port.\n"
        )
        return NOT_STARTED
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
