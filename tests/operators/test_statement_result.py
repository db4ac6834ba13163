"""What a statement's task returns: rows, one row, a value, a frame, or where rows were written."""

from __future__ import annotations

import logging
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG

from tests.fakes.libra import FakeLibra
from tests.fakes.task_runner import TaskRunner
from tests.operators.test_statement import both_ways, is_look, run, top_products


@both_ways
@pytest.mark.parametrize(
    ("fetch", "rows", "result"),
    [
        ("all", [], []),
        ("all", [["UA"]], [{"n": "UA"}]),
        ("one", [["UA"]], {"n": "UA"}),
        ("one", [], None),
        ("value", [["UA"]], "UA"),
        ("none", [["UA"]], None),
    ],
)
def test_fetch_says_what_of_the_rows_is_returned(
    libra: FakeLibra,
    runner: TaskRunner,
    deferrable: bool,
    *,
    fetch: str,
    rows: list[list[Any]],
    result: Any,
) -> None:
    libra.rows = rows
    ended = run(runner, deferrable, fetch=fetch)

    assert ended.state == "success"
    assert runner.xcoms.get("return_value") == result


@both_ways
@pytest.mark.parametrize(
    ("fetch", "said"), [("one", "Invalid rows=2: "), ("value", "Invalid result='2 rows of ")]
)
def test_a_row_too_many_is_an_error_and_not_left_out(
    libra: FakeLibra, runner: TaskRunner, deferrable: bool, fetch: str, said: str
) -> None:
    libra.rows = [[1], [2]]
    ended = run(runner, deferrable, fetch=fetch)

    assert ended.state == "failed"
    assert said in str(ended.error)


def test_a_frame_passes_through_xcom(libra: FakeLibra, runner: TaskRunner) -> None:
    libra.columns, libra.rows = ["carrier", "n"], [["UA", 42]]
    ended = run(runner, False, fetch="pandas")

    assert ended.state == "success"
    assert runner.xcoms["return_value"]["__classname__"] == "pandas.core.frame.DataFrame"


