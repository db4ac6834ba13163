"""A driver that prints what was given to it as a secret."""

from __future__ import annotations

from airflow.sdk import DAG

from libra_provider.operators import SparkClusterJobOperator

PRINTS = """
import os
print("in the environment:", os.environ["LAKE_TOKEN"])
print("among the properties:", spark.conf.get("spark.hadoop.fs.s3a.secret.key"))
print("and this is said in clear:", os.environ["LAKE"])
"""

with DAG("printing", schedule=None):
    SparkClusterJobOperator(
        task_id="prints",
        python=PRINTS,
        env_vars={"LAKE_TOKEN": "token-of-the-lake", "LAKE": "the-great-lake"},
        conf={
            "spark.hadoop.fs.s3a.secret.key": "key-of-the-lake",
            "spark.driver.memory": "512m",
            "spark.executor.memory": "512m",
            "spark.cores.max": "1",
        },
        poll_interval=1,
        retries=2,
        retry_delay=1,
    )
