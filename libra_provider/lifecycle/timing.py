"""How long the job of a task is pursued, beside the patience that the task has set."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow.sdk.configuration import conf

from libra_provider.clients.stop import StopTiming
from libra_provider.clients.submit_once import SubmitTiming


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTiming:
    """The patience in both parts is that of the task."""

    submit: SubmitTiming = field(default_factory=SubmitTiming)
    stop: StopTiming = field(default_factory=StopTiming)
    on_kill: float = 4.0
    """Seconds for ``on_kill``: Airflow kills a task process five seconds after its SIGTERM."""
    handover: float = 2.0
    """Seconds in which Airflow's scheduler learns that the process of a deferred task has ended."""

    @property
    def fires_after(self) -> float:
        """Seconds after a deferral before which its trigger does not fire.

        The supervisor of a deferred task may end as late as ``min_heartbeat_interval`` after it.
        If the task is queued again by then, the scheduler takes that end for the end of the new
        process, and fails the task ("Executor LocalExecutor reported that the task instance
        finished with state success, but the task instance's state attribute is running"; seen with
        Airflow 3.3.2).
        """
        interval: float = conf.getfloat("workers", "min_heartbeat_interval", fallback=5.0)
        return interval + self.handover


DEFAULT = JobTiming()
