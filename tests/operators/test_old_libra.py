"""A task at a Libra that knows the old API only: what can be promised, and what is said."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from libra_provider.sensors import LibraStatementSensor
from tests.fakes.connections import connect
from tests.fakes.old_libra import OldLibra
from tests.fakes.task_runner import TaskRunner
from tests.operators.test_statement import both_ways, top_products


@pytest.fixture
def old() -> Iterator[OldLibra]:
    with OldLibra() as fake:
        connect("libra_default", conn_type="libra", port=fake.port)
        yield fake


@both_ways
def test_the_text_of_the_result_is_returned_as_it_is(
    old: OldLibra, runner: TaskRunner, deferrable: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Deferrable or not: the request lasts as long as the statement, as the log states."""
    old.rows = ["[UA,42]", "[AA,7]"]
    with caplog.at_level(logging.WARNING, "libra_provider"):
        ended = runner.run(top_products(deferrable=deferrable))

    assert ended.state == "success"
    assert runner.xcoms["return_value"] == "Schema: struct<n:int>\n[UA,42]\n[AA,7]\nTotal rows: 2"
    assert [m for m in caplog.messages if "cannot be resumed" in m and "deferrable" in m]


def test_rows_that_an_old_libra_leaves_out_are_an_error(old: OldLibra, runner: TaskRunner) -> None:
    old.rows = [f"[{n}]" for n in range(25)]
    ended = runner.run(top_products())

    assert ended.state == "failed"
    assert str(ended.error) == (
        "job-1 succeeded, but its result is incomplete: "
        "this old Libra returned only 20 of 25 rows; add a LIMIT, or upgrade it"
    )


def test_rows_that_nobody_wants_may_be_left_out(old: OldLibra, runner: TaskRunner) -> None:
    old.rows = [f"[{n}]" for n in range(25)]

    assert runner.run(top_products(fetch="none")).state == "success"


def test_a_value_cannot_be_read_from_a_text(old: OldLibra, runner: TaskRunner) -> None:
    ended = runner.run(top_products(fetch="value"))

    assert ended.state == "failed"
    assert "one string, for fetch='all' only, not for fetch='value'" in str(ended.error)
    assert len(old.ran) == 1


@pytest.mark.parametrize(
    "fields",
    [{"parameters": {"n": 1}}, {"result_limit": 5}, {"result_path": "/x"}, {"timeout": 60}],
    ids=lambda fields: next(iter(fields)),
)
def test_what_it_would_ignore_ends_the_task_before_anything_is_sent(
    old: OldLibra, runner: TaskRunner, fields: dict[str, Any]
) -> None:
    ended = runner.run(top_products(**fields))

    assert ended.state == "failed"
    assert f"this version ignores {next(iter(fields))}" in str(ended.error)
    assert old.ran == []
    assert "libra_job" not in runner.store


def test_a_failed_statement_is_tried_again(old: OldLibra, runner: TaskRunner) -> None:
    old.error = "no resources"
    first = runner.run(top_products())
    old.error = None
    second = runner.run(top_products())

    assert (first.state, str(first.error)) == ("up_for_retry", "job-1 failed: no resources")
    assert (second.state, len(old.ran)) == ("success", 2)


def test_a_lost_answer_is_never_followed_by_a_second_statement(
    old: OldLibra, runner: TaskRunner
) -> None:
    """It is unknown whether it runs; only a person may decide to run it again."""
    old.hangs_up = True
    first = runner.run(top_products())
    old.hangs_up = False
    second = runner.run(top_products())
    runner.max_tries += 3  # cleared
    third = runner.run(top_products())

    assert first.state == second.state == "failed"
    assert "may or may not have been submitted" in str(first.error)
    assert "clear the task to rerun it" in str(second.error)
    assert (third.state, len(old.ran)) == ("success", 2)


def test_a_result_whose_try_crashed_is_not_run_for_again(old: OldLibra, runner: TaskRunner) -> None:
    runner.run(top_products())  # and its worker dies before the result is stored
    second = runner.run(top_products())
    runner.max_tries += 3
    third = runner.run(top_products())

    assert second.state == "failed"
    assert "clear the task to rerun it" in str(second.error)
    assert (third.state, len(old.ran)) == ("success", 2)


def test_spark_that_is_down_is_waited_for(old: OldLibra, runner: TaskRunner) -> None:
    old.spark_error = "SparkContext was shut down"
    ended = runner.run(top_products(patience=0.5))

    assert ended.state == "up_for_retry"
    assert "its Spark is down" in str(ended.error)
    assert old.ran == []
    assert "libra_job" not in runner.store


def test_an_unreachable_old_libra_leaves_no_intent(old: OldLibra, runner: TaskRunner) -> None:
    connect("libra_default", conn_type="libra", port=1)
    first = runner.run(top_products(patience=0))
    connect("libra_default", conn_type="libra", port=old.port)

    assert first.state == "up_for_retry"
    assert runner.run(top_products()).state == "success"


def test_a_sensor_says_that_there_is_nothing_to_wait_for(old: OldLibra, runner: TaskRunner) -> None:
    ended = runner.run(LibraStatementSensor(task_id="wait", statement_id="job-1"))

    assert ended.state in ("failed", "up_for_retry")
    assert "supports only Libra's old API" in str(ended.error)
    assert old.ran == []
