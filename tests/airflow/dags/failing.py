"""Tasks that cannot succeed, each for a different reason, and one that never ends by itself."""

from __future__ import annotations

from airflow.sdk import DAG, task

from libra_provider.core.job import SparkJob, new_tag
from libra_provider.hooks import LibraHook
from libra_provider.operators import LibraStatementOperator, SparkClusterJobOperator

IMPATIENT = {"deferrable": True, "poll_interval": 1, "patience": 2}
SMALL = {"spark.driver.memory": "512m", "spark.executor.memory": "512m", "spark.cores.max": 1}

with DAG("failing", schedule=None, default_args=IMPATIENT):
    LibraStatementOperator(task_id="libra_away", sql="SELECT 1", libra_conn_id="libra_away")
    LibraStatementOperator(task_id="wrong_token", sql="SELECT 1", libra_conn_id="libra_wrong_token")
    LibraStatementOperator(task_id="no_sql", sql="SELEC 1 FORM nothing")
    # Not deferred: a deferral that ends at once may be failed by Airflow, without our sentence.
    LibraStatementOperator(task_id="no_table", sql="SELECT * FROM no_such_table", deferrable=False)
    for name in ("master_away", "master_rpc_port", "master_ui_port"):
        SparkClusterJobOperator(
            task_id=name, application="jobs/fails.py", spark_master_conn_id=name
        )
    SparkClusterJobOperator(task_id="no_file", application="jobs/missing.py")
    SparkClusterJobOperator(
        task_id="bad_conf", application="jobs/fails.py", conf={"spark.driver.memory": "lots"}
    )
    SparkClusterJobOperator(task_id="job_fails", application="jobs/fails.py", conf=SMALL)

    @task
    def wrong_kind() -> None:
        LibraHook().submit(SparkJob(kind="scala", code="1 + 1"), new_tag())

    wrong_kind()

with DAG("endless", schedule=None, default_args={"deferrable": True, "poll_interval": 1}):
    LibraStatementOperator(
        task_id="statement",
        sql="SELECT count(*) FROM range(1000000000000) WHERE sqrt(id) * sin(id) > 1e9",
    )
    SparkClusterJobOperator(task_id="driver", application="jobs/endless.py", conf=SMALL)
