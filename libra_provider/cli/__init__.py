"""The ``libra`` command: the provider's features on the command line, without Airflow."""

from __future__ import annotations

from libra_provider.cli.app import app, main

__all__ = ["app", "main"]
