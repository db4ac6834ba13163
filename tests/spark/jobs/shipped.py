"""Returns what driver and executor find of the files that have travelled with it."""

from __future__ import annotations

import sys
from pathlib import Path

import packed  # type: ignore[import-not-found]  # a py-file, made by the test
import single  # type: ignore[import-not-found]  # another one
from pyspark import SparkFiles
from pyspark.sql import SparkSession

from libra_provider import jobs


def words() -> list[str]:
    archived = Path(SparkFiles.get("unpacked"), "inside").read_text()
    return [packed.WORD, single.WORD, Path("beside.txt").read_text(), archived]


def on_executor(_: int) -> tuple[str, list[str]]:
    return "executor", words()


assert sys.argv[1:] == ["an argument"]
spark = SparkSession.builder.getOrCreate()
rows = spark.sparkContext.parallelize([1], 1).map(on_executor).collect()
jobs.result(
    spark.createDataFrame([("driver", words()), *rows], "where string, words array<string>")
)
