"""What is too old or too much goes, with its files; what is needed stays."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from tests.server.api.test_statements import AT_ONCE, WAIT, submit
from tests.server.conftest import MakeLibra


def in_the_end(claim: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 300
    while not claim() and time.monotonic() < deadline:
        time.sleep(0.05)
    return claim()


def test_only_the_latest_ended_statements_stay_with_their_rows(
    make_libra: MakeLibra, tmp_path: Path, ledger_url: str
) -> None:
    with make_libra(ledger_url=ledger_url) as api:
        key = {"Idempotency-Key": "k"}
        ended = [submit(api, "rows 1", WAIT | key)["jobId"]]
        ended += [submit(api, "rows 1", WAIT)["jobId"] for _ in range(3)]
    results = tmp_path / "results"
    with make_libra(ledger_url=ledger_url, retention_count=2) as api:
        removed = in_the_end(lambda: len(list(results.iterdir())) == 2)
        gone = [api.get(f"/api/v1/statements/{each}").status_code for each in ended]
        again = submit(api, "rows 2", WAIT | key)

    assert removed
    assert gone == [404, 404, 200, 200]
    assert {file.stem for file in results.iterdir()} >= {*ended[2:]}
    assert again["jobId"] not in ended


def test_what_is_too_old_goes_and_what_waits_stays(make_libra: MakeLibra, tmp_path: Path) -> None:
    with make_libra(max_running=1) as api:
        old = submit(api, "rows 1", WAIT)["jobId"]
        submit(api, "hang", AT_ONCE)
        waiting = submit(api, "rows 1", AT_ONCE)["jobId"]
    with make_libra(retention_seconds=0.001) as api:
        removed = in_the_end(lambda: api.get(f"/api/v1/statements/{old}").status_code == 404)
        ran = api.get(f"/api/v1/statements/{waiting}", headers=WAIT).json()
        rows = tmp_path / "results" / f"{old}.arrow"

        assert removed
        assert ran["state"] == "SUCCESS"
        assert in_the_end(lambda: not rows.exists())


def test_files_of_nobody_go_at_the_start(make_libra: MakeLibra, tmp_path: Path) -> None:
    with make_libra() as api:
        ended = submit(api, "rows 1", WAIT)["jobId"]
    results = tmp_path / "results"
    strangers = [results / "0123abcd.arrow", results / "0123abcd.part", results / f"{ended}.part"]
    for each in strangers:
        each.touch()
    with make_libra():
        assert in_the_end(lambda: not any(each.exists() for each in strangers))
    assert [file.name for file in results.iterdir()] == [f"{ended}.arrow"]


def test_past_drivers_leave_no_properties_and_no_old_logs(
    make_libra: MakeLibra, tmp_path: Path
) -> None:
    for _ in range(2):
        with make_libra() as api:
            api.ready()
    logs = tmp_path / "logs"
    os.utime(logs / "driver-1.log", (0, 0))
    with make_libra() as api:
        api.ready()
        gone = in_the_end(lambda: not (logs / "driver-1.log").exists())
        while_it_runs = [folder.name for folder in (tmp_path / "run").iterdir()]

    assert gone
    assert sorted(file.name for file in logs.iterdir()) == ["driver-2.log", "driver-3.log"]
    assert while_it_runs == ["3"]
    assert not list(tmp_path.glob("run/*"))
