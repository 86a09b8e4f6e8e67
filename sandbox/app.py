"""Putting the sandbox together: one FastAPI application, one process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI

from sandbox import problems
from sandbox.admin import banks, controls, factors, people, worlds
from sandbox.bank import desk
from sandbox.bank.banker import Banker
from sandbox.clerk import Clerk
from sandbox.contract import changing, gateway_messages, money, reading
from sandbox.contract.restrict import place_restriction
from sandbox.database import Database
from sandbox.detector import Detector
from sandbox.faults import FaultInjector, Faults
from sandbox.identity_provider import provider
from sandbox.public import entering, profile, spending
from sandbox.settings import Settings
from sandbox.state import Running
from sandbox.wallet.outbox import Fates


def make_app(settings: Settings, database: Database) -> FastAPI:
    """The application on an open database, which it does not close."""
    faults = Faults()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        detector = Detector(database.engine, settings.gateway_url, settings.alarm_key)
        banker = Banker(database.engine, settings.gateway_url, settings.recall_key)
        clerk = Clerk(database.engine, settings.settle_seconds, detector.look_now)
        app.state.running = Running(settings, database, faults, detector, banker, Fates(), clerk)
        working = [asyncio.create_task(each.run()) for each in (detector, banker, clerk)]
        try:
            yield
        finally:
            for each in working:
                each.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await each
            await detector.close()
            await banker.close()

    app = FastAPI(title="Sandbox wallet", lifespan=lifespan, openapi_url=None, redirect_slashes=False)
    problems.install(app)
    app.add_middleware(FaultInjector, faults=faults)
    app.router.add_route("/v1/accounts/{account_id}/restrictions", place_restriction, methods=["POST"])
    for part in (
        changing.router,
        money.router,
        reading.router,
        reading.health_router,
        gateway_messages.router,
        entering.router,
        profile.router,
        spending.router,
        worlds.router,
        controls.router,
        people.router,
        desk.router,
        banks.router,
        factors.router,
        provider.router,
    ):
        app.include_router(part)
    return app
