from __future__ import annotations

from typing import Any

import pytest

from libra_provider.operators import LibraStatementOperator
from tests.fakes.connections import connect
from tests.fakes.libra import DRIVER, FakeLibra, problem
from tests.fakes.server import Answer, Request
from tests.fakes.task_runner import TaskRunner


def top_products(**fields: Any) -> LibraStatementOperator:
    fields = {"sql": "select {{ 40 + 2 }} as n", "poll_interval": 0.01, **fields}
    return LibraStatementOperator(task_id="top_products", **fields)


def run(runner: TaskRunner, deferrable: bool, **fields: Any) -> Any:
    """One try, with the trigger in between where there is one."""
    result = runner.run(top_products(deferrable=deferrable, **fields))
    if result.state == "deferred":
        result = runner.resume(top_products(deferrable=deferrable, **fields))
    return result


def is_look(request: Request) -> bool:
    return request.path.startswith("/api/v1/statements/")


both_ways = pytest.mark.parametrize("deferrable", [False, True], ids=["sync", "deferrable"])


@both_ways
def test_rows_arrive_in_xcom(libra: FakeLibra, runner: TaskRunner, deferrable: bool) -> None:
    libra.columns, libra.rows = ["carrier", "n"], [["UA", 42], ["AA", 7]]
    result = run(runner, deferrable)

    assert result.state == "success"
    assert runner.xcoms["return_value"] == [{"carrier": "UA", "n": 42}, {"carrier": "AA", "n": 7}]


@both_ways
def test_xcom_says_where_the_driver_ran_and_how_long(
    libra: FakeLibra, runner: TaskRunner, deferrable: bool
) -> None:
    run(runner, deferrable)

    assert runner.xcoms["job"]["job_id"] in libra.statements
    assert runner.xcoms["driver_location"]["where"] == DRIVER["where"]
    assert runner.xcoms["timings"]["queued_seconds"] == 0


def test_sql_and_parameters_are_templated(libra: FakeLibra, runner: TaskRunner) -> None:
    run(runner, False, sql="select :n + {{ 1 + 1 }}", parameters={"n": "{{ 3 * 3 }}"})

    body = libra.statements["statement-0"].body
    assert (body["code"], body["parameters"]) == ("select :n + 2", {"n": "9"})


def test_the_statement_says_which_task_sent_it(libra: FakeLibra, runner: TaskRunner) -> None:
    run(runner, False, pool_name="interactive")

    body = libra.statements["statement-0"].body
    assert body["tags"] == {
        "dag_id": "d",
        "run_id": "r",
        "task_id": "top_products",
        "map_index": "-1",
    }
    assert (body["pool"], body["description"]) == ("interactive", "d.top_products")


@both_ways
def test_a_failed_statement_ends_the_task_with_its_reason(
    libra: FakeLibra, runner: TaskRunner, deferrable: bool
) -> None:
    libra.states, libra.error = ["FAILED"], "[PARSE_SYNTAX_ERROR] Syntax error at 'FORM'."
    result = run(runner, deferrable)

    assert result.state == "up_for_retry"
    assert str(result.error) == "statement-0 failed: [PARSE_SYNTAX_ERROR] Syntax error at 'FORM'."


def test_a_retry_after_a_failure_submits_again(libra: FakeLibra, runner: TaskRunner) -> None:
    libra.states, libra.error = ["FAILED"], "out of memory"
    run(runner, False)
    libra.states = ["SUCCESS"]
    result = run(runner, False)

    assert result.state == "success"
    assert len({statement.key for statement in libra.statements.values()}) == 2


@both_ways
@pytest.mark.parametrize("state", ["RUNNING", "SUCCESS"])
def test_a_retry_after_a_crash_rejoins_and_returns_the_rows(
    libra: FakeLibra, runner: TaskRunner, deferrable: bool, state: str
) -> None:
    runner.run(top_products(deferrable=True))  # deferred, and then its triggerer dies
    libra.statements["statement-0"].states = [state, "SUCCESS"]
    result = run(runner, deferrable)

    assert result.state == "success"
    assert runner.xcoms["return_value"] == [{"n": 1}]
    assert len(libra.statements) == 1


