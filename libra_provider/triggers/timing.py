"""How often a poller sends requests, besides the poll interval that each task sets."""

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


DEFAULT = PollerTiming()
