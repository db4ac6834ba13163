"""Run Apache Spark from Apache Airflow: shared and isolated drivers, exactly once."""

from __future__ import annotations

__version__ = "0.1.0"

__all__ = ["__version__"]
