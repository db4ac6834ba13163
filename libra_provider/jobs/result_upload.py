"""The result of a job: uploaded to Libra, or written to its ``result_path``, once."""

from __future__ import annotations

import json
from typing import Any

from libra_provider.jobs.bootstrap import VERSION
from libra_provider.jobs.job import Job, ResultError, ResultTooLarge, current_job
from libra_provider.jobs.job_spec import JobSpec
from libra_provider.jobs.json_values import LARGEST, json_text
from libra_provider.jobs.references import Reference
from libra_provider.jobs.tables import size_of
from libra_provider.jobs.upload import Uploader, UploadFailed

_JSON = "application/json"
_TOO_LARGE = 413
_MIB = 2**20
_LONGEST_SHOWN = 2000
_LONGEST_REPR = 2**16
_WRITE_IT = "write it to storage with result_path"


class NotSerializable(ResultError):
    """The value has a type that JSON cannot represent."""


def result(value: Any) -> None:
    """Return *value* to the submitter of this job; once per job.

    A DataFrame of Spark, pandas or Arrow: its rows, at most ``result_limit`` of them; or, if the
    job has a ``result_path``, they are written there as Parquet. Any value that JSON can represent.
    A :class:`Reference`. Outside a job, the value is printed instead.

    Raises ResultError if it is too large, not serializable, or the second one.
    """
    if (job := current_job()) is None:
        return _show(value)
    with job.returning_result():
        _upload(value, job)
    return None


def result_of_last_line(value: Any, job: Job) -> None:
    """Return the value of inline code's last line, unless the code has returned a result itself.

    A value that JSON cannot represent is returned as its ``repr``.
    """
    if job.has_result or not (job.spec.returns or _is_expected(value, job.spec)):
        return
    try:
        result(value)
    except NotSerializable:
        result(repr(value)[:_LONGEST_REPR])


def _is_expected(value: Any, spec: JobSpec) -> bool:
    return value is not None and bool(spec.result_url or spec.result_path)


def _upload(value: Any, job: Job) -> None:
    path = job.spec.result_path
    if isinstance(value, Reference):
        job.written = _written(value)
    elif (frame := _frame(value, job)) is None:
        _send(_JSON, _json(value).encode(), job)
    elif path and frame.columns:
        job.written = _write(frame, path)
    else:
        _upload_rows(frame, job)


def _frame(value: Any, job: Job) -> Any | None:
    """Return *value* as a DataFrame of Spark, or None if it is not a table."""
    from pyspark.sql import DataFrame, SparkSession  # noqa: PLC0415 - a value needs no Spark

    if isinstance(value, DataFrame):
        return value
    if (size := size_of(value)) is None:
        return None
    if not job.spec.result_path:
        _check(size.rows, job)
    return SparkSession.builder.getOrCreate().createDataFrame(value)


def _upload_rows(frame: Any, job: Job) -> None:
    from libra_provider.jobs.result_body import body_of  # noqa: PLC0415 - it needs pyspark

    _check_url(job)
    try:
        body = body_of(frame, job.spec.result_limit)
    except Exception as error:
        # The property is in Spark's own sentence: there is no error class for it.
        if "spark.driver.maxResultSize" not in str(error):
            raise
        raise _too_large("more bytes than spark.driver.maxResultSize") from error
    _check(body.rows, job)
    _send(body.content_type, body.content, job)


def _check(rows: int, job: Job) -> None:
    most = job.spec.result_limit
    if rows > most:
        what = f"The result has more than result_limit={most} rows"
        raise ResultTooLarge(f"{what}; raise result_limit, or {_WRITE_IT}.")


def _check_url(job: Job) -> None:
    if job.spec.result_url is None:
        advice = f"submit it with libra_conn_id, or {_WRITE_IT} (DataFrames only)"
        raise ResultError(f"This job has no Libra to return its result to: {advice}.")


def _too_large(what: str) -> ResultTooLarge:
    advice = f"return fewer or narrower rows (result_limit does not change it), or {_WRITE_IT}"
    return ResultTooLarge(f"The result has {what}; {advice}.")


def _send(content_type: str, content: bytes, job: Job) -> None:
    _check_url(job)
    job.reports.ensure_start_reported()
    url = f"{job.spec.result_url}?version={VERSION}&attempt={job.reports.attempt}"
    uploader = Uploader(job.spec.ca, job.timing.upload)
    try:
        uploader.send("PUT", url, content, content_type=content_type, within=job.timing.restart)
    except UploadFailed as error:
        if error.status == _TOO_LARGE:
            raise _too_large(f"more bytes than Libra accepts ({error})") from error
        raise ResultError(f"Could not upload the result: {error}") from error


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
        known = (
            "a DataFrame, a pandas or Arrow table, jobs.reference(…), or a value of JSON's types"
        )
        raise NotSerializable(
            f"Cannot return a {type(value).__name__}: {error}; return {known}."
        ) from error
    if len(text) > LARGEST:
        size = f"{len(text) / _MIB:.1f} MiB as JSON, more than 1 MiB"
        raise ResultTooLarge(f"The value is {size}; return a DataFrame instead, or {_WRITE_IT}.")
    return text


def _show(value: Any) -> None:
    """Print *value*, for a program that runs outside of a job."""
    if isinstance(value, Reference) or size_of(value) is not None:
        shown = str(value)
    elif hasattr(value, "show"):
        shown = f"the rows of {value}"
    else:
        shown = _json(value)[:_LONGEST_SHOWN]
    print(  # noqa: T201 - it runs in a terminal
        f"Not running as a Libra job: no result is returned. The result would be: {shown}"
    )
