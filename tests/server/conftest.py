from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from libra_provider.server.settings import Settings
from tests.server.running import RunningLibra

MakeLibra = Callable[..., RunningLibra]


@pytest.fixture
def make_libra(tmp_path: Path) -> MakeLibra:
    """A Libra for the test's own settings; the same folder each time it is called."""

    def make(**given: Any) -> RunningLibra:
        return RunningLibra(
            Settings(**{"port": 0, "data_dir": tmp_path, "drain_seconds": 0.0, **given})
        )

    return make


@pytest.fixture
def api(make_libra: MakeLibra) -> Iterator[RunningLibra]:
    with make_libra() as running:
        yield running