def test_pandas_that_is_missing_is_said_before_anything_is_sent(
    libra: FakeLibra, runner: TaskRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    ended = run(runner, False, fetch="pandas")

    assert ended.state == "failed"
    assert "pip install 'airflow-provider-libra[pandas]'" in str(ended.error)
    assert libra.requests == []


def test_what_xcom_would_round_or_refuse_arrives_as_exact_text(
    libra: FakeLibra, runner: TaskRunner
) -> None:
    """Airflow's serializer makes a float of a Decimal, and knows neither bytes nor times."""
    libra.columns, libra.types = ["price", "day", "key"], ["decimal(38,18)", "date", "binary"]
    libra.rows = [["0.100000000000000001", "2013-01-31", "AP8="]]
    run(runner, False)

    assert runner.xcoms["return_value"] == [
        {"price": "0.100000000000000001", "day": "2013-01-31", "key": "AP8="}
    ]


@both_ways
def test_a_written_result_is_returned_as_its_place(
    libra: FakeLibra, runner: TaskRunner, deferrable: bool
) -> None:
    run(runner, deferrable, result_path="s3a://lake/{{ 40 + 2 }}")
    schema = {"name": "n", "type": "string", "nullable": True, "metadata": {}}

    assert libra.statements["statement-0"].body["resultPath"] == "s3a://lake/42"
    assert runner.xcoms["return_value"] == {
        "uri": "s3a://lake/42",
        "rows": 1,
        "bytes": 512,
        "schema": {"type": "struct", "fields": [schema]},
    }


@both_ways
@pytest.mark.parametrize("fields", [{"fetch": "value"}, {"result_path": "/lake"}], ids=str)
def test_a_retry_after_a_crash_returns_the_same(
    libra: FakeLibra, runner: TaskRunner, deferrable: bool, fields: dict[str, Any]
) -> None:
    runner.run(top_products(deferrable=True, **fields))  # deferred, and then its triggerer dies
    libra.statements["statement-0"].states = ["SUCCESS"]
    run(runner, deferrable, **fields)
    again, whole = runner.xcoms["return_value"], TaskRunner()
    run(whole, deferrable, **fields)

    assert again == whole.xcoms["return_value"]
    assert len(libra.statements) == 2


def test_timeout_and_typed_parameters_travel_with_the_statement(
    libra: FakeLibra, runner: TaskRunner
) -> None:
    parameters = {"day": date(2013, 1, 31), "least": Decimal("1.50")}
    run(runner, False, timeout="10 min", result_limit=7, parameters=parameters)

    body = libra.statements["statement-0"].body
    assert (body["timeoutSeconds"], body["resultLimit"]) == (600, 7)
    assert body["parameters"] == {
        "day": {"type": "date", "value": "2013-01-31"},
        "least": {"type": "decimal(3,2)", "value": "1.50"},
    }


def test_a_file_beside_the_dag_is_a_template_too(
    libra: FakeLibra, runner: TaskRunner, tmp_path: Path
) -> None:
    (tmp_path / "top.sql").write_text("-- the best\nselect {{ 40 + 2 }} as n; -- and that is all\n")
    with DAG("d", schedule=None, template_searchpath=str(tmp_path)):
        task = top_products(sql="top.sql")
    task.resolve_template_files()
    runner.run(task)

    code = libra.statements["statement-0"].body["code"]
    assert code.splitlines() == ["-- the best", "select 42 as n; -- and that is all"]


@both_ways
@pytest.mark.parametrize(
    ("sql_state", "error_class", "state"),
    [
        ("42601", "PARSE_SYNTAX_ERROR", "failed"),
        ("42703", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "failed"),
        (None, "LIBRA_RESULT_TOO_LARGE", "failed"),
        (None, "ResultTooLarge", "failed"),
        ("42P01", "TABLE_OR_VIEW_NOT_FOUND", "up_for_retry"),
        ("22012", "DIVIDE_BY_ZERO", "up_for_retry"),
        (None, None, "up_for_retry"),
    ],
)
def test_only_what_may_go_well_next_time_is_tried_again(
    libra: FakeLibra,
    runner: TaskRunner,
    deferrable: bool,
    *,
    sql_state: str | None,
    error_class: str | None,
    state: str,
) -> None:
    libra.states, libra.error = ["FAILED"], "it went wrong"
    libra.sql_state, libra.error_class = sql_state, error_class
    ended = run(runner, deferrable)

    assert (ended.state, str(ended.error)) == (state, "statement-0 failed: it went wrong")


def test_progress_is_in_the_log(
    libra: FakeLibra, runner: TaskRunner, caplog: pytest.LogCaptureFixture
) -> None:
    libra.states = ["RUNNING", "RUNNING", "SUCCESS"]
    libra.progress = {"tasksDone": 35, "tasksTotal": 200, "stagesDone": 1, "stagesTotal": 3}
    libra.progress |= {"rowsRead": 5, "bytesRead": 3 * 2**29}
    with caplog.at_level(logging.INFO, "libra_provider"):
        run(runner, False)

    said = [each for each in caplog.messages if "tasks" in each]
    assert said == [
        "statement-0 is running on Libra's shared driver at 127.0.0.1: "
        "35 of 200 tasks, 1 of 3 stages, read 1.5 GiB"
    ]


def test_many_rows_in_xcom_are_warned_about(
    libra: FakeLibra, runner: TaskRunner, caplog: pytest.LogCaptureFixture
) -> None:
    libra.rows = [["x" * 1000]] * 2000
    run(runner, False)

    assert "Returned 1.9 MiB through XCom" in caplog.text


@pytest.mark.parametrize(
    ("fields", "parameter"),
    [
        ({"fetch": "some"}, "fetch="),
        ({"fetch": "value", "result_path": "/lake"}, "fetch="),
        ({"timeout": "soon"}, "timeout="),
    ],
)
def test_a_result_that_cannot_be_is_an_import_error_of_the_dag(
    fields: dict[str, Any], parameter: str
) -> None:
    with pytest.raises(ValueError, match=parameter):
        top_products(**fields)


@pytest.mark.parametrize(
    ("fields", "parameter"),
    [
        ({"timeout": 0}, "Invalid timeout=0"),
        ({"result_path": "{{ '' }}"}, "Invalid result_path=''"),
        ({"result_path": "lake/{{ 1 + 1 }}"}, "Invalid result_path='lake/2': expected a URL or"),
        ({"result_path": "/lake", "result_limit": 5}, "Invalid result_limit=5"),
        ({"parameters": [{1}]}, "Invalid parameters[0]={1}"),
    ],
)
def test_a_result_that_templates_spoil_ends_the_task_before_anything_is_sent(
    libra: FakeLibra, runner: TaskRunner, fields: dict[str, Any], parameter: str
) -> None:
    ended = run(runner, False, **fields)

    assert ended.state == "failed"
    assert str(ended.error).startswith(parameter)
    assert libra.requests == []


def test_the_wait_asks_for_nothing_but_the_state(libra: FakeLibra, runner: TaskRunner) -> None:
    run(runner, False, fetch="none")

    assert not any(request.path.endswith("/result") for request in libra.requests)
    assert any(is_look(request) for request in libra.requests)
