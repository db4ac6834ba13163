"""How often the driver host acts by itself; all durations are seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HostTiming:
    """Of one driver host."""

    heartbeat: float = 1.0
    """Between two heartbeats; the API process counts on it (DriverTiming.noticed_after)."""
    kill_again: float = 0.2
    """Between two cancellations of a killed statement: each one may miss jobs."""
    late_jobs: float = 10.0
    """After the end of a killed statement, for stages that adaptive execution submits late."""
    progress: float = 1.0
    """Between two progress reports; shorter statements report none."""
    main_class_grace: float = 5.0
    """For an interrupted main class to close its files and end."""
    jvm_exit: float = 5.0
    """For a JVM to exit after its context was stopped: its exit code is the better reason."""


DEFAULT = HostTiming()
