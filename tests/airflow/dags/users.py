"""Jobs that do not end in the first try of a task; what users do to it is in its name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG

from libra_provider.operators import LibraStatementOperator, SparkClusterJobOperator

SMALL = {"spark.driver.memory": "512m", "spark.cores.max": 1}
# Airflow may fail a task whose deferral ends within seconds: its scheduler takes the late report of
# the process that was deferred for that of the resumed one. The next try rejoins the same job.
FORGIVING: dict[str, Any] = {"retries": 2, "retry_delay": timedelta(seconds=1)}
# One generation of a job that users end; more if the run's conf requests it.
SECONDS = "{{ 600 if ti.try_number <= dag_run.conf.get('endless', 1) else 1 }}"
SLEEP = f"SELECT reflect('java.lang.Thread', 'sleep', {SECONDS}000L) AS nap"


def statement(name: str, **rest: Any) -> None:
    LibraStatementOperator(task_id=f"statement_{name}", sql=SLEEP, poll_interval=1, **rest)


def driver(name: str, **rest: Any) -> None:
    SparkClusterJobOperator(
        task_id=f"driver_{name}",
        application="{{ dag_run.conf['jar'] }}",
        java_class="Leaves",
        application_args=["{{ dag_run.conf['evidence'] }}/{{ task.task_id }}", SECONDS],
        conf=SMALL,
        poll_interval=1,
        **rest,
    )


with DAG("users", schedule=None):
    for way, deferrable in (("sync", False), ("deferred", True)):
        for action in ("failed", "success", "cleared"):
            statement(f"{way}_{action}", deferrable=deferrable, **(FORGIVING if deferrable else {}))
    driver("sync_failed", deferrable=False)
    driver("deferred_success", deferrable=True, **FORGIVING)
    driver("deferred_cleared", deferrable=True, **FORGIVING)

with DAG("overdue", schedule=None):
    for way, deferrable in (("sync", False), ("deferred", True)):
        statement(way, deferrable=deferrable, execution_timeout=timedelta(seconds=15))
    driver("deferred", deferrable=True, execution_timeout=timedelta(seconds=15))

# Its limit counts from when the run starts, not its tasks.
with DAG("overdue_run", schedule=None, dagrun_timeout=timedelta(seconds=40)):
    for way, deferrable in (("sync", False), ("deferred", True)):
        statement(way, deferrable=deferrable)

with DAG("deleted_run", schedule=None):
    for way, deferrable in (("sync", False), ("deferred", True)):
        statement(way, deferrable=deferrable)

with DAG("cleared_again", schedule=None):
    for way, deferrable in (("sync", False), ("deferred", True)):
        statement(way, deferrable=deferrable, **FORGIVING)
