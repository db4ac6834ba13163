from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from libra_provider.core.errors import BadInput
from libra_provider.core.polling import utc_now
from libra_provider.server.errors import (
    IllegalMove,
    KeyReused,
    LedgerInUse,
    LedgerUnavailable,
    UnknownStatement,
)
from libra_provider.server.ledger.ledger import Ledger
from libra_provider.server.model.statement import State, Statement, StatementSpec

ORDER = StatementSpec(
    session="default", kind="sql", code="select 1", pool="default", result_limit=10
)


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
    ledger.record_epoch(where)
    statement = ledger.move(ledger.accept(ORDER)[0], State.RUNNING, epoch=where)

    assert (first.number, second.number) == (1, 2)
    assert first.tag != second.tag
    assert statement.epoch == ledger.get_last_epoch() == where
    assert ledger.get(statement.job_id) == statement


def test_a_move_from_a_state_that_is_no_longer_true_is_refused(ledger: Ledger) -> None:
    accepted = ledger.accept(ORDER)[0]
    ledger.move(accepted, State.CANCELLED)

    with pytest.raises(IllegalMove, match="is CANCELLED and cannot become RUNNING"):
        ledger.move(accepted, State.RUNNING)


def test_a_move_is_done_once_however_often_it_is_tried(ledger: Ledger) -> None:
    """A commit whose answer was lost is tried again."""
    accepted, at = ledger.accept(ORDER)[0], utc_now()
    first = ledger.move(accepted, State.RUNNING, at=at)

    assert ledger.move(accepted, State.RUNNING, at=at) == first
    with pytest.raises(IllegalMove):
        ledger.move(accepted, State.RUNNING)


def test_a_transaction_keeps_everything_or_nothing(ledger: Ledger) -> None:
    kept = ledger.accept(ORDER, "kept")[0]

    def write_and_fail() -> None:
        with ledger.transaction():
            ledger.accept(ORDER, "lost")
            ledger.move(kept, State.RUNNING)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    assert ledger.find_by_key("lost", ORDER) is None
    assert ledger.get(kept.job_id) == kept


def test_a_statement_that_begins_at_once_has_both_moments(ledger: Ledger) -> None:
    epoch = ledger.open_epoch()
    running = ledger.accept(ORDER, epoch=epoch)[0]

    assert (running.state, running.epoch) == (State.RUNNING, epoch)
    assert running.started_at == running.submitted_at
    assert ledger.get(running.job_id) == running


def test_what_is_forgotten_leaves_key_and_tags_free(ledger: Ledger) -> None:
    spec = replace(ORDER, tags={"dag": "etl"})
    first = ledger.accept(spec, "key")[0]
    ledger.delete([first.job_id])
    second, new = ledger.accept(spec, "key")

    assert new
    assert ledger.find_page(tags={"dag": "etl"}, offset=0, limit=9) == [second]


def test_a_page_is_newest_first_and_meets_every_filter(ledger: Ledger) -> None:
    etl, other = {"dag": "etl", "task": "load"}, {"dag": "other", "task": "load"}
    orders = [replace(ORDER, tags=etl), replace(ORDER, tags=other), replace(ORDER, pool="low")]
    first, second, third = (
        ledger.accept(spec, f"key {spec.pool}{spec.tags}")[0] for spec in orders
    )
    running = ledger.move(second, State.RUNNING)

    def page(**filters: Any) -> list[Statement]:
        return list(ledger.find_page(**{"offset": 0, "limit": 9, **filters}))

    assert page() == [third, running, first]
    assert page(offset=1, limit=1) == [running]
    assert page(tags={"task": "load"}) == [running, first]
    assert page(tags=etl) == page(tags={"dag": "etl"}) == [first]
    assert page(tags={"task": "load"}, state=State.RUNNING) == [running]
    assert page(pool="low") == [third]
    assert page(key="key low{}") == [third]
    assert page(kind="python") == page(session="nobody's") == []


