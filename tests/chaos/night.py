"""A night in which things are killed by a seed, and the morning after it."""

from __future__ import annotations

import contextlib
import random
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from libra_provider.clients.http.client import Client
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.standalone import pages
from libra_provider.core.errors import JobGivenUp
from libra_provider.core.states import JobState
from tests.airflow.morning import Trace, traces
from tests.chaos.stage import DAG, Stage

TASK = "task process"


@dataclass(frozen=True)
class Kill:
    """What was killed, when (seconds into the night), and how long it was gone."""

    victim: str
    at: float
    gone: float


@dataclass(frozen=True)
class Fate:
    """What became of one logical run: in Airflow, and of its jobs by Libra's ledger."""

    task_id: str
    state: str
    tries: int
    jobs: dict[str, int]
    problems: Sequence[str]


def night(stage: Stage, seed: int, *, kills: int) -> tuple[str, list[Kill]]:
    """The id of a run that lived through *kills* kills, in an order made by *seed*."""
    dice = random.Random(seed)
    stage.airflow.api.wait_for_dag(DAG)
    stage.airflow.api.unpause(DAG)
    run_id = stage.airflow.api.trigger(DAG)
    began = time.monotonic()
    return run_id, [
        _kill(stage, victim, dice, began) for victim in _order(dice, stage.victims, kills)
    ]


def _order(dice: random.Random, components: Iterable[str], kills: int) -> list[str]:
    """Every other victim is a task process; components come in rounds, each time shuffled."""
    names: list[str] = []
    while len(names) < kills:
        around = list(components)
        dice.shuffle(around)
        names += [name for component in around for name in (TASK, component)]
    return names[:kills]


def _kill(stage: Stage, victim: str, dice: random.Random, began: float) -> Kill:
    time.sleep(dice.uniform(0.5, 3))
    at = time.monotonic()
    if victim == TASK:
        deadline = at + 30
        while not stage.kill_a_task(dice) and time.monotonic() < deadline:
            time.sleep(0.2)
    else:
        stage.victims[victim]()
    return Kill(victim, at - began, time.monotonic() - at)


def morning(stage: Stage, run_id: str, *, within: float) -> list[Fate]:
    """What became of each logical run, once the run is over, or *within* seconds."""
    with contextlib.suppress(JobGivenUp):
        stage.airflow.api.wait_for_run(DAG, run_id, within=within)
    found = stage.airflow.api.task_instances(DAG, run_id)
    return [_fate(stage, run_id, each) for each in sorted(found, key=lambda each: each["task_id"])]


def _fate(stage: Stage, run_id: str, instance: dict[str, object]) -> Fate:
    task_id, tries = str(instance["task_id"]), int(str(instance["try_number"]))
    # Drivers leave receipts at Libra: those that did their work and were killed before it are none.
    states = stage.servers.states(run_id, task_id)
    if task_id.startswith("driver"):
        problems = _overlaps(traces(stage.evidence, task_id))
    else:
        problems = [f"one is {state}" for state in states if not state.is_terminal]
        if stage.airflow.api.xcom(DAG, run_id, task_id) is None:
            problems.append("its rows are missing")
    if instance["state"] != "success":
        log = stage.airflow.api.log(DAG, run_id, task_id, try_number=tries)
        problems.append(f"its task is {instance['state']}: {log.splitlines()[-1]}")
    if (succeeded := states.count(JobState.SUCCEEDED)) != 1:
        problems.append(f"{succeeded} of its jobs succeeded")
    return Fate(task_id, str(instance["state"]), tries, Counter(map(str, states)), problems)


def _overlaps(left: Sequence[Trace]) -> list[str]:
    return [
        "two of its drivers ran at once" for one, next_ in pairwise(left) if next_.first <= one.last
    ]


def orphans(stage: Stage) -> list[str]:
    """Drivers that the master still has: there are none once the run is over."""
    client = Client([ServerAddress(url=stage.cluster.ui_url)])
    try:
        return [each.driver_id for each in client.send(pages.cluster()).drivers]
    finally:
        client.close()
