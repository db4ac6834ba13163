from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.fakes.libra import FakeLibra
from tests.fakes.spark_master import FakeMaster


def test_submit_with_libra_ships_what_lies_here_and_names_the_way_to_the_result(
    run: Run, tmp_path: Path, fake_master: FakeMaster, fake_libra: FakeLibra
) -> None:
    (tmp_path / "app.py").write_text("print('hello')")
    (tmp_path / "lib.zip").write_bytes(b"a zip")
    submitted = run(
        *("submit", "--libra", fake_libra.url, "--py-files", str(tmp_path / "lib.zip")),
        *(str(tmp_path / "app.py"), "--day", "1"),
    )
    [driver] = fake_master.drivers.values()
    [tag] = fake_libra.store.announced
    told = run("result", tag, "--json")

    order = json.loads(driver.request["environmentVariables"]["LIBRA_JOB"])
    assert submitted.exit_code == told.exit_code == 0
    assert f"libra result {tag}" in submitted.stderr
    assert fake_libra.store.content(order["application"]) == b"print('hello')"
    assert fake_libra.store.content(order["py_files"][0]) == b"a zip"
    assert driver.request["appArgs"][-2:] == ["--day", "1"]
    assert json.loads(told.stdout) == [{"n": 1}]


@pytest.mark.parametrize(
    ("ends", "told"),
    [
        ("FINISHED", "POST /api/v1/jobs/{}/succeeded"),
        ("FAILED", "DELETE /api/v1/statements/{}"),
        ("KILLED", "DELETE /api/v1/statements/{}"),
    ],
)
def test_libra_is_told_how_the_driver_ended_that_it_has_shipped_for(
    run: Run, fake_master: FakeMaster, fake_libra: FakeLibra, ends: str, told: str
) -> None:
    fake_master.states = ["RUNNING", ends]
    run("submit", "--libra", fake_libra.url, __file__)
    [tag] = fake_libra.store.announced
    last = fake_libra.requests[-1]

    assert f"{last.method} {last.path}" == told.format(tag)


def test_submit_with_libra_asks_it_nothing_for_a_job_of_urls(
    run: Run, fake_master: FakeMaster, fake_libra: FakeLibra
) -> None:
    run("submit", "--libra", fake_libra.url, "local:/opt/app.py")

    assert len(fake_master.drivers) == 1
    assert fake_libra.requests == []


def test_result_says_that_a_job_is_not_over_or_not_known(run: Run, fake_libra: FakeLibra) -> None:
    fake_libra.states = ["RUNNING"]
    run("run", "--no-wait", "/jobs/app.py")
    running, unknown = run("result", "statement-0"), run("result", "nothing")

    assert "the job is running; try again when it has ended" in running.stderr
    assert "nothing is lost" in unknown.stderr
    assert (running.exit_code, unknown.exit_code) == (2, 1)
