"""Sensors that wait for jobs submitted elsewhere."""

from __future__ import annotations

from libra_provider.sensors.driver import SparkDriverSensor
from libra_provider.sensors.statement import LibraStatementSensor

__all__ = ["LibraStatementSensor", "SparkDriverSensor"]
