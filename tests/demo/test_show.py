"""What the demo shows of a run."""

from __future__ import annotations

import io
from typing import Any

import pytest
from airflow.sdk import TaskInstanceState
from rich.console import Console

from demo.follow import WORDS, follow
from demo.summary import print_failures, print_summary
from libra_provider.cluster.airflow_api import AirflowApi
from libra_provider.core.errors import AccessDenied, JobGivenUp, Rejected, ServerUnreachable
from tests.demo.fake_airflow import PASSWORD, FakeAirflow

RUN = ("etl", "run+1")


def console(*, terminal: bool = False) -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(file=text, width=160, force_terminal=terminal), text


def api(airflow: FakeAirflow, password: str = PASSWORD) -> AirflowApi:
    return AirflowApi(airflow.url, user="admin", password=password)


def test_each_change_of_a_task_is_one_line() -> None:
    script: list[Any] = [
        ("running", {"load": None, "rank": None}),
        ("running", {"load": "queued", "rank": None}),
        ("running", {"load": "running", "rank": None}),
        ("running", {"load": "deferred", "rank": None}),
        ("success", {"load": "success", "rank": "success"}),
    ]
    screen, text = console()
    with FakeAirflow(script) as airflow:
        state = follow(api(airflow), *RUN, screen, within=300)

    assert state == "success"
    assert [line.split(" s  ")[1].split(maxsplit=1) for line in text.getvalue().splitlines()] == [
        ["load", "running"],
        ["load", "running, no worker held"],
        ["load", "done"],
        ["rank", "done"],
    ]


def test_a_terminal_gets_a_table_with_every_task() -> None:
    screen, text = console(terminal=True)
    with FakeAirflow([("failed", {"load": "failed", "rank": "upstream_failed"})]) as airflow:
        state = follow(api(airflow), *RUN, screen, within=300)

    assert state == "failed"
    assert "not run: a task before it failed" in text.getvalue()


def test_a_run_that_does_not_end_is_given_up_with_its_last_state() -> None:
    screen, _ = console()
    with (
        FakeAirflow([("running", {"load": "running"})]) as airflow,
        pytest.raises(JobGivenUp, match=r"Stopped waiting for run\+1: it was running after 0.1 s"),
    ):
        follow(api(airflow), *RUN, screen, within=0.1)


def test_the_summary_says_where_each_driver_ran() -> None:
    worker = {"where": "on worker worker-1", "host": "10.0.0.7", "worker_id": "worker-1"}
    xcoms = {
        ("report", "return_value"): "16 airlines",
        ("load", "job"): {"backend": "spark_master", "job_id": "driver-7"},
        ("load", "driver_location"): worker,
        ("load", "timings"): {"queued_seconds": 2.5, "run_seconds": 61.0},
        ("rank", "job"): {"backend": "libra", "job_id": "0f9b33"},
        ("rank", "driver_location"): {"where": "on Libra's shared driver", "host": "127.0.0.1"},
    }
    states: dict[str, str | None] = dict.fromkeys(("load", "rank", "report"), "success")
    screen, text = console()
    with FakeAirflow([("success", states)], xcoms=xcoms) as airflow:
        print_summary(api(airflow), *RUN, screen)
    rows = {line.split()[0]: line for line in text.getvalue().splitlines() if line.strip()}

    assert "16 airlines" in text.getvalue()
    load = ["ISOLATED cluster", "on worker worker-1 at 10.0.0.7", "driver-7", "2.5 s", "1 min 1 s"]
    assert all(part in rows["load"] for part in load)
    assert all(
        part in rows["rank"]
        for part in ["SHARED", "on Libra's shared driver at 127.0.0.1", "0f9b33"]
    )
    assert "no driver" in rows["report"]


def test_a_failure_shows_the_sentence_of_the_log() -> None:
    cause = {"exc_type": "JobFailed", "exc_value": "driver-7 failed: no such file [a.py]"}
    log: list[dict[str, Any]] = [
        {"event": "::group::Pre Execute"},
        {"event": "Task failed with exception", "error_detail": [cause]},
        {"event": "::endgroup::"},
    ]
    screen, text = console()
    with FakeAirflow([("failed", {"load": "failed", "rank": None})], logs={"load": log}) as airflow:
        print_failures(api(airflow), *RUN, screen)

    assert "load failed. The end of its log:" in text.getvalue()
    assert text.getvalue().splitlines()[-1] == "JobFailed: driver-7 failed: no such file [a.py]"
    assert "::" not in text.getvalue()


def test_each_refusal_of_airflow_is_an_error_of_ours() -> None:
    with FakeAirflow([("running", {})]) as airflow:
        with pytest.raises(AccessDenied, match="HTTP 401"):
            api(airflow, password="wrong").run_state(*RUN)
        with pytest.raises(Rejected, match=r"HTTP 404.*not found"):
            api(airflow).run_state("etl", "another run")
    with pytest.raises(ServerUnreachable, match=f"No response from {airflow.url}"):
        api(airflow).run_state(*RUN)


def test_every_state_that_airflow_gives_a_task_has_a_word() -> None:
    assert {state.value for state in TaskInstanceState} <= set(WORDS)
