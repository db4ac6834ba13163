"""Calls for the result of a statement: rows, an Arrow table, or where the rows were written."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

from libra_provider.clients.http.call import Call, Reply
from libra_provider.clients.http.problems import checked, is_unknown, problem
from libra_provider.clients.libra import values
from libra_provider.clients.libra.statements import path_of
from libra_provider.core.errors import BadInput, JobLost, NotInstalled

T = TypeVar("T")
ARROW = "application/vnd.apache.arrow.stream"
# Libra keeps results up to 64 MiB by default; as JSON they are several times larger.
_MOST = 2**30  # bytes
# What reading a body raises if it does not have the expected form.
_UNFIT = (KeyError, TypeError, ValueError, OverflowError)
_ARROW_READ_TIMEOUT = 120.0  # seconds without a byte; ten times as long for all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultPage:
    """Rows of a statement, from row ``offset`` on; ``row_count`` is the number of all its rows.

    ``schema`` is Spark's; values are those in the JSON, exact numbers and timestamps as strings.
    """

    server: str
    schema: Mapping[str, Any]
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    offset: int
    row_count: int

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return each row as a dict by column name; raises BadInput for duplicate names."""
        return self._dicts(self.rows)

    def as_python(self) -> list[dict[str, Any]]:
        """Return each row as a dict with Python values: Decimal, datetime, bytes and so on.

        Raises ProtocolError for values that do not match the schema.
        """
        return self._dicts(values.as_python(self.server, self.schema, self.rows))

    def _dicts(self, rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
        if len(set(self.columns)) < len(self.columns):
            raise BadInput(
                "columns",
                list(self.columns),
                "expected a different name for each column; rename them with AS",
            )
        return [dict(zip(self.columns, row, strict=True)) for row in rows]

    def only_row(self) -> ResultPage:
        """Return this page; raises BadInput if the result has more than one row."""
        if self.row_count > 1:
            raise BadInput(
                "rows", self.row_count, "expected at most one row; add a LIMIT, or fetch all rows"
            )
        return self

    def only_value(self) -> ResultPage:
        """Return this page; raises BadInput unless the result is one row with one column."""
        if (self.row_count, len(self.columns)) != (1, 1):
            found = f"{self.row_count} rows of {len(self.columns)} columns"
            raise BadInput("result", found, "expected one row with one column")
        return self


@dataclass(frozen=True, slots=True)
class ResultValue:
    """A result that is not a table: a JSON value, or None if the statement returned nothing."""

    value: Any

    def as_python(self) -> Any:
        """The value as it is."""
        return self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenResult:
    """Where the rows of a job were written, as Parquet; ``schema`` is Spark's.

    For a reference that a job returned, fields that the job did not set are None.
    """

    uri: str
    rows: int | None
    bytes: int | None
    schema: Mapping[str, Any] | None

    def as_python(self) -> WrittenResult:
        """Return this reference; the rows are not read."""
        return self


# What a job may return.
Returned: TypeAlias = ResultPage | ResultValue | WrittenResult


def result(job_id: str, *, offset: int = 0, limit: int = 1000) -> Call[ResultPage | ResultValue]:
    """Return at most *limit* rows of *job_id* from *offset* on, or its value.

    Raises JobLost for an unknown id, BadInput, with their location, for rows in storage.
    """

    def read(reply: Reply) -> ResultPage | ResultValue:
        found = _returned(reply)
        if isinstance(found, WrittenResult):
            raise _written_elsewhere(job_id, found.uri)
        return found

    return _result_call(job_id, read, offset, limit)


def returned(job_id: str, *, offset: int = 0, limit: int = 1000) -> Call[Returned]:
    """Return the same, or where the rows were written."""
    return _result_call(job_id, _returned, offset, limit)


def _result_call(job_id: str, read: Callable[[Reply], T], offset: int, limit: int) -> Call[T]:
    return Call(
        method="GET",
        path=f"{path_of(job_id)}/result",
        parse=_reader(job_id, read, "a page of rows"),
        query={"offset": str(offset), "limit": str(limit)},
        most_bytes=_MOST,
    )


def come_along(found: object, reply: Reply) -> ResultPage | ResultValue | None:
    """Return the result in *reply*, or None if it contains none."""
    if not isinstance(found, dict):
        return None
    try:
        return _value_or_page(found, reply)
    except _UNFIT as error:
        raise reply.not_as_expected(f"a small result was expected ({error!r})") from error


def _returned(reply: Reply) -> Returned:
    body = reply.json_object()
    if "uri" in body and "rows" not in body:
        return written_from(body)
    return _value_or_page(body, reply)


def _value_or_page(body: Mapping[str, Any], reply: Reply) -> ResultPage | ResultValue:
    if "value" in body and "rows" not in body:
        return ResultValue(body["value"])
    columns, rows = tuple(body["columns"]), body["rows"]
    if not all(isinstance(row, list) and len(row) == len(columns) for row in rows):
        raise TypeError(f"rows of {len(columns)} values")
    return ResultPage(
        server=reply.server,
        schema=body["schema"],
        columns=columns,
        rows=rows,
        offset=int(body["offset"]),
        row_count=int(body["rowCount"]),
    )


def written_from(body: Mapping[str, Any]) -> WrittenResult:
    """Read where rows were written, from Libra or a receipt; raises KeyError, TypeError."""
    rows, size, schema = body["rowCount"], body["bytes"], body["schema"]
    return WrittenResult(
        uri=str(body["uri"]),
        rows=None if rows is None else int(rows),
        bytes=None if size is None else int(size),
        schema=None if schema is None else dict(schema),
    )


def written(job_id: str) -> Call[WrittenResult]:
    """Return where the rows of *job_id* were written; raises JobLost for an unknown id.

    Raises BadInput if it returned no rows that could be written.
    """

    def read(reply: Reply) -> WrittenResult:
        body = reply.json_object()
        if "uri" not in body and body.keys() & {"rows", "value"}:
            advice = "it ran, but returned no rows that could be written; remove its result_path"
            raise BadInput("job_id", job_id, advice)
        return written_from(body)

    parse = _reader(job_id, read, "where the rows were written")
    return Call(method="GET", path=f"{path_of(job_id)}/result", parse=parse)


def arrow(job_id: str, *, most_bytes: int = _MOST) -> Call[Any]:
    """Return every row of *job_id* as a pyarrow.Table, which uses the received bytes uncopied.

    At most *most_bytes* are read. Raises NotInstalled, before anything is sent, without pyarrow.
    """
    pa = installed("pyarrow", extra="arrow")

    def read(reply: Reply) -> Any:
        _refuse_other_than_arrow(reply, job_id)
        try:
            return pa.ipc.open_stream(pa.py_buffer(reply.body)).read_all()
        except (pa.ArrowException, OSError) as error:
            raise reply.not_as_expected(f"an Arrow stream was expected ({error})") from error

    return _arrow_call(job_id, read, most_bytes)


def pandas(job_id: str, *, most_bytes: int = _MOST) -> Call[Any]:
    """Return every row of *job_id* as a pandas.DataFrame; otherwise as :func:`arrow`.

    Raises BadInput for values that pandas cannot represent, such as dates after the year 9999.
    """
    installed("pandas", extra="pandas")
    call = arrow(job_id, most_bytes=most_bytes)

    def parse(reply: Reply) -> Any:
        table = call.parse(reply)
        try:
            # Column by column, so that not all of them are in memory twice.
            return table.to_pandas(split_blocks=True, self_destruct=True)
        except (ValueError, TypeError, NotImplementedError) as error:
            expected = f"pandas cannot represent its values ({error}); read them as Arrow"
            raise BadInput("result", job_id, expected) from error

    return replace(call, parse=parse)


def installed(package: str, *, extra: str) -> Any:
    """Import and return *package*; only now, so that Dag files do not need it.

    Raises NotInstalled, with the *extra* of this provider that installs it.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise NotInstalled(package, extra) from error


def arrow_into(
    job_id: str, sink: Callable[[bytes], object], *, most_bytes: int = 2**40
) -> Call[None]:
    """Write every row of *job_id* as an Arrow stream to *sink*, without keeping it in memory."""

    def read(reply: Reply) -> None:
        _refuse_other_than_arrow(reply, job_id)

    return _arrow_call(job_id, read, most_bytes, sink)


def _arrow_call(
    job_id: str,
    read: Callable[[Reply], T],
    most_bytes: int,
    sink: Callable[[bytes], object] | None = None,
) -> Call[T]:
    return Call(
        method="GET",
        path=f"{path_of(job_id)}/result",
        parse=_reader(job_id, read, "an Arrow stream"),
        headers={"Accept": ARROW},
        timeout=_ARROW_READ_TIMEOUT,
        most_bytes=most_bytes,
        sink=sink,
    )


def _reader(job_id: str, read: Callable[[Reply], T], expected: str) -> Callable[[Reply], T]:
    """Return *read* with our errors: JobLost for an unknown id, ProtocolError for a wrong body."""

    def parse(reply: Reply) -> T:
        if is_unknown(reply):
            raise JobLost(job_id, problem(reply))
        try:
            return read(checked(reply))
        except BadInput:
            raise
        except _UNFIT as error:
            raise reply.not_as_expected(f"{expected} was expected ({error!r})") from error

    return parse


def _refuse_written(body: Mapping[str, Any], job_id: str) -> None:
    if "uri" in body and "rows" not in body:
        raise _written_elsewhere(job_id, body["uri"])


def _written_elsewhere(job_id: str, uri: object) -> BadInput:
    return BadInput("job_id", job_id, f"its rows were written to {uri}; read them there")


def _refuse_other_than_arrow(reply: Reply, job_id: str) -> None:
    if not reply.headers.get("content-type", "").startswith(ARROW):
        _refuse_written(reply.json_object(), job_id)
        raise reply.not_as_expected("an Arrow stream was expected")
