"""What every test of the demo may ask for."""

from __future__ import annotations

import pytest

from tests.demo.starting import Starter


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Starter:
    """Starts demos in a folder of the module's own."""
    return Starter(tmp_path_factory.mktemp("demo"))
