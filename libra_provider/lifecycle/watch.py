"""Wait for a job in the worker; the trigger does the same in the triggerer."""

from __future__ import annotations

import logging
import time
from datetime import datetime

from libra_provider.core.errors import ServerError
from libra_provider.core.job import JobStatus
from libra_provider.core.patience import Outcome, Patience, Watch, utc_now
from libra_provider.hooks.base import ServerHook

log = logging.getLogger(__name__)


def watch(server: ServerHook, job_id: str, patience: Patience, submitted_at: datetime) -> Outcome:
    """How the watch over *job_id* ended; returns only then."""
    seen = Watch(job_id, patience, submitted_at)
    while (outcome := seen.told(_ask(server, job_id), utc_now())) is None:
        _tell(seen)
        time.sleep(seen.wait)
    _tell(seen)
    return outcome


def _ask(server: ServerHook, job_id: str) -> JobStatus | ServerError:
    try:
        return server.status(job_id)
    except ServerError as error:
        return error


def _tell(seen: Watch) -> None:
    if seen.news:
        log.info("%s", seen.news)
