"""A waiting statement does not run in a session that has lost what it held."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.api.test_sessions import names
from tests.server.api.test_sessions import submit as send
from tests.server.api.test_statements import status
from tests.server.conftest import MakeLibra
from tests.server.running import RunningLibra


def waiting_behind(api: RunningLibra, fatal: str, *sessions: str, **body: Any) -> list[str]:
    """The ids of statements that wait, one in each of *sessions*, until the driver dies."""
    gate = api.folder / "gate"
    send(api, "other", f"{fatal} {gate}", "respond-async")
    ids = [send(api, each, "rows 1", "respond-async", **body)["jobId"] for each in sessions]
    gate.touch()
    return ids


def test_what_waits_in_a_session_that_held_something_is_lost_with_the_driver(
    make_libra: MakeLibra,
) -> None:
    with make_libra(max_running=1) as api:
        send(api, "etl", "hold temp views,SQL settings", "wait=300")
        send(api, "plain", "rows 1", "wait=300")
        in_etl, in_plain = waiting_behind(api, "die", "etl", "plain")
        lost, ran = status(api, in_etl), status(api, in_plain)
        anew = send(api, "etl", "rows 1", "wait=300")

        assert lost["state"] == "LOST"
        assert "Session 'etl' lost temp views and SQL settings" in lost["error"]
        assert "exit code 9" in lost["error"]
        assert (ran["state"], ran["driver"]["epoch"]) == ("SUCCESS", 2)
        assert (anew["state"], anew["driver"]["epoch"]) == ("SUCCESS", 2)


def test_a_session_that_holds_nothing_any_more_is_as_good_as_new(make_libra: MakeLibra) -> None:
    with make_libra(max_running=1) as api:
        send(api, "etl", "hold temp views", "wait=300")
        send(api, "etl", "hold", "wait=300")
        (job_id,) = waiting_behind(api, "die", "etl")

        assert status(api, job_id)["state"] == "SUCCESS"


@pytest.mark.parametrize(("kind", "state"), [("sql", "SUCCESS"), ("python", "LOST")])
def test_only_python_counts_on_the_variables_of_python(
    make_libra: MakeLibra, kind: str, state: str
) -> None:
    with make_libra(max_running=1) as api:
        send(api, "etl", "hold Python variables", "wait=300")
        (job_id,) = waiting_behind(api, "die", "etl", kind=kind)

        assert status(api, job_id)["state"] == state


def test_python_behind_python_that_was_running_is_lost_with_it(make_libra: MakeLibra) -> None:
    """It ran to define what the next one uses."""
    with make_libra(max_running=1) as api:
        gate = api.folder / "gate"
        first = send(api, "etl", f"die {gate}", "respond-async", kind="python")["jobId"]
        second = send(api, "etl", "rows 1", "respond-async", kind="python")["jobId"]
        sql = send(api, "etl", "rows 1", "respond-async")["jobId"]
        gate.touch()
        states = [status(api, each)["state"] for each in (first, second, sql)]

        assert states == ["LOST", "LOST", "SUCCESS"]


def test_python_that_has_its_session_to_itself_misses_nothing_of_one_that_is_lost(
    make_libra: MakeLibra,
) -> None:
    with make_libra(max_running=1) as api:
        gate = api.folder / "gate"
        first = send(api, "own", f"die {gate}", "respond-async", kind="python")["jobId"]
        second = send(api, "own", "rows 1", "respond-async", kind="python")["jobId"]
        gate.touch()
        states = [status(api, each)["state"] for each in (first, second)]

        assert states == ["LOST", "SUCCESS"]


def test_what_sessions_held_is_known_after_a_restart_of_libra(make_libra: MakeLibra) -> None:
    with make_libra(max_running=1) as api:
        send(api, "etl", "hold temp views", "wait=300")
        in_etl, in_plain = waiting_behind(api, "hang", "etl", "plain")
    with make_libra(max_running=1) as api:
        sessions = names(api)
        lost, ran = status(api, in_etl), status(api, in_plain)
        anew = send(api, "etl", "rows 1", "wait=300")
    with make_libra(max_running=1) as api:
        again = send(api, "etl", "rows 1", "wait=300")

        assert lost["state"] == "LOST"
        assert "lost temp views" in lost["error"]
        assert ran["state"] == "SUCCESS"
        assert {"etl", "plain"} <= set(sessions)
        assert (anew["state"], again["state"]) == ("SUCCESS", "SUCCESS")
