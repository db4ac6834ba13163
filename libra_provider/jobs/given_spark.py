"""Run a Python program that counts on ``spark``, as the shared driver of Libra has it.

``given_spark.py APP ARGS…`` is what ``APP ARGS…`` is, with that session made beforehand.
"""

from __future__ import annotations

import sys
from pathlib import Path

# Beside this file: the driver's Python need not have the rest of ours.
import bootstrap  # type: ignore[import-not-found]  # a package's module, found as a script's own
from pyspark.sql import SparkSession


def main() -> None:
    """Run ``sys.argv[1]`` as the main program."""
    del sys.argv[0]
    sys.path[0] = str(Path(sys.argv[0]).resolve().parent)
    bootstrap.run(sys.argv[0], spark=SparkSession.builder.getOrCreate())


if __name__ == "__main__":
    main()
