"""The ledger's database fails for a while: nothing ends silently, and nothing is forgotten."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from libra_provider.server import Settings, serve
from libra_provider.server.errors import LedgerInUse
from libra_provider.server.ledger.ledger import Ledger
from tests.server.api.test_statements import AT_ONCE, PATH, WAIT, status, submit
from tests.server.conftest import MakeLibra
from tests.server.postgres import Postgres
from tests.server.running import RunningLibra

Outage = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def outage(ledger_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Outage:
    """Makes the database unusable: SQLite locked by somebody else, PostgreSQL stopped."""

    @contextmanager
    def locked() -> Iterator[None]:
        somebody = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        somebody.execute("BEGIN EXCLUSIVE")
        yield
        somebody.execute("ROLLBACK")
        somebody.close()

    @contextmanager
    def stopped() -> Iterator[None]:
        running: Postgres = request.getfixturevalue("postgres")
        running.stop()
        yield
        running.start()

    return locked if ledger_url.startswith("sqlite") else stopped


@pytest.fixture
def api(make_libra: MakeLibra, ledger_url: str) -> Iterator[RunningLibra]:
    with make_libra(ledger_url=ledger_url, max_running=2) as running:
        running.ready()
        yield running


def test_new_statements_are_refused_and_outcomes_are_kept(
    api: RunningLibra, outage: Outage
) -> None:
    gate = api.folder / "gate"
    naps = [submit(api, f"nap {gate}", AT_ONCE)["jobId"] for _ in range(3)]
    with outage():
        gate.touch()
        refused = api.post(PATH, json={"code": "rows 1"}, headers={"Idempotency-Key": "k", **WAIT})
        reason = api.ready(code=503)
        alive = api.get("/livez")
        meanwhile = [status(api, nap, {"Prefer": "wait=1"})["state"] for nap in naps]
    after = [status(api, nap)["state"] for nap in naps]
    api.ready()
    again = submit(api, "rows 1", {"Idempotency-Key": "k", **WAIT})
    listed = api.get("/api/v1/statements").json()["statements"]

    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    assert "ledger" in refused.json()["detail"]
    assert "ledger" in reason
    assert alive.status_code == 200
    assert meanwhile == ["RUNNING", "RUNNING", "PENDING"]
    assert after == ["SUCCESS"] * 3
    assert [each["jobId"] for each in listed] == [again["jobId"], *naps[::-1]]


def test_a_driver_that_ends_meanwhile_is_replaced_afterwards(
    api: RunningLibra, outage: Outage
) -> None:
    gate = api.folder / "gate"
    running = [submit(api, code, AT_ONCE)["jobId"] for code in (f"die {gate}", "hang")]
    waiting = submit(api, "rows 3", AT_ONCE)["jobId"]
    with outage():
        gate.touch()
        time.sleep(1)
        api.ready(code=503)
    lost = [status(api, job_id) for job_id in running]
    ran = status(api, waiting)

    assert [each["state"] for each in lost] == ["LOST", "LOST"]
    assert all("Driver epoch 1 is over" in each["error"] for each in lost)
    assert (ran["state"], ran["driver"]["epoch"]) == ("SUCCESS", 2)


def test_a_kill_that_cannot_be_stored_yet_is_stored_later(
    api: RunningLibra, outage: Outage
) -> None:
    running = [submit(api, "hang", AT_ONCE)["jobId"] for _ in range(2)]
    waiting = submit(api, "hang", AT_ONCE)["jobId"]
    with outage():
        reply = api.delete(f"/api/v1/statements/{waiting}")
        api.delete(f"/api/v1/statements/{running[0]}")
    after = [status(api, job_id)["state"] for job_id in (running[0], waiting)]

    assert reply.status_code == 503
    assert after == ["CANCELLED", "CANCELLED"]
    assert status(api, running[1], {})["state"] == "RUNNING"


def test_a_second_libra_does_not_start_on_the_same_ledger(tmp_path: Path, ledger_url: str) -> None:
    first = Ledger(ledger_url)
    second = Settings(port=0, data_dir=tmp_path / "second", ledger_url=ledger_url)

    with pytest.raises(LedgerInUse, match="Another Libra uses the ledger"):
        serve(second)
    first.close()
