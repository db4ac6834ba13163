"""Two jobs whose worker and triggerer are killed under them."""

from __future__ import annotations

from airflow.sdk import DAG

from libra_provider.operators import SparkClusterJobOperator

SMALL = {"spark.driver.memory": "512m", "spark.executor.memory": "512m", "spark.cores.max": 1}

with DAG(
    "surviving", schedule=None, default_args={"poll_interval": 1, "retries": 2, "retry_delay": 1}
):
    for name, deferrable in (("sync", False), ("deferred", True)):
        SparkClusterJobOperator(
            task_id=name, application="jobs/nap.py", conf=SMALL, deferrable=deferrable
        )
