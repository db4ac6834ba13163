"""What is known of a driver besides what its master says: the receipt that it has left."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from libra_provider.clients.libra.results import WrittenResult, written_from
from libra_provider.core.errors import (
    JobFailed,
    JobWrong,
    LibraError,
    ServerError,
    ServerUnreachable,
)
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus
from libra_provider.hooks.base import ServerHook
from libra_provider.hooks.libra import LibraHook
from libra_provider.lifecycle.retrying import patiently

log = logging.getLogger(__name__)
# A receipt leaves before its driver ends: what is not there by now is on its way, or lost.
_LATE = 5.0  # seconds
_MARK = "[stdout] libra-receipt: "
NOTHING = (
    "its driver ended without handing in the result that fetch asks for; have the program call "
    "libra_provider.jobs.result"
)
# What a worker says that could not fetch the file that a driver begins with.
_NOT_FETCHED = re.compile(r"Exception from the cluster: (java\.net|javax\.net|java\.io)\.")
_REACH = (
    "the worker could not fetch the job's first file from Libra: see that workers reach, and their "
    "JVM trusts, the address that is the public_url of Libra's settings"
)
T = TypeVar("T")


def explained(libra: LibraHook, tag: str, status: JobStatus, *, patience: float) -> JobStatus:
    """*status*, which is no success, with what the receipt of job *tag* says.

    A driver that its master has forgotten, or lost with its worker, ended as its receipt says.
    """
    try:
        found = patiently(partial(libra.status, tag), within=patience)
    except LibraError as error:
        log.warning("%s; what its driver has left there is not known", error)
        return status
    uncertain = status.state is JobState.LOST or status.worker_lost
    if found.state is JobState.SUCCEEDED and uncertain:
        return _as_receipt(status, found)
    if found.state is JobState.FAILED and (uncertain or status.state is JobState.FAILED):
        return _as_receipt(status, found)
    if found.state is JobState.WAITING and _NOT_FETCHED.match(status.detail):
        return replace(status, detail=f"{status.detail}; {_REACH}")
    return status


def _as_receipt(status: JobStatus, receipt: JobStatus) -> JobStatus:
    return replace(
        receipt,
        job_id=status.job_id,
        detail=receipt.detail or status.detail,
        location=status.location or receipt.location,
    )


def handed_in(
    libra: LibraHook,
    tag: str,
    status: JobStatus,
    *,
    read: Callable[[JobStatus], T],
    written: Callable[[], WrittenResult | None],
) -> T:
    """What job *tag*, whose driver of *status* succeeded, has handed in to Libra.

    *read* fetches it, told how the job stands there. A driver that left no receipt there may say
    elsewhere what it has *written*. Raises JobFailed for a job that kept no promise, and
    ServerError where Libra is away.
    """
    try:
        found = libra.status(tag, wait=_LATE)
        if not found.state.is_terminal:
            found = libra.succeeded(tag, written())
        if found.state is JobState.SUCCEEDED:
            return read(found)
    except ServerError as error:
        if not error.retryable:
            raise
        problem = (
            f"{error.problem}; {status.job_id} succeeded, and its result is kept there for the "
            f"next try, and for: libra result {tag}"
        )
        raise ServerUnreachable(error.server, problem) from error
    raise (JobWrong if found.would_fail_again else JobFailed)(status.job_id, found.detail)


def ended(libra: LibraHook, tag: str, *, well: bool = False) -> None:
    """Tell Libra that the driver of job *tag* is gone; one that has left a receipt stays as it is.

    Nobody waits for it: at the latest, Libra gives the job up by itself.
    """
    try:
        libra.succeeded(tag) if well else libra.kill(tag)
    except LibraError as error:
        log.info("%s; it will find out by itself that the driver of %s is gone", error, tag)


def written_by(server: ServerHook, status: JobStatus) -> WrittenResult | None:
    """Where the driver of *status* says, at the end of its output, that it has written its rows."""
    try:
        lines = server.output(status.job_id)
    except ServerError as error:
        log.warning("%s; what %s has written is not known", error, status.job_id)
        return None
    receipts = [each.removeprefix(_MARK) for each in lines if each.startswith(_MARK)]
    try:
        said: Any = json.loads(receipts[-1]) if receipts else {}
        return written_from(said["written"]) if said.get("written") else None
    except (ValueError, TypeError, KeyError) as error:
        log.warning("The receipt of %s cannot be read: %r", status.job_id, error)
        return None