def test_ended_finds_what_is_too_old_or_too_much_and_nothing_that_runs(ledger: Ledger) -> None:
    now = utc_now()
    running = [ledger.move(ledger.accept(ORDER)[0], State.RUNNING) for _ in range(5)]
    for hours, each in enumerate(running[:4]):
        ledger.move(each, State.SUCCESS, at=now + timedelta(hours=hours))
    ids = [each.job_id for each in running]
    hour = timedelta(hours=1)

    assert ledger.find_ended(before=now, beyond=9, limit=9) == []
    assert set(ledger.find_ended(before=now + 2 * hour, beyond=9, limit=9)) == {*ids[:2]}
    assert set(ledger.find_ended(before=now, beyond=1, limit=9)) == {*ids[:3]}
    assert set(ledger.find_ended(before=now, beyond=0, limit=9)) == {*ids[:4]}
    assert len(ledger.find_ended(before=now + 9 * hour, beyond=0, limit=2)) == 2


def test_what_no_database_holds_is_replaced_and_the_rest_kept(ledger: Ledger) -> None:
    nasty = "a\0b\ud800c😀"
    spec = replace(ORDER, code=nasty, tags={nasty: nasty})
    running = ledger.move(ledger.accept(spec, nasty)[0], State.RUNNING)
    ledger.move(running, State.FAILED, error=nasty)
    found = ledger.get(running.job_id)

    assert found.spec == spec
    assert found.error == "a\N{REPLACEMENT CHARACTER}b?c😀"
    assert ledger.find_page(tags={nasty: nasty}, key=nasty, offset=0, limit=1) == [found]


def test_two_libras_never_share_a_ledger(ledger: Ledger, ledger_url: str) -> None:
    del ledger
    with pytest.raises(LedgerInUse, match="Another Libra"):
        Ledger(ledger_url)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "expected sqlite:"),
        ("mysql://u:secret@h/d", "PostgreSQL"),
        ("sqlite://", "a SQLite file"),
        ("oracle+nothing://u:secret@h/d", "expected sqlite:"),
    ],
)
def test_an_unusable_url_is_named_without_its_password(url: str, words: str) -> None:
    with pytest.raises(BadInput, match=words) as caught:
        Ledger(url)
    assert "secret" not in str(caught.value)


def test_a_database_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable, match="is unavailable"):
        Ledger(f"postgresql://u:secret@/d?host={tmp_path}")
    with pytest.raises(LedgerUnavailable, match="is unavailable"):
        Ledger(f"sqlite:///{tmp_path}")


class Moves(RuleBasedStateMachine):
    """Whatever is tried, in whatever order: only legal moves happen, each with its time."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        self._ledger = Ledger(f"sqlite:///{self._folder.name}/ledger.db")
        # Every version of every statement that anybody may still believe in.
        self._versions: list[Statement] = []
        self._present: dict[str, Statement] = {}

    def teardown(self) -> None:
        self._ledger.close()
        self._folder.cleanup()

    @rule()
    def accept(self) -> None:
        self._moved(self._ledger.accept(ORDER)[0])

    @precondition(lambda self: self._versions)
    @rule(data=st.data(), to=st.sampled_from(State))
    def move(self, data: st.DataObject, to: State) -> None:
        version = data.draw(st.sampled_from(self._versions))
        present = self._present[version.job_id]
        if version == present and to in present.state.followers:
            self._moved(self._ledger.move(version, to))
        else:
            with pytest.raises(IllegalMove):
                self._ledger.move(version, to)

    def _moved(self, statement: Statement) -> None:
        self._versions.append(statement)
        self._present[statement.job_id] = statement

    @invariant()
    def the_ledger_agrees(self) -> None:
        for job_id, statement in self._present.items():
            assert self._ledger.get(job_id) == statement
            assert (statement.completed_at is not None) == statement.state.is_terminal
            moments = [statement.submitted_at, statement.started_at, statement.completed_at]
            seen = [moment for moment in moments if moment]
            assert seen == sorted(seen)


TestMoves = Moves.TestCase
TestMoves.settings = settings(max_examples=25, stateful_step_count=15)
