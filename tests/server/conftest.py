from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from libra_provider.server.settings import Settings
from libra_provider.server.timing import ServerTiming
from tests.server.postgres import Postgres
from tests.server.running import RunningLibra

MakeLibra = Callable[..., RunningLibra]


@pytest.fixture
def make_libra(tmp_path: Path) -> MakeLibra:
    """A Libra for the test's own settings; the same folder each time it is called."""

    def make(*, timing: ServerTiming | None = None, **given: Any) -> RunningLibra:
        return RunningLibra(
            Settings(**{"port": 0, "data_dir": tmp_path, "drain_seconds": 0.0, **given}), timing
        )

    return make


@pytest.fixture
def api(make_libra: MakeLibra) -> Iterator[RunningLibra]:
    with make_libra() as running:
        yield running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL; the tests that need it are skipped where it is not installed."""
    with Postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new ledger, in both kinds of database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    running: Postgres = request.getfixturevalue("postgres")
    return running.url(secrets.token_hex(8))


@pytest.fixture(scope="module")
def shared_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLibra]:
    """One Libra, its driver up, for tests that neither mind nor leave other statements in it."""
    folder = tmp_path_factory.mktemp("libra")
    with RunningLibra(Settings(port=0, data_dir=folder, drain_seconds=0.0)) as running:
        running.post("/api/v1/sessions/default/statements", json={"code": "rows 1"})
        yield running
