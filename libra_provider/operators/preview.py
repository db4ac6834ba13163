"""Previews where the tasks of a Dag file would run, for ``libra decide --dag``.

It runs in a separate process, since the command line does not import Airflow, and prints JSON.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from airflow.dag_processing.dagbag import DagBag

from libra_provider.core.decision import Fact, Facts, Locality, WorkerShare
from libra_provider.core.errors import LibraError
from libra_provider.deploy_mode.decide import decide
from libra_provider.deploy_mode.policy import Policy
from libra_provider.operators.libra import LibraOperator


def previews(path: str, facts: Facts, policy: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Each LibraOperator of the Dags in file *path*, with its decision, or why there is none.

    *facts* hold for all of them, in addition to each task's ``workload``. No server is asked, and
    no template is rendered.
    """
    bag = DagBag(path)
    for name, problem in bag.import_errors.items():
        yield {"dag_id": None, "task_id": None, "decision": None, "error": f"{name}: {problem}"}
    for dag in bag.dags.values():
        for task in dag.tasks:
            if isinstance(task, LibraOperator):
                found = _preview(task, facts, policy)
                yield {"dag_id": dag.dag_id, "task_id": task.task_id, **found}


def _preview(task: LibraOperator, facts: Facts, policy: Mapping[str, Any]) -> dict[str, Any]:
    try:
        decision = decide(
            task.job(),
            Facts.of(task.workload).or_else(facts),
            Policy.of(policy, task.policy),
            preset=task.preset,
        )
    except LibraError as error:
        return {"decision": None, "error": str(error)}
    return {"decision": decision.to_json(), "error": None}


def _facts(given: Mapping[str, Mapping[str, Any]]) -> Facts:
    """The inverse of :meth:`Facts.to_json`."""
    read: Mapping[str, Callable[[Any], Any]] = {
        "locality": Locality,
        "largest_worker": lambda share: WorkerShare(**share),
    }
    return Facts(
        **{
            name: Fact(read.get(name, lambda value: value)(fact["value"]), fact["source"])
            for name, fact in given.items()
        }
    )


if __name__ == "__main__":
    file, known = sys.argv[1], json.loads(sys.argv[2])
    with contextlib.redirect_stdout(sys.stderr):
        found = list(previews(file, _facts(known["facts"]), known["policy"]))
    print(json.dumps(found))  # noqa: T201 - the result of this process
