"""How long a driver waits for Libra; all durations are seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class UploadTiming:
    """Of one request, and of its repetitions."""

    silence: float = 60.0
    """Without a byte from Libra, which checks a result before it responds."""
    pause: float = 0.5
    """After the first failure; twice as long after each further one."""
    longest_pause: float = 8.0


@dataclass(frozen=True)
class ReportTiming:
    """Of a job's reports and its result."""

    look: float = 0.25
    """Between two checks for a Spark context."""
    heartbeat: float = 3600.0
    """Between two reports that the driver still runs: Libra counts one as LOST that has sent none
    for ``announced_seconds`` (7 days)."""
    again: float = 5.0
    """Before a report that failed is sent again."""
    short: float = 5.0
    """For what the job must not wait for: the report that it has started."""
    restart: float = 75.0
    """For what must not be lost while Libra restarts: the result and the receipt."""
    upload: UploadTiming = UploadTiming()