def test_a_try_that_died_before_its_answer_is_adopted_by_its_key(
    libra: FakeLibra, runner: TaskRunner
) -> None:
    """The statement arrived, the answer did not: the store knows the tag, and no id."""
    runner.run(top_products(deferrable=True))
    runner.store["libra_job"]["job_id"] = None
    result = run(runner, False)

    assert result.state == "success"
    assert len(libra.statements) == 1


def test_an_answer_that_is_lost_leaves_no_second_statement(
    libra: FakeLibra, runner: TaskRunner
) -> None:
    def drop_the_answer(request: Request) -> Answer | None:
        if request.method != "POST" or len(libra.statements) > 0:
            return None
        libra._submit(request)
        return Answer(hang_up=True)

    libra.disturb = drop_the_answer
    result = run(runner, False)

    assert result.state == "success"
    assert len(libra.statements) == 1


def test_a_clear_of_an_ended_task_runs_it_again(libra: FakeLibra, runner: TaskRunner) -> None:
    run(runner, False)
    runner.max_tries += 3
    run(runner, False)

    assert len(libra.statements) == 2


def test_a_clear_stops_what_still_runs(libra: FakeLibra, runner: TaskRunner) -> None:
    runner.run(top_products(deferrable=True))
    libra.statements["statement-0"].states = ["RUNNING"]
    runner.max_tries += 3
    result = run(runner, False)

    assert result.state == "success"
    assert libra.statements["statement-0"].killed
    assert not libra.statements["statement-1"].killed


def test_a_statement_that_libra_forgot_is_submitted_again(
    libra: FakeLibra, runner: TaskRunner
) -> None:
    """It cannot run on without Libra; a driver at a master could."""
    runner.run(top_products(deferrable=True))
    libra.statements.clear()
    result = run(runner, False)

    assert result.state == "success"


@both_ways
def test_an_outage_costs_nothing_but_waiting(
    libra: FakeLibra, runner: TaskRunner, deferrable: bool
) -> None:
    answers = iter([Answer(hang_up=True), Answer(502, "Bad Gateway"), problem(503, "Starting.")])
    libra.disturb = lambda request: next(answers, None) if is_look(request) else None
    result = run(runner, deferrable)

    assert result.state == "success"


@both_ways
def test_a_server_that_stays_away_ends_the_wait_and_says_so(
    libra: FakeLibra, runner: TaskRunner, deferrable: bool
) -> None:
    libra.disturb = lambda request: Answer(502, "Bad Gateway") if is_look(request) else None
    result = run(runner, deferrable, patience=0)

    assert result.state == "up_for_retry"
    assert "HTTP 502, Bad Gateway" in str(result.error)
    assert "it may still run" in str(result.error)


def test_nobody_listening_is_named_with_its_address(runner: TaskRunner) -> None:
    connect("libra_default", conn_type="libra", port=1)
    result = run(runner, False, patience=0)

    assert result.state == "up_for_retry"
    assert str(result.error) == (
        "No response from http://127.0.0.1:1: connection refused; "
        "check host and port, and that the server is running"
    )
    assert "libra_job" not in runner.store


def test_a_busy_libra_is_asked_again(libra: FakeLibra, runner: TaskRunner) -> None:
    refusals = iter([problem(429, "The queue is full."), problem(503, "Libra is starting.")])
    libra.disturb = lambda request: next(refusals, None) if request.method == "POST" else None
    result = run(runner, False)

    assert result.state == "success"
    assert len(libra.statements) == 1


