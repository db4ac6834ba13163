"""One claim of the README per ``bench_*.py``; each runs by itself, ``make bench`` runs all."""

from __future__ import annotations

import os
import tempfile

# Before anything imports Airflow, which writes into its home when it is imported.
if "AIRFLOW_HOME" not in os.environ:
    _home = tempfile.TemporaryDirectory(prefix="libra-bench-airflow-")
    os.environ["AIRFLOW_HOME"] = _home.name
