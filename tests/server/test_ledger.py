from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from libra_provider.server.ledger import Ledger
from libra_provider.server.problems import IllegalMove, KeyReused, UnknownStatement
from libra_provider.server.statement import Order, State

ORDER = Order(session="default", kind="sql", code="select 1", pool="default", result_limit=10)


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    ledger = Ledger(ledger_url)
    yield ledger
    ledger.close()


def test_what_was_accepted_is_there_after_reopening(ledger_url: str) -> None:
    first = Ledger(ledger_url)
    accepted, new = first.accept(replace(ORDER, parameters={"a": [1, None]}), "key")
    first.close()
    second = Ledger(ledger_url)
    found = second.get(accepted.job_id)
    second.close()

    assert new
    assert found == accepted


def test_a_hundred_concurrent_duplicates_are_one_statement(ledger: Ledger) -> None:
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: ledger.accept(ORDER, "key"), range(100)))

    assert len({statement.job_id for statement, _ in answers}) == 1
    assert sum(new for _, new in answers) == 1


def test_a_key_with_another_order_is_refused(ledger: Ledger) -> None:
    ledger.accept(ORDER, "key")

    with pytest.raises(KeyReused, match="'key'"):
        ledger.accept(replace(ORDER, code="select 2"), "key")


@pytest.mark.parametrize("end", [state for state in State if state.is_terminal])
@pytest.mark.parametrize("to", list(State))
def test_nothing_follows_an_end(ledger: Ledger, end: State, to: State) -> None:
    running = ledger.move(ledger.accept(ORDER)[0], State.RUNNING)
    ended = ledger.move(running, end, error="why")

    with pytest.raises(IllegalMove, match=f"is {end}"):
        ledger.move(ended, to)
    assert ledger.get(ended.job_id) == ended


def test_each_move_has_its_moment(ledger: Ledger) -> None:
    running = ledger.move(ledger.accept(ORDER)[0], State.RUNNING)
    ended = ledger.move(running, State.SUCCESS, row_count=3)

    assert running.started_at
    assert ended.completed_at
    assert ended.submitted_at <= running.started_at <= ended.completed_at
    assert (ended.started_at, ended.row_count) == (running.started_at, 3)


def test_an_unknown_id_cannot_move(ledger: Ledger) -> None:
    unknown = replace(ledger.accept(ORDER)[0], job_id="nope")

    with pytest.raises(UnknownStatement, match="'nope'"):
        ledger.move(unknown, State.RUNNING)


def test_epochs_count_up_and_a_statement_knows_its_own(ledger: Ledger) -> None:
    first, second = ledger.open_epoch(), ledger.open_epoch()
    where = replace(second, host="h", application_id="app-1", spark_ui="http://h:1")
    ledger.note_epoch(where)
    statement = ledger.move(ledger.accept(ORDER)[0], State.RUNNING, epoch=where)

    assert (first.number, second.number) == (1, 2)
    assert first.tag != second.tag
    assert statement.epoch == ledger.last_epoch() == where
    assert ledger.get(statement.job_id) == statement
