"""What a job returns: handed in at Libra, or written where it says, once."""

from __future__ import annotations

import json
from typing import Any

from libra_provider.jobs.job import Job, ResultError, ResultTooLarge, running
from libra_provider.jobs.job_spec import JobSpec
from libra_provider.jobs.json_values import LARGEST, json_text
from libra_provider.jobs.references import Reference
from libra_provider.jobs.tables import size_of
from libra_provider.jobs.upload import Uploader, UploadFailed

_PATIENCE = 75.0  # seconds: a Libra that restarts must not cost the result
_JSON = "application/json"
_TOO_LARGE = 413
_MIB = 2**20
_LONGEST_SHOWN = 2000
_LONGEST_REPR = 2**16
_WRITE_IT = "have it written to storage with result_path"


class NotSerializable(ResultError):
    """The value is of a type that JSON has no form for."""


def result(value: Any) -> None:
    """Return *value* to whoever submitted this job; once per job.

    A DataFrame of Spark, pandas or Arrow: its rows, at most ``result_limit`` of them; or, where the
    job has a ``result_path``, they are written there as Parquet. Anything that JSON has: itself. A
    :class:`Reference`: itself. Outside a job, it is shown instead.

    Raises ResultError for what is too large, cannot be carried, or comes second.
    """
    if (job := running()) is None:
        return _show(value)
    with job.handing_in():
        _hand_in(value, job)
    return None


def result_of_last_line(value: Any, job: Job) -> None:
    """Hand in what a text came to, unless it has handed in something by itself.

    What JSON has no form for is shown as Python shows it.
    """
    if job.has_handed_in or not (job.order.returns or _has_taker(value, job.order)):
        return
    try:
        result(value)
    except NotSerializable:
        result(repr(value)[:_LONGEST_REPR])


def _has_taker(value: Any, order: JobSpec) -> bool:
    return value is not None and bool(order.result_url or order.result_path)


def _hand_in(value: Any, job: Job) -> None:
    path = job.order.result_path
    if isinstance(value, Reference):
        job.written = _written(value)
    elif (frame := _frame(value, job)) is None:
        _send(_JSON, _json(value).encode(), job)
    elif path and frame.columns:
        job.written = _write(frame, path)
    else:
        _hand_in_rows(frame, job)


def _frame(value: Any, job: Job) -> Any | None:
    """*value* as a DataFrame of Spark; None if it is no table."""
    from pyspark.sql import DataFrame, SparkSession  # noqa: PLC0415 - a value may do without Spark

    if isinstance(value, DataFrame):
        return value
    if (size := size_of(value)) is None:
        return None
    if not job.order.result_path:
        _check(size.rows, job)
    return SparkSession.builder.getOrCreate().createDataFrame(value)


def _hand_in_rows(frame: Any, job: Job) -> None:
    from libra_provider.jobs.arrow_body import body_of  # noqa: PLC0415 - it needs pyspark

    _check_line(job)
    try:
        body = body_of(frame, job.order.result_limit)
    except Exception as error:
        # The property is in Spark's own sentence: there is no error class for it.
        if "spark.driver.maxResultSize" not in str(error):
            raise
        raise _too_large("more bytes than spark.driver.maxResultSize") from error
    _check(body.rows, job)
    _send(body.content_type, body.content, job)


def _check(rows: int, job: Job) -> None:
    most = job.order.result_limit
    if rows > most:
        what = f"The result has more than result_limit={most} rows"
        raise ResultTooLarge(f"{what}; ask for more with result_limit, or {_WRITE_IT}.")


def _check_line(job: Job) -> None:
    if job.order.result_url is None:
        advice = f"submit it with a Libra connection, or {_WRITE_IT} (DataFrames only)"
        raise ResultError(f"This job has no Libra to hand its result in at: {advice}.")


def _too_large(what: str) -> ResultTooLarge:
    advice = f"result_limit is no help here, but fewer or narrower rows are, or {_WRITE_IT}"
    return ResultTooLarge(f"The result has {what}; {advice}.")


def _send(content_type: str, content: bytes, job: Job) -> None:
    _check_line(job)
    job.reports.began()
    url, line = f"{job.order.result_url}?attempt={job.reports.attempt}", Uploader(job.order.ca)
    try:
        line.send("PUT", url, content, content_type=content_type, within=_PATIENCE)
    except UploadFailed as error:
        if error.status == _TOO_LARGE:
            raise _too_large(f"more bytes than Libra takes ({error})") from error
        raise ResultError(f"The result was not handed in: {error}") from error


def _write(frame: Any, path: str) -> dict[str, Any]:
    from libra_provider.jobs.parquet import write  # noqa: PLC0415 - it needs pyspark

    found = write(frame, path, parameter="result_path")
    schema = json.loads(found.schema)
    return _written(Reference(found.uri, found.row_count, found.size, schema))


def _written(found: Reference) -> dict[str, Any]:
    names = {"uri": found.uri, "rowCount": found.rows}
    return {**names, "bytes": found.bytes, "schema": found.schema}


def _json(value: Any) -> str:
    try:
        text = json.dumps({"value": json.loads(json_text(value))})
    except (TypeError, ValueError, RecursionError) as error:
        known = "a DataFrame, a table of pandas or Arrow, jobs.reference(…), or JSON's types"
        raise NotSerializable(
            f"A result is {known}, not a {type(value).__name__}: {error}."
        ) from error
    if len(text) > LARGEST:
        size = f"{len(text) / _MIB:.1f} MiB as JSON, more than 1 MiB"
        raise ResultTooLarge(f"The value is {size}; make a DataFrame of it, or {_WRITE_IT}.")
    return text


def _show(value: Any) -> None:
    """For a program that is tried out by itself."""
    if isinstance(value, Reference) or size_of(value) is not None:
        shown = str(value)
    elif hasattr(value, "show"):
        shown = f"the rows of {value}"
    else:
        shown = _json(value)[:_LONGEST_SHOWN]
    print(  # noqa: T201 - it is tried out on a terminal
        f"This is no job of Libra's, so nothing is handed in. The result would be: {shown}"
    )
