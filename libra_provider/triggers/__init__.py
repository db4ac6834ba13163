"""Triggers, which wait for jobs in Airflow's triggerer."""

from __future__ import annotations

from libra_provider.triggers.job import JobTrigger

__all__ = ["JobTrigger"]
