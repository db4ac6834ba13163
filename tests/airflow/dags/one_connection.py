"""A job for a worker where the master's connection is not defined, or Libra's, or neither."""

from __future__ import annotations

from airflow.sdk import DAG

from libra_provider.core import Workload
from libra_provider.operators import LibraOperator

SMALL = {
    "spark.driver.memory": "512m",
    "spark.executor.memory": "512m",
    "spark.cores.max": "1",
}
MISSING = "is_not_there"

with DAG(
    "one_connection",
    schedule=None,
    default_args={"deferrable": True, "poll_interval": 2, "retries": 2, "retry_delay": 1},
):
    LibraOperator(
        task_id="by_libra",
        python="from words import GREETING\n[spark.range(7).count(), GREETING]",
        py_files=["jobs/words"],
        conf=SMALL,
        workload=Workload(must_survive=True),
        spark_master_conn_id=MISSING,
    )
    LibraOperator(
        task_id="past_libra",
        application="local:{{ dag_run.conf['jar'] }}",
        java_class="Leaves",
        application_args=["{{ dag_run.conf['evidence'] }}/past_libra", "1"],
        conf=SMALL,
        libra_conn_id=MISSING,
    )
    LibraOperator(
        task_id="by_neither", sql="SELECT 1", libra_conn_id=MISSING, spark_master_conn_id=MISSING
    )
