"""The ``libra`` command: what the provider does in Dags, from a terminal; no Airflow."""

from __future__ import annotations

from libra_provider.cli.app import app, main

__all__ = ["app", "main"]
