"""What users do to tasks, and time limits, end the jobs behind them; clearing starts over."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from libra_provider.cluster.airflow import LocalAirflow
from libra_provider.core.errors import Rejected
from libra_provider.core.states import JobState
from libra_provider.core.status import short_name
from tests.airflow.morning import Servers, eventually, starts


@dataclass(frozen=True)
class Run:
    """A run of a Dag whose jobs do not end by themselves, once somebody watches each of them.

    ``jobs`` are their ids.
    """

    airflow: LocalAirflow
    servers: Servers
    dag_id: str
    run_id: str
    evidence: Path
    jobs: dict[str, str]

    def tasks(self) -> dict[str, str]:
        """The state of each task."""
        found = self.airflow.api.task_instances(self.dag_id, self.run_id)
        return {each["task_id"]: each["state"] for each in found}

    def is_watched(self, task_id: str) -> bool:
        """Whether its job is seen to run; before that, it cannot be stopped."""
        api = self.airflow.api
        found = api.xcom(self.dag_id, self.run_id, task_id, "job")
        if not found:
            return False
        self.jobs[task_id] = found["job_id"]
        if task_id.startswith("driver") and not starts(self.evidence, task_id):
            return False
        log = api.log(self.dag_id, self.run_id, task_id)
        return f"{short_name(found['job_id'])} is running" in log

    def first(self, task_id: str) -> JobState:
        """How the job stands that was there at first."""
        if task_id.startswith("driver"):
            return self.servers.driver(self.jobs[task_id])
        [found] = [
            each.status.state
            for each in self.servers.statements(self.run_id, task_id)
            if each.status.job_id == self.jobs[task_id]
        ]
        return found

    def how_many(self, task_id: str) -> int:
        """How many jobs the task has had, by the servers' count."""
        if task_id.startswith("driver"):
            return starts(self.evidence, task_id)
        return len(self.servers.statements(self.run_id, task_id))

    def do(self, task_id: str) -> None:
        """What the task's name says."""
        action = task_id.rpartition("_")[2]
        if action == "cleared":
            self.airflow.api.clear(self.dag_id, self.run_id, [task_id])
        else:
            self.airflow.api.mark(self.dag_id, self.run_id, task_id, action)


def started(airflow: LocalAirflow, servers: Servers, dag_id: str, jar: str, evidence: Path) -> Run:
    airflow.api.wait_for_dag(dag_id)
    airflow.api.unpause(dag_id)
    run_id = airflow.api.trigger(dag_id, {"jar": jar, "evidence": str(evidence)})
    return Run(airflow, servers, dag_id, run_id, evidence, {})


def watched(run: Run) -> Run:
    """*run*, once each of its tasks is watched."""
    for task_id in run.tasks():
        assert eventually(partial(run.is_watched, task_id)), task_id
    return run


@pytest.fixture(scope="module")
def others(
    airflow: LocalAirflow, servers: Servers, jar: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Run]:
    """Runs that end by themselves, or as a whole, beside the one of which each task is treated."""
    names = ("overdue", "overdue_run", "deleted_run")
    evidence = tmp_path_factory.mktemp("others")
    return {name: started(airflow, servers, name, jar, evidence) for name in names}


@pytest.fixture(scope="module")
def users(
    airflow: LocalAirflow, servers: Servers, jar: str, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    """A run of which users have ended every task, each as its name says."""
    run = watched(started(airflow, servers, "users", jar, tmp_path_factory.mktemp("users")))
    for task_id in run.jobs:
        run.do(task_id)
    return run


def test_what_users_end_or_clear_ends_its_job(users: Run) -> None:
    def states() -> dict[str, JobState]:
        return {task_id: users.first(task_id) for task_id in users.jobs}

    killed = dict.fromkeys(users.jobs, JobState.KILLED)
    assert eventually(lambda: states() == killed), states()
    assert len(killed) == 9


def test_a_task_that_was_cleared_while_it_ran_has_a_fresh_job(users: Run) -> None:
    cleared = [task_id for task_id in users.jobs if task_id.endswith("cleared")]

    assert eventually(lambda: {users.tasks()[each] for each in cleared} == {"success"})
    assert {each: users.how_many(each) for each in cleared} == dict.fromkeys(cleared, 2)


def test_links_are_there_while_deferred_and_after(users: Run) -> None:
    names = {"Driver log", "Spark UI", "Spark master"}
    found = users.airflow.api.links(users.dag_id, users.run_id, "driver_deferred_cleared")

    assert found.keys() == names
    assert found["Spark master"]
    assert found["Driver log"]


def test_an_ended_task_that_is_cleared_has_a_fresh_job(users: Run) -> None:
    ended = [task_id for task_id in users.jobs if not task_id.endswith("cleared")]
    # A clear while the scheduler ends the run is lost: Airflow writes the run's end over it.
    users.airflow.api.wait_for_run(users.dag_id, users.run_id)
    before = {each: users.tasks()[each] for each in ended}
    users.airflow.api.clear(users.dag_id, users.run_id, ended)
    state = users.airflow.api.wait_for_run(users.dag_id, users.run_id)

    assert before == {each: each.rpartition("_")[2] for each in ended}
    assert state == "success"
    assert {each: users.how_many(each) for each in ended} == dict.fromkeys(ended, 2)


def test_a_time_limit_of_a_task_ends_its_job(others: dict[str, Run]) -> None:
    run = others["overdue"]
    state = run.airflow.api.wait_for_run(run.dag_id, run.run_id)
    for task_id in run.tasks():
        run.jobs[task_id] = run.airflow.api.xcom(run.dag_id, run.run_id, task_id, "job")["job_id"]

    assert state == "failed"
    assert eventually(lambda: {run.first(each) for each in run.jobs} == {JobState.KILLED})
    log = run.airflow.api.log(run.dag_id, run.run_id, "statement_deferred")
    assert (
        f"{run.jobs['statement_deferred']} was stopped: execution_timeout=15 s is exceeded" in log
    )


@pytest.mark.parametrize("name", ["overdue_run", "deleted_run"])
def test_what_ends_a_whole_run_ends_its_jobs(others: dict[str, Run], name: str) -> None:
    run = watched(others[name])
    if name == "deleted_run":
        run.airflow.api.mark_run(run.dag_id, run.run_id, "failed")
        run.airflow.api.delete_run(run.dag_id, run.run_id)
        with pytest.raises(Rejected, match="404"):
            run.airflow.api.run_state(run.dag_id, run.run_id)

    assert eventually(lambda: {run.first(each) for each in run.jobs} == {JobState.KILLED})
    assert len(run.jobs) == 2
