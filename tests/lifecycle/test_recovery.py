"""Whatever happens to tries and drivers, in whatever order: none is made beside a living one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from libra_provider.clients.submit_once import SubmitTiming
from libra_provider.core.job import SparkJob
from libra_provider.core.polling import utc_now
from libra_provider.hooks import SparkMasterHook
from libra_provider.lifecycle.recovery import Recovery
from libra_provider.lifecycle.submission import Submission, Submitter
from libra_provider.lifecycle.task_record import Generation, TaskRecords
from tests.fakes.connections import connect
from tests.fakes.server import Answer, Request
from tests.fakes.spark_master import FakeMaster

ALIVE = ("SUBMITTED", "RUNNING")
JOB = SparkJob.from_application("local:/jobs/etl.py", conf={"spark.cores.max": "1"})


class Killed(BaseException):
    """SIGKILL, for a try without a separate process."""


@dataclass
class Store:
    """Airflow's store, before or after whose *dies_at*-th use the try that uses it is killed."""

    kept: dict[str, Any] = field(default_factory=dict)
    dies_at: int | None = None
    done: bool = False

    def _use(self, what: Any) -> Any:
        is_last = self.dies_at == 0
        self.dies_at = None if self.dies_at is None else self.dies_at - 1
        if is_last and not self.done:
            raise Killed
        found = what()
        if is_last:
            raise Killed
        return found

    def get(self, key: str, default: Any = None) -> Any:
        return self._use(lambda: self.kept.get(key, default))

    def set(self, key: str, value: Any) -> None:
        self._use(lambda: self.kept.update({key: value}))

    def delete(self, key: str) -> None:
        self._use(lambda: self.kept.pop(key, None))


class Lives(RuleBasedStateMachine):
    """One logical run: its tries, what users and the network do to them, and its drivers."""

    def __init__(self) -> None:
        super().__init__()
        self.master = FakeMaster(states=["RUNNING"], disturb=self._create)
        self.master.__enter__()
        extra = {"rest_urls": self.master.url, "ui_urls": self.master.url}
        connect("spark_master_default", conn_type="spark_master", extra=extra)
        self.store = Store()
        self.generation = Generation(max_tries=2, clear_number=0)
        self.answers: list[str] = []
        self.doubles: list[str] = []
        self.expected: str | None = None

    def teardown(self) -> None:
        self.master.__exit__(None, None, None)

    def _create(self, request: Request) -> Answer | None:
        """Make a driver, and note who lives beside it; the request or the answer may be lost."""
        if not request.path.endswith("/create"):
            return None
        fate = self.answers.pop() if self.answers else "answered"
        if fate == "lost request":
            return Answer(hang_up=True)
        self.doubles += self.alive()
        answer = self.master._create(request)
        return Answer(hang_up=True) if fate == "lost answer" else answer

    def alive(self) -> list[str]:
        drivers = self.master.drivers.items()
        return [name for name, driver in drivers if driver.shown() in ALIVE]

    @rule(
        fates=st.lists(st.sampled_from(["lost request", "lost answer"]), max_size=1),
        dies_at=st.none() | st.integers(0, 6),
        done=st.booleans(),
    )
    def a_try(self, fates: list[str], dies_at: int | None, done: bool) -> None:
        """Begin where the last one ended, however it ended."""
        self._age()
        self.answers = fates
        self.store.dies_at, self.store.done = dies_at, done
        try:
            self.expected = self._find().status.job_id
        except Killed:
            self.expected = None
        finally:
            self.store.dies_at, self.answers = None, []

    def _find(self) -> Submission:
        submitter = Submitter(
            plan=lambda: JOB,
            prepare=lambda job, _: job,
            server=SparkMasterHook(),
            records=TaskRecords(self.store),
            generation=self.generation,
            timing=SubmitTiming(patience=30.0, grace=0.02, look_every=0.02),
        )
        return Recovery(submitter=submitter).find_or_submit()

    def _age(self) -> None:
        """A retry begins after the requests of the last try have come to their end."""
        if record := self.store.kept.get("libra_job"):
            record["at"] = (utc_now() - timedelta(minutes=1)).isoformat()

    @rule(retries=st.integers(1, 3))
    def a_clear(self, retries: int) -> None:
        """Of this task, while it does not run; retries may have been edited."""
        changed = self.generation.max_tries + retries - 2
        clears = self.generation.clear_number + 1
        self.generation = Generation(max_tries=changed, clear_number=clears, is_first_try=True)

    @rule()
    def a_clear_of_another_task(self) -> None:
        self.generation = Generation(
            max_tries=self.generation.max_tries, clear_number=self.generation.clear_number + 1
        )

    @precondition(lambda self: self.alive())
    @rule(state=st.sampled_from(["FINISHED", "FAILED", "KILLED", "ERROR"]))
    def an_end(self, state: str) -> None:
        """Of every driver that lives."""
        for name in self.alive():
            self.master.drivers[name].states = [state]

    @invariant()
    def no_driver_was_made_beside_a_living_one(self) -> None:
        assert self.doubles == []

    @invariant()
    def the_last_try_has_the_only_driver_that_lives(self) -> None:
        if self.expected and self.expected in self.alive():
            assert self.alive() == [self.expected]


def tried(machine: type[Lives], *, examples: int) -> None:
    """Shrinking what was found would take minutes; its steps are few."""
    budget = settings(
        max_examples=examples,
        stateful_step_count=8,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=budget)


def test_no_history_makes_a_second_driver() -> None:
    tried(Lives, examples=25)


@pytest.mark.slow
def test_no_history_of_many_makes_a_second_driver() -> None:
    tried(Lives, examples=300)


def test_a_try_that_forgets_what_it_has_sent_is_caught() -> None:
    """So the tests above can fail."""

    class Forgetful(Lives):
        def _find(self) -> Submission:
            self.store.kept.clear()
            return super()._find()

    with pytest.raises(AssertionError, match=r"driver-20261120082239-\d+"):
        tried(Forgetful, examples=50)
