"""How long a Libra waits, and for what; passed in where it is made, so that tests pass their own.

All durations are seconds. These are not settings: no deployment was seen that needs other values.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from libra_provider.clients.stop import StopTiming
from libra_provider.clients.submit_once import SubmitTiming


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestTiming:
    """How slowly a client may send a request."""

    head: float = 30.0
    """Until the end of the headers: uvicorn has no limit."""
    body: float = 60.0
    """All of a body that is read before it is handled: 4 MiB at most, so 70 kB/s."""
    pace: float = 30.0
    """Within this time, at least ``pace_bytes`` of a streamed body must arrive."""
    pace_bytes: int = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverTiming:
    """How long the API process waits for the driver host."""

    starts_within: float = 600.0
    """Until its first message: it may download packages before."""
    noticed_after: float = 3.5
    """Without a heartbeat, the driver counts as stalled: heartbeats come every second, three may be
    late, and a stall is still noticed within five seconds."""
    given_up_after: float = 30.0
    """Without a heartbeat, the driver is killed. A full garbage collection of a large heap, or a
    result near its size, was measured to take 18 s; longer stalls were not seen to end."""
    tick: float = 0.5
    """Between two checks of the time since the last heartbeat."""
    longest_pause: float = 30.0
    """Before another start, after several that failed; the first pauses are 1, 3, 7 … s."""
    try_again: float = 2.0
    """Before another attempt when no epoch can begin (the ledger does not answer)."""
    stop_within: float = 8.0
    """For Spark to stop in order once Libra stops; then the host is killed."""
    exit_within: float = 0.5
    """For a host that has closed its channel to exit; then it is killed."""
    gone_within: float = 12.0
    """For an application's executors to end: a worker gives them 10 s."""
    gone_at_stop: float = 3.0
    """The same when Libra stops: whoever stops it waits."""
    gone_again: float = 0.1
    """Between two polls of whether they have ended: the next driver waits for it."""
    gone_unseen: float = 3.0
    """Without a master's page; it seldom returns while the next driver waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeTiming:
    """How often the network link to the cluster is measured."""

    every: float = 600.0
    """After a measurement."""
    again: float = 30.0
    """After one that failed."""
    within: float = 5.0
    """For one measurement of the round trip, or of the bandwidth: a slower link is "unknown"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterTiming:
    """How long drivers on the cluster are submitted and stopped."""

    submit: SubmitTiming = field(default_factory=SubmitTiming)
    stop: StopTiming = field(default_factory=lambda: StopTiming.endless(look_every=5.0))
    """The statement is active until its driver has ended."""
    every: float = 1.0
    """Between two polls of all drivers, by one page of the master."""
    without_page: float = 5.0
    """Between two polls of one driver while no master's page can be read: each is a request."""
    waiting: float = 10.0
    """Between two polls of a driver that waits, for the reason, which may change."""
    new: float = 2.0
    """Between two polls of a driver whose log does not contain its application yet."""
    new_for: float = 60.0
    """After its start; then a driver counts as one without an application."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientTiming:
    """How long drivers on Libra's host are watched and stopped."""

    grace: float = 2.0
    """For a driver to end after SIGTERM; then it is killed."""
    look_every: float = 1.0
    """Between two searches of its log for the application's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTiming:
    """Everything of one Libra."""

    requests: RequestTiming = field(default_factory=RequestTiming)
    driver: DriverTiming = field(default_factory=DriverTiming)
    probe: ProbeTiming = field(default_factory=ProbeTiming)
    cluster: ClusterTiming = field(default_factory=ClusterTiming)
    client: ClientTiming = field(default_factory=ClientTiming)
    estimate: float = 30.0
    """For the driver to answer with the estimate of a query."""
    commit: float = 5.0
    """For the end of a killed statement to be committed, before the kill is answered."""
    artifact_in_use: float = 600.0
    """After its last use, an artifact is not removed to make room: a job is about to name it."""
    sweep_every: float = 60.0
    """Between two removals of what is older or more than the settings allow."""


DEFAULT = ServerTiming()
