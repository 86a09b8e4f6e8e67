"""Which of the processes that share the tests runs which of them, and in which order.

A folder's tests share a wallet, a gateway, an engine: they go to one process together, or each process would start its own.
The longest go first, or one process would work alone at the end.
"""

from __future__ import annotations

from typing import Final

import pytest
from xdist.scheduler import LoadScopeScheduling

LONGEST_FIRST: Final = (
    "tests/incidents",
    "tests/bad_days",
    "tests/demo",
    "tests/replay",
    "tests/gateway",
    "tests/tracing",
    "tests/embedded",
    "tests/sql",
    "tests/recalls",
    "tests/cli",
    "tests/clocks",
    "tests/wallet",
    "tests/temporal",
    "tests/sandbox",
    "tests/notices",
)
"""As measured. Whatever is not here is over in seconds and comes after, as it stands in the tree."""


def work_of(node_id: str) -> str:
    """The piece of work a test belongs to: its folder, or its file where that is named itself."""
    file = node_id.split("::", 1)[0]
    return file if file in LONGEST_FIRST else "/".join(file.split("/")[:2])


def place_of(node_id: str) -> int:
    """How many pieces of work come before this one's."""
    work = work_of(node_id)
    return LONGEST_FIRST.index(work) if work in LONGEST_FIRST else len(LONGEST_FIRST)


class FoldersTogether(LoadScopeScheduling):  # type: ignore[misc] # xdist publishes no types
    """The next piece of work to whoever is free."""

    def _split_scope(self, nodeid: str) -> str:
        return work_of(nodeid)


class WorkOrder:
    """The plugin: sorts the tests of this process, and deals them out where several share them."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Longest pieces of work first; within one, as the tests stand in their files."""
        items.sort(key=lambda item: place_of(item.nodeid))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: object) -> FoldersTogether:
        """For `pytest -n`, whatever --dist says."""
        config.option.loadscopereorder = False
        return FoldersTogether(config, log)
