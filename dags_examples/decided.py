"""One query, run with each of the three placements; the results are the same.

* `shared`: a small query, with Libra close to its cluster, runs in the shared driver;
* `client`: Spark properties require a dedicated driver, which runs on Libra's host;
* `cluster`: a job that must outlive Libra and Airflow runs on a worker.

The log of each task begins with the decision and its path through the tree; so does its XCom
`deploy_mode_decision`. `libra decide` shows the tree.
"""

from airflow.sdk import dag, task

from libra_provider.core import Workload
from libra_provider.operators import LibraOperator

SMALL = {"spark.executor.memory": "512m", "spark.cores.max": "1"}


@dag(
    schedule=None,
    doc_md=__doc__,
    tags=["libra", "example"],
    default_args={
        "sql": "SELECT count(*) AS numbers, sum(id * id) AS squares FROM range(:most)",
        "parameters": {"most": 100_000},
        "deferrable": True,
        "poll_interval": 2,
    },
)
def decided():
    @task
    def compare(answers: list[list[dict]]) -> dict:
        """Return the one answer; fail if there are several."""
        first, *others = answers
        if any(other != first for other in others):
            raise ValueError(f"the places disagree: {answers}")
        return first[0]

    shared = LibraOperator(task_id="shared")
    client = LibraOperator(task_id="client", conf=SMALL)
    cluster = LibraOperator(task_id="cluster", conf=SMALL, workload=Workload(must_survive=True))
    compare([shared.output, client.output, cluster.output])


decided()
