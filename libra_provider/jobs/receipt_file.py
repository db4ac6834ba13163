"""A receipt that is left in storage, beside the rows, where there is no Libra to take it."""

from __future__ import annotations

from typing import Any


def write(result_path: str, name: str, text: str) -> None:
    """Write *text* to the file *name* in the folder of *result_path*; the JVM's errors pass."""
    from pyspark import SparkContext  # noqa: PLC0415 - other jobs may do without Spark

    # The program may have stopped its context; its JVM goes on, and knows where storage is.
    SparkContext._ensure_initialized()  # noqa: SLF001
    jvm: Any = SparkContext._jvm  # noqa: SLF001
    conf = jvm.org.apache.spark.deploy.SparkHadoopUtil.get().conf()
    path = jvm.org.apache.hadoop.fs.Path
    file = path(path(result_path).getParent(), name)
    stream = file.getFileSystem(conf).create(file, True)
    stream.write(bytearray(text.encode()))
    stream.close()
