"""Wait for a job, and say in the log what it says on the way."""

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
    """How the watch over the job ended; returns only then.

    *placed* is told how it stands whenever more is known of where it runs.
    """
    location = None
    while (outcome := look(server, view, seen)) is None:
        if location != seen.status.location:
            location = seen.status.location
            placed(seen.status)
        time.sleep(seen.wait)
    return outcome


def look(server: ServerHook, view: JobView, seen: Watch) -> Outcome | None:
    """Look once; the outcome if the watch is over."""
    try:
        answer: Observation | ServerError = server.look(view)
    except ServerError as error:
        answer = error
    outcome, said = told(seen, answer)
    show(said)
    return outcome


def told(
    seen: Watch, answer: Observation | ServerError
) -> tuple[Outcome | None, list[tuple[int, str]]]:
    """The outcome if *answer* ends the watch, and what the task log is to say: level and line."""
    status: JobStatus | ServerError = answer if isinstance(answer, ServerError) else answer.status
    outcome = seen.told(status, utc_now())
    # Whoever settles the outcome logs the end, with the result or the error.
    news = [(logging.INFO, seen.news)] if seen.news and not outcome else []
    lines = list(_lines(answer)) if isinstance(answer, Observation) else []
    return outcome, news + lines


def show(said: Iterable[tuple[int, str]]) -> None:
    """Write to the log of the task in which this is called."""
    for level, line in said:
        log.log(level, "%s", line)


def _lines(answer: Observation) -> Iterator[tuple[int, str]]:
    if answer.warning:
        yield logging.WARNING, answer.warning
    for line in answer.lines:
        yield logging.INFO, str(line)
