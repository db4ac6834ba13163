"""Wait for jobs that somebody else submitted."""

from __future__ import annotations

from libra_provider.sensors.driver import SparkDriverSensor
from libra_provider.sensors.statement import LibraStatementSensor

__all__ = ["LibraStatementSensor", "SparkDriverSensor"]