def test_a_libra_that_stays_busy_ends_the_try_and_leaves_no_intent(
    libra: FakeLibra, runner: TaskRunner
) -> None:
    libra.disturb = lambda _: problem(429, "The queue is full.")
    result = run(runner, False, patience=0.5)

    assert result.state == "up_for_retry"
    assert "The queue is full." in str(result.error)
    assert "libra_job" not in runner.store


def test_an_intent_whose_statement_was_written_otherwise_is_adopted(
    libra: FakeLibra, runner: TaskRunner
) -> None:
    """The Dag was edited, or its SQL names the try; it is this run's statement all the same."""
    runner.run(top_products(deferrable=True))
    runner.store["libra_job"]["job_id"] = None
    result = run(runner, False, sql="select 43")

    assert result.state == "success"
    assert [each.body["code"] for each in libra.statements.values()] == ["select 42 as n"]


def test_a_key_that_a_zombie_has_just_used_leads_to_its_statement(
    libra: FakeLibra, runner: TaskRunner
) -> None:
    """Its request arrived between the look for its statement and the next try's own request."""
    runner.run(top_products(deferrable=True))
    runner.store["libra_job"]["job_id"] = None
    arrives_late = libra.statements.popitem()

    def arrives(request: Request) -> Answer | None:
        if request.method != "POST":
            return None
        libra.statements.update([arrives_late])
        return problem(409, "The key was used for another statement.")

    libra.disturb = arrives
    result = run(runner, False, sql="select 43")

    assert result.state == "success"
    assert [each.body["code"] for each in libra.statements.values()] == ["select 42 as n"]


def test_a_wrong_token_fails_at_once_and_says_what_to_set(
    libra: FakeLibra, runner: TaskRunner
) -> None:
    connect("libra_default", conn_type="libra", port=libra.port, password="wrong")
    result = run(runner, False)

    assert result.state == "failed"
    assert "Set the connection's password to the token of this Libra" in str(result.error)


def test_a_statement_that_libra_refuses_is_not_tried_again(
    libra: FakeLibra, runner: TaskRunner
) -> None:
    refusal = problem(400, "pool 'fast' does not exist; there are default, interactive.")
    libra.disturb = lambda request: refusal if request.method == "POST" else None
    result = run(runner, False, pool_name="fast")

    assert result.state == "failed"
    assert "pool 'fast' does not exist" in str(result.error)


@pytest.mark.parametrize(
    ("fields", "parameter"),
    [({"sql": ""}, "sql"), ({"sql": "{{ '' }}"}, "sql"), ({"result_limit": 0}, "result_limit")],
)
def test_bad_input_ends_the_task_before_anything_is_sent(
    libra: FakeLibra, runner: TaskRunner, fields: dict[str, Any], parameter: str
) -> None:
    result = run(runner, False, **fields)

    assert result.state == "failed"
    assert str(result.error).startswith(f"Invalid {parameter}=")
    assert libra.requests == []


@pytest.mark.parametrize(
    "fields", [{"poll_interval": 0}, {"poll_interval": "often"}, {"patience": -1}]
)
def test_a_wait_that_cannot_work_is_an_import_error_of_the_dag(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(fields))):
        top_products(**fields)


def test_on_kill_stops_the_statement_and_asks_airflow_nothing(
    libra: FakeLibra, runner: TaskRunner
) -> None:
    """The connection is gone by then: what on_kill needs it has kept."""
    executed = runner.run(top_products(deferrable=True)).ti.task
    libra.statements["statement-0"].states = ["RUNNING"]
    connect("libra_default", conn_type="libra", port=1)
    executed.on_kill()

    assert libra.statements["statement-0"].killed


def test_a_statement_that_waits_too_long_is_stopped(libra: FakeLibra, runner: TaskRunner) -> None:
    libra.states = ["PENDING"]
    result = run(runner, False, queued_timeout=0.05)

    assert result.state == "up_for_retry"
    assert "queued_timeout=0.1 s" in str(result.error)
    assert libra.statements["statement-0"].killed
