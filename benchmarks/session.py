"""A SparkSession in this process, with the settings of Libra's driver."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from pyspark.sql import SparkSession

from benchmarks.answers import Answers, of_threads
from benchmarks.question import Question


def start(file: Path) -> None:
    """Start a SparkSession in this process, as Libra's driver host does."""
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    os.environ["PYSPARK_SUBMIT_ARGS"] = (
        f"--properties-file '{file}' --load-spark-defaults pyspark-shell"
    )
    SparkSession.builder.getOrCreate()


def write_table(path: Path, sql: str) -> None:
    """Write what *sql* returns to Parquet files at *path*."""
    SparkSession.builder.getOrCreate().sql(sql).write.parquet(str(path))


def ask(question: Question, *, clients: int, duration: float) -> Answers:
    """Ask the SparkSession of this process."""
    spark = SparkSession.builder.getOrCreate()
    return of_threads(partial(question.of_session, spark), clients=clients, duration=duration)
