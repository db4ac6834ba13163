"""Jobs of both backends, waited for in both ways, each of which leaves evidence outside."""

from __future__ import annotations

import os

from airflow.sdk import DAG

from libra_provider.operators import LibraStatementOperator, SparkClusterJobOperator

EVIDENCE, SECONDS = os.environ["CHAOS_EVIDENCE"], os.environ["CHAOS_SECONDS"]
JOBS = int(os.environ["CHAOS_JOBS"])
PATIENT = {"poll_interval": 1, "retries": 50, "retry_delay": 1}

with DAG("chaotic", schedule=None, default_args=PATIENT):
    for number in range(JOBS):
        label = f"{number:02}"
        deferrable = number % 4 >= 2
        if number % 2:
            SparkClusterJobOperator(
                task_id=f"driver_{label}",
                application="jobs/leaves.py",
                application_args=[f"{EVIDENCE}/driver_{label}", SECONDS],
                conf={"spark.driver.memory": "512m", "spark.cores.max": 1},
                deferrable=deferrable,
                # A master with recovery forgets only drivers that have ended.
                on_lost="resubmit",
            )
        else:
            LibraStatementOperator(
                task_id=f"statement_{label}",
                sql=f"SELECT reflect('java.lang.Thread', 'sleep', {SECONDS}000L) AS nap",
                deferrable=deferrable,
            )
