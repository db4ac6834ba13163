"""How long the job of a task is pursued, beside the patience that the task has set."""

from __future__ import annotations

from dataclasses import dataclass, field

from libra_provider.clients.stop import StopTiming
from libra_provider.clients.submit_once import SubmitTiming


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTiming:
    """The patience in both parts is that of the task."""

    submit: SubmitTiming = field(default_factory=SubmitTiming)
    stop: StopTiming = field(default_factory=StopTiming)
    on_kill: float = 4.0
    """Seconds for ``on_kill``: Airflow kills a task process five seconds after its SIGTERM."""


DEFAULT = JobTiming()
