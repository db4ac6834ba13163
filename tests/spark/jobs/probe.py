"""Writes what a Python job finds to the file argv[1]."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import besides  # type: ignore[import-not-found]  # a file beside this one, made by the test
import from_py_file  # type: ignore[import-not-found]  # made by the test
from pyspark import SparkFiles
from pyspark.sql import SparkSession


def on_executor(_: int) -> list[str]:
    archived = Path(SparkFiles.getRootDirectory(), "unpacked", "inside.txt")
    shipped = Path(SparkFiles.get("shipped.txt"))
    return [from_py_file.WORD, archived.read_text(), shipped.read_text()]


spark = SparkSession.builder.getOrCreate()
context = spark.sparkContext
assert context._jvm is not None
facts = {
    "conf": dict(context.getConf().getAll()),
    "path": sys.path,
    "argv": sys.argv[2:],
    "name": __name__,
    "file": __file__,
    "words": [besides.WORD, from_py_file.WORD],
    "executor": context.parallelize([1], 1).map(on_executor).first(),
    "jars": [context._jvm.lib.Greeting.word(), context._jvm.pack.Parting.word()],
    "environment": dict(os.environ),
}
Path(sys.argv[1]).write_text(json.dumps(facts))
spark.stop()
