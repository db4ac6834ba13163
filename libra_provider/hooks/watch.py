"""Waits for a job, and logs its progress and its output."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator

from libra_provider.clients.observation import JobView, Observation
from libra_provider.core.errors import ServerError
from libra_provider.core.polling import Outcome, Watch, utc_now
from libra_provider.core.status import JobStatus
from libra_provider.hooks.base import ServerHook

log = logging.getLogger(__name__)


def watch(
    server: ServerHook,
    view: JobView,
    seen: Watch,
    *,
    placed: Callable[[JobStatus], None] = lambda _: None,
) -> Outcome:
    """Poll the job until the watch ends; return the outcome.

    *placed* is called with the status whenever the location of the driver becomes known or changes.
    """
    location = None
    while (outcome := look(server, view, seen)) is None:
        if location != seen.status.location:
            location = seen.status.location
            placed(seen.status)
        time.sleep(seen.wait)
    return outcome


def look(server: ServerHook, view: JobView, seen: Watch) -> Outcome | None:
    """Poll once and log the news; return the outcome if the watch has ended, otherwise None."""
    try:
        answer: Observation | ServerError = server.look(view)
    except ServerError as error:
        answer = error
    outcome, lines = update(seen, answer)
    log_lines(lines)
    return outcome


def update(
    seen: Watch, answer: Observation | ServerError
) -> tuple[Outcome | None, list[tuple[int, str]]]:
    """Return the outcome, if *answer* ends the watch, and the levels and lines to log."""
    status: JobStatus | ServerError = answer if isinstance(answer, ServerError) else answer.status
    outcome = seen.update(status, utc_now())
    # The end is logged by the code that handles the outcome, with the result or the error.
    news = [(logging.INFO, seen.news)] if seen.news and not outcome else []
    lines = list(_lines(answer)) if isinstance(answer, Observation) else []
    return outcome, news + lines


def log_lines(lines: Iterable[tuple[int, str]]) -> None:
    """Write to the log of the current task."""
    for level, line in lines:
        log.log(level, "%s", line)


def _lines(answer: Observation) -> Iterator[tuple[int, str]]:
    if answer.warning:
        yield logging.WARNING, answer.warning
    for line in answer.lines:
        yield logging.INFO, str(line)
