"""The Java that runs beside Spark's, compiled by the Janino that Spark brings along."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

_SOURCES = Path(__file__).parent


def loaded(spark: SparkSession, name: str) -> Any:
    """The class *name* of the sources beside this module, compiled in the JVM of *spark*.

    Each call compiles again, which takes about half a second.
    """
    gateway: Any = spark.sparkContext._gateway  # noqa: SLF001  # the way to Spark's Java side
    jvm = gateway.jvm
    folders = gateway.new_array(jvm.java.io.File, 1)
    folders[0] = jvm.java.io.File(str(_SOURCES))
    spark_classes = jvm.java.lang.Thread.currentThread().getContextClassLoader()
    loader = jvm.org.codehaus.janino.JavaSourceClassLoader(spark_classes, folders, "UTF-8")
    return loader.loadClass(name)
