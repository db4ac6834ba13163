"""How often a poller sends requests, and how long a triggerer's supervisor may take to respond."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PollerTiming:
    """All durations are seconds."""

    soonest: float = 0.2
    """Between two rounds; jobs that are due within this time are polled together."""
    reads_within: float = 5.0
    """In this time at most ``READ`` logs of running jobs are read, with about two requests each."""
    renew_every: float = 10.0
    """Between two readings of a connection whose credentials the server refuses."""
    connection_fresh: float = 10.0
    """For which a connection is not read again. A triggerer that starts has thousands of triggers,
    and its supervisor reads one connection after the other; credentials that change meanwhile are
    found by ``renew_every``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorTiming:
    """Of a trigger's requests to Airflow; all durations are seconds."""

    answers_within: float = 20.0
    """A new supervisor takes three for its first response."""
    ask_again: float = 1.0
    """Before the one repetition of a request that failed."""


DEFAULT = PollerTiming()
SUPERVISOR = SupervisorTiming()
