from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence

import pytest

from libra_provider.core.job import OWN_SESSION
from libra_provider.core.polling import utc_now
from libra_provider.server.model.pools import STANDARD_POOLS, Pool
from libra_provider.server.model.statement import State, Statement, StatementSpec
from libra_provider.server.statements.slots import Slots
from libra_provider.server.statements.tracked import ActiveStatement
from tests.server.api.test_statements import AT_ONCE, WAIT, status, submit
from tests.server.conftest import MakeLibra

TWO = {"heavy": Pool(weight=3), "light": Pool(weight=1)}


def lives(
    loop: asyncio.AbstractEventLoop,
    pool: str,
    many: int,
    *,
    kind: str = "sql",
    session: str = "s",
) -> list[ActiveStatement]:
    def live(number: int) -> ActiveStatement:
        order = StatementSpec(session=session, kind=kind, code="", pool=pool)
        statement = Statement(
            job_id=f"{pool} {number}", spec=order, state=State.PENDING, submitted_at=utc_now()
        )
        return ActiveStatement(statement, loop.create_future())

    return [live(number) for number in range(many)]


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture
def waiting(loop: asyncio.AbstractEventLoop) -> Callable[..., Slots]:
    """Places with so many that wait in each pool."""

    def made(most: int, pools: dict[str, Pool], **many: int) -> Slots:
        places = Slots(most, pools, pythons=1)
        for pool, count in many.items():
            for live in lives(loop, pool, count):
                places.wait(live)
        return places

    return made


def begun(places: Slots, *, most: int = 1000) -> list[str]:
    found: list[str] = []
    while len(found) < most and (live := places.next()):
        found.append(live.job_id)
    return found


def one_by_one(places: Slots, count: int) -> Sequence[str]:
    """Who begins if each is over before the next one can begin."""
    order = []
    for _ in range(count):
        live = places.next()
        assert live is not None
        order.append(live.statement.spec.pool)
        places.give_back(live.statement.spec)
    return order


def test_in_a_pool_the_oldest_is_next(waiting: Callable[..., Slots]) -> None:
    places = waiting(2, TWO, light=4)

    assert begun(places) == ["light 0", "light 1"]
    assert len(places) == 2


def test_with_one_place_pools_begin_in_turn_by_their_weights(
    waiting: Callable[..., Slots],
) -> None:
    order = one_by_one(waiting(1, TWO, heavy=30, light=30), 20)

    assert order.count("heavy") == 15
    assert "light" in order[:4]


def test_with_many_places_pools_hold_them_by_their_weights(
    waiting: Callable[..., Slots],
) -> None:
    held = begun(waiting(20, TWO, light=30, heavy=30))

    assert sum(each.startswith("heavy") for each in held) == 15


def test_a_pool_alone_leaves_one_place_for_each_idle_one(waiting: Callable[..., Slots]) -> None:
    places = waiting(32, dict(STANDARD_POOLS), default=100)

    assert len(begun(places)) == 29
    assert places.take(StatementSpec(session="s", kind="sql", code="", pool="interactive"))
    assert not places.take(StatementSpec(session="s", kind="sql", code="", pool="default"))
    assert begun(places) == []


@pytest.mark.parametrize(("most", "alone"), [(1, 1), (3, 3), (4, 3), (8, 6)])
def test_of_few_places_at_most_a_quarter_is_kept_free(
    waiting: Callable[..., Slots], most: int, alone: int
) -> None:
    assert len(begun(waiting(most, dict(STANDARD_POOLS), default=100))) == alone


def test_a_pool_that_was_idle_does_not_make_up_for_it(
    waiting: Callable[..., Slots], loop: asyncio.AbstractEventLoop
) -> None:
    places = waiting(1, {"a": Pool(), "b": Pool()}, a=100)
    one_by_one(places, 50)
    for live in lives(loop, "b", 20):
        places.wait(live)

    assert one_by_one(places, 10).count("a") >= 4


def test_a_pool_that_the_settings_have_lost_has_its_turn_too(
    waiting: Callable[..., Slots],
) -> None:
    assert set(one_by_one(waiting(1, TWO, lost=5, heavy=5), 4)) == {"lost", "heavy"}


def test_a_sessions_pythons_begin_one_after_the_other_and_hold_nobody_up(
    loop: asyncio.AbstractEventLoop,
) -> None:
    places = Slots(8, {"python": Pool(), "sql": Pool()}, pythons=8)
    first, second = lives(loop, "python", 2, kind="python")
    (other,) = lives(loop, "sql", 1)
    for each in (first, second, other):
        places.wait(each)

    assert begun(places) == [first.job_id, other.job_id]
    places.give_back(first.statement.spec)
    assert begun(places) == [second.job_id]


def test_pythons_with_a_session_to_themselves_run_side_by_side_up_to_a_number(
    loop: asyncio.AbstractEventLoop,
) -> None:
    places = Slots(8, {"python": Pool(), "sql": Pool()}, pythons=2)
    first, second, third = lives(loop, "python", 3, kind="python", session=OWN_SESSION)
    (other,) = lives(loop, "sql", 1, session=OWN_SESSION)
    for each in (first, second, third, other):
        places.wait(each)

    assert set(begun(places)) == {first.job_id, second.job_id, other.job_id}
    places.give_back(first.statement.spec)
    assert begun(places) == [third.job_id]


def test_an_interactive_statement_starts_though_another_pool_has_hundreds(
    make_libra: MakeLibra,
) -> None:
    with make_libra(max_running=8) as api:
        api.ready()
        many = [submit(api, "hang", AT_ONCE, pool="low-priority") for _ in range(200)]
        quick = [submit(api, "rows 1", WAIT, pool="interactive")["state"] for _ in range(3)]
        still = [status(api, each["jobId"], AT_ONCE)["state"] for each in many]

        assert quick == ["SUCCESS"] * 3
        assert still.count("RUNNING") == 6


def test_a_place_that_gets_free_goes_to_the_pool_that_runs_less(make_libra: MakeLibra) -> None:
    with make_libra(max_running=1) as api:
        api.ready()
        first = submit(api, "hang", AT_ONCE, pool="low-priority")["jobId"]
        others = [submit(api, "hang", AT_ONCE, pool="low-priority")["jobId"] for _ in range(50)]
        urgent = submit(api, "rows 1", AT_ONCE, pool="interactive")["jobId"]
        api.delete(f"/api/v1/statements/{first}")

        assert status(api, urgent)["state"] == "SUCCESS"
        assert status(api, others[-1], AT_ONCE)["state"] == "PENDING"
