"""A deliverer that dies the moment a provider has taken a message: run as a process of its own, with settings in its environment."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from datetime import timedelta

from activities.notice_ports import Written
from adapters.notices.companies import NoticeCompanies
from adapters.notices.deliverer import Deliverer
from adapters.wiring import Wiring
from settings import Settings


class Dying(NoticeCompanies):
    """The real companies; whoever used them is killed before a word of it is recorded."""

    async def send(self, message_id: str, channel: str, to: str, notice: Written) -> bool:
        await super().send(message_id, channel, to, notice)
        os.kill(os.getpid(), signal.SIGKILL)
        return True


async def main() -> None:
    wiring = Wiring(Settings())
    deliver = wiring.deliver_notice
    provider = Dying(gateway=wiring.messages)
    deliver = replace(deliver, send=replace(deliver.send, provider=provider), provider=provider)
    await Deliverer(store=wiring.notices, deliver=deliver, lease=timedelta(seconds=0)).run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main())
