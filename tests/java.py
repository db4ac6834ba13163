"""A Java home whose JVMs start fast: those of tests live for seconds, and load all of Spark."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from libra_provider.cluster.java import java_home
from libra_provider.cluster.standalone import spark_environment

# One compiler, and no proof of bytecode that Spark's release has passed. Not another collector:
# Libra's limits are shares of the heap, of which the serial one counts less.
FLAGS = (
    "-XX:TieredStopAtLevel=1",
    "-XX:+UnlockDiagnosticVMOptions",
    "-XX:-BytecodeVerificationRemote",
)
# Classes of Spark as the JVM has them in memory; created again with the installation beside it.
ARCHIVE = Path(sys.prefix) / "spark.jsa"
# A JVM that cannot use the archive, such as another Java, does without, and does not say so.
SHARED = (f"-XX:SharedArchiveFile={ARCHIVE}", "-Xlog:cds*=off")
# Only JVMs whose class path begins with the archive's can use it: Spark's empty folder of settings,
# another one in each cluster, comes last.
SCRIPT = """#!/bin/sh
for each do
  shift
  case $each in */conf/:*/jars/\\*) each="${{each#*:}}:${{each%%:*}}";; esac
  set -- "$@" "$each"
done
exec {java} "$@"
"""
# What most drivers and executors do.
TYPICAL = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
spark.sparkContext.parallelize(range(5), 1).map(lambda n: n + 1).count()
spark.sql("SELECT id, id % 7 AS d FROM range(100) ORDER BY d").collect()
spark.stop()
"""


def quick_java_home(folder: Path) -> Path | None:
    """Make *folder* the home of this machine's Java, run with ``FLAGS``; None without a Java.

    Unlike JAVA_TOOL_OPTIONS it leaves no line in any log. Later flags win over these.
    """
    given = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{given}/bin" if given else None)
    if found is None:
        return None
    java = Path(found).resolve()
    home = java.parent.parent
    (folder / "bin").mkdir(parents=True)
    for each in [*home.iterdir(), *java.parent.iterdir()]:
        if each.name not in ("bin", "java"):
            (folder / each.relative_to(home)).symlink_to(each)
    script = folder / "bin" / "java"
    flags = (*FLAGS, *SHARED) if ARCHIVE.exists() else FLAGS
    script.write_text(SCRIPT.format(java=shlex.join([str(java), *flags])))
    script.chmod(0o755)
    return folder


def make_archive() -> None:
    """Write ``ARCHIVE``, from a run of Spark in one JVM: half a minute."""
    with tempfile.TemporaryDirectory(prefix="libra-tests-archive-") as name:
        home, made = Path(name), ARCHIVE.with_suffix(".new")
        (home / "typical.py").write_text(TYPICAL)
        environment = spark_environment(java_home(), home)
        del environment["SPARK_CONF_DIR"]
        flags = [*FLAGS, f"-XX:ArchiveClassesAtExit={made}", "-Xlog:cds*=off"]
        words = ["--master", "local[1]", "--driver-java-options", shlex.join(flags)]
        spark_submit = Path(environment["SPARK_HOME"]) / "bin" / "spark-submit"
        subprocess.run(
            [str(spark_submit), *words, str(home / "typical.py")],
            env=environment,
            check=False,
            stderr=subprocess.DEVNULL,
        )
        if made.exists():
            made.replace(ARCHIVE)
        else:  # it only saves time
            sys.stdout.write("This Java wrote no archive of classes: the tests take longer.\n")


if __name__ == "__main__":
    make_archive()
