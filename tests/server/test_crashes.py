"""Libra is killed (SIGKILL) at random moments, again and again, with work in flight."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.server.crashing import ENDED, CrashingLibra

ROWS = {"rows 0": 0, "rows 7": 7}


def crash_and_check(data_dir: Path, ledger_url: str, *, seed: int, crashes: int) -> None:
    libra = CrashingLibra(data_dir, ledger_url, seed)
    for _ in range(crashes):
        libra.start()
        libra.crash_under_load()
    libra.start()
    libra.settle()
    lost = [each for each in libra.answers.values() if each["state"] == "LOST"]
    done = [each for each in libra.answers.values() if each["state"] == "SUCCESS"]
    rows = {each["jobId"]: libra.rows(each["jobId"]) for each in done}
    libra.stop()

    assert libra.changed == []
    assert {each["state"] for each in libra.answers.values()} <= ENDED
    assert lost
    for each in lost:
        epoch = each["driver"]["epoch"]
        assert re.match(rf"Driver epoch {epoch} is over \(Libra itself ended", each["error"])
    for job_id, count in rows.items():
        assert count == ROWS.get(libra.codes[job_id], 1)
    for each in libra.answers.values():
        assert (each["state"] == "FAILED") <= (libra.codes[each["jobId"]] == "fail")


def test_no_crash_makes_libra_forget(tmp_path: Path, ledger_url: str) -> None:
    crash_and_check(tmp_path, ledger_url, seed=4, crashes=3)


@pytest.mark.slow
def test_many_crashes_do_not_make_libra_forget(tmp_path: Path, ledger_url: str) -> None:
    crash_and_check(tmp_path, ledger_url, seed=1, crashes=20)
