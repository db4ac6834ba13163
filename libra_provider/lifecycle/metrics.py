"""Counts and times jobs in Airflow's metrics, under names that start with ``libra.``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from airflow.sdk.observability import stats

from libra_provider.core.job import Backend
from libra_provider.core.kinds import Kind, Mode
from libra_provider.core.status import JobStatus

SUBMISSIONS = "libra.submissions"
REJOINS = "libra.rejoins"
ADOPTIONS = "libra.adoptions"
_OUTCOMES = "libra.outcomes"
_WAIT = "libra.wait"
_RUN = "libra.run"

Tags = dict[str, str]


def tags_of(backend: Backend, kind: Kind | str, mode: Mode) -> Tags:
    """The tags of the metrics of a job."""
    return {"backend": str(backend), "kind": str(kind), "mode": str(mode)}


def count(what: str, tags: Mapping[str, str]) -> None:
    """Count one more of SUBMISSIONS (accepted by the server), REJOINS or ADOPTIONS."""
    stats.incr(what, tags=dict(tags))


def count_end(status: JobStatus, tags: Mapping[str, str]) -> None:
    """Count the outcome by its state, and time how long the job waited and ran, if known."""
    stats.incr(_OUTCOMES, tags={**tags, "state": str(status.state)})
    spans = {_WAIT: status.timings.queued_seconds, _RUN: status.timings.run_seconds}
    for name, seconds in spans.items():
        if seconds is not None:
            stats.timing(name, timedelta(seconds=seconds), tags=dict(tags))
