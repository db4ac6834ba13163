"""Lines of the task log: what was submitted, and how it ended."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import fields
from typing import Any
from urllib.parse import urlsplit

from libra_provider.clients.libra.results import WrittenResult
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import Kind
from libra_provider.core.masking import masked_text
from libra_provider.core.status import JobStatus, short_name
from libra_provider.core.units import readable_duration, readable_size

log = logging.getLogger(__name__)
_SHOWN = 60  # characters of a statement
_WRITTEN = {each.name for each in fields(WrittenResult)}
_WORD = {
    Kind.SQL: "SQL",
    Kind.PYTHON: "Python",
    Kind.PYTHON_FILE: "a Python file",
    Kind.JAR: "a JAR",
    Kind.JAR_CLASS: "a JAR",
}


def submitted(job: SparkJob, job_id: str, tag: str, server: str) -> str:
    """The line about a submission: "Submitted a JAR to http://… as driver-… with tag …: etl.jar".

    Only the file name of an application is shown, since URLs and arguments may hold secrets.
    """
    what = _WORD[Kind(job.kind)]
    return f"Submitted {what} to {server} as {job_id} with tag {tag}: {_subject(job)}"


def _subject(job: SparkJob) -> str:
    if job.code is not None:
        return _beginning(masked_text(job.code))
    name = urlsplit(str(job.application)).path.rpartition("/")[2]
    return f"{name} ({job.java_class})" if job.java_class else name


def _beginning(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _SHOWN else f"{words[: _SHOWN - 1]}…"


def log_end(status: JobStatus, result: object = None) -> None:
    """Log the summary of a job that succeeded."""
    log.info("%s", summary(status, result))


def summary(status: JobStatus, result: object = None) -> str:
    """How a job ended, where, after how long, and the size of its *result*, in one line.

    Such as "driver-… succeeded in 2 min 3 s (queued 4 s) on worker … at …: 812 rows of 4 columns".
    """
    seconds, queued = status.timings.run_seconds, status.timings.queued_seconds
    facts = [
        f"{short_name(status.job_id)} {status.state}",
        f"in {readable_duration(seconds)}" if seconds is not None else "",
        f"(queued {readable_duration(queued)})" if queued is not None else "",
        str(status.location) if status.location else "",
    ]
    line = " ".join(filter(None, facts))
    return line if result is None else f"{line}: {_shape(result)}"


def _shape(result: object) -> str:
    match result:
        case Mapping() if result.keys() == _WRITTEN and None in result.values():
            return f"wrote its result to {result['uri']}"
        case Mapping() if result.keys() == _WRITTEN:
            columns = len(result["schema"].get("fields", ()))
            size = readable_size(result["bytes"])
            return f"wrote {_table(result['rows'], columns)}, {size} to {result['uri']}"
        case [Mapping() as first, *_]:
            return f"{_table(len(result), len(first))}, {_size(result)}"
        case []:
            return "no rows"
        case object(shape=(rows, columns)):
            return _table(rows, columns)
        case _:
            return f"a value of {_size(result)}"


def _table(rows: int, columns: int) -> str:
    return f"{_counted(rows, 'row')} of {_counted(columns, 'column')}"


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def _size(result: Any) -> str:
    return readable_size(len(json.dumps(result)))
