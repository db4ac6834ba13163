"""Uploads are validated before they are stored: nothing else reaches a result, or a disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libra_provider.core.errors import BadInput
from libra_provider.core.units import MIB
from libra_provider.server.errors import BodyTooLarge
from libra_provider.server.external_jobs.upload import UploadLimit, checked
from tests.server.announcing import ARROW, SCHEMA, AnnouncedJob, stream
from tests.server.conftest import MakeLibra
from tests.server.running import RunningLibra

LIMIT = UploadLimit(rows=10, size=MIB)


def arrow(table: pa.Table, names: list[str] | None = None) -> bytes:
    """*table* with a schema of Spark's that has these names."""
    fields = [{"name": name, "type": "x"} for name in names or table.column_names]
    metadata = {"spark_schema": json.dumps({"fields": fields})}
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema.with_metadata(metadata)) as writer:
        writer.write_table(table)
    found: bytes = sink.getvalue().to_pybytes()
    return found


NUMBERS = pa.table({"n": [1, 2]})
NANOS = pa.table({"t": pa.array([1], pa.timestamp("ns"))})
NESTED_NANOS = pa.table({"t": pa.array([[1]], pa.list_(pa.duration("s")))})
WORDS = pa.table({"w": pa.array(["a", "b"]).dictionary_encode()})
BROKEN = pa.table({"w": pa.array([b"\xff"], pa.binary()).view(pa.utf8())})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "it is incomplete"),
        (b"no Arrow at all", "it is incomplete"),
        (stream([1, 2])[:-8], "it is incomplete"),
        (stream([1, 2])[:-30] + stream()[-8:], "cannot be"),
        (stream([1])[len(stream()) - 8 :], "cannot be read"),
        (stream([1], schema=None), "must be Spark's schema"),
        (arrow(NUMBERS, ["m"]), r"of the columns \['n'\]"),
        (arrow(NANOS), "times in microseconds"),
        (arrow(NESTED_NANOS), "times in microseconds"),
        (arrow(WORDS), "what Spark's types are"),
        (arrow(BROKEN), "cannot be read"),
        (stream([1] * 9, compression="zstd"), "uncompressed"),
        (stream([1] * 9, compression="lz4"), "uncompressed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_stream_of_rows_as_spark_has_them_is_refused(
    tmp_path: Path, body: bytes, words: str
) -> None:
    (tmp_path / "body").write_bytes(body)

    with pytest.raises(BadInput, match=words):
        checked(tmp_path / "body", "d", ARROW, LIMIT)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_bytes_that_changed_on_the_way_never_break_libra(tmp_path: Path, data: Any) -> None:
    body = bytearray(stream([1, 2, 3], [4, 5]))
    for place in data.draw(st.lists(st.integers(0, len(body) - 9), min_size=1, max_size=8)):
        body[place] = data.draw(st.integers(0, 255))
    (tmp_path / "body").write_bytes(body)

    try:
        handed = checked(tmp_path / "body", "d", ARROW, LIMIT)
    except (BadInput, BodyTooLarge):
        return
    assert handed.outcome["row_count"] <= LIMIT.rows


@pytest.mark.parametrize("batches", [[list(range(11))], [[1] * 6, [2] * 5]], ids=str)
def test_more_rows_than_the_limit_name_both_ways_out(
    tmp_path: Path, batches: list[list[int]]
) -> None:
    (tmp_path / "body").write_bytes(stream(*batches))

    with pytest.raises(BodyTooLarge, match=r"more than resultLimit=10 rows; .* or .* resultPath"):
        checked(tmp_path / "body", "d", ARROW, LIMIT)


def test_more_bytes_than_the_limit_are_refused_while_they_come(make_libra: MakeLibra) -> None:
    with make_libra(result_max_bytes=100_000) as api:
        job, other = AnnouncedJob(api, resultLimit=10**6), AnnouncedJob(api, resultLimit=10**6)
        fits = job.rows(*range(10_000))
        large = other.rows(*range(20_000))
        endless = other.upload(iter([stream([1])] * 10_000))

        assert fits.status_code == 201
        assert (large.status_code, endless.status_code) == (413, 413)
        assert not list((api.folder / "incoming").iterdir())


def test_the_limits_are_those_of_the_job(api: RunningLibra) -> None:
    few, many = AnnouncedJob(api, resultLimit=2), AnnouncedJob(api, resultLimit=5000)
    answers = [few.rows(1, 2, 3), few.rows(1, 2), many.rows(*range(5000))]
    usual = AnnouncedJob(api).rows(*range(1001))

    assert [each.status_code for each in answers] == [413, 201, 201]
    assert (usual.status_code, "resultLimit=1000" in usual.json()["detail"]) == (413, True)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("[1]", "expected a JSON object"),
        ("{", "not JSON"),
        ('{"value": NaN}', "not JSON"),
        ('{"value": "\\ud800"}', "not JSON"),
        ("{}", "a value, or rows"),
        ('{"rows": [[1]]}', "a value, or rows"),
        (json.dumps({"schema": SCHEMA, "rows": [["x"]]}), "rows must match the schema"),
        (json.dumps({"schema": SCHEMA, "rows": [[1, 2]]}), "rows must match the schema"),
        (json.dumps({"schema": SCHEMA, "rows": [[1], []]}), "rows must match the schema"),
        (json.dumps({"schema": {"fields": [{}]}, "rows": []}), "rows must match the schema"),
        (json.dumps({"schema": SCHEMA, "rows": [1]}), "rows must match the schema"),
    ],
    ids=str,
)
def test_json_that_is_no_result_is_refused_with_a_sentence(
    api: RunningLibra, body: str, words: str
) -> None:
    reply = AnnouncedJob(api).upload(body, "application/json")

    assert reply.status_code == 400
    assert words in reply.json()["detail"]


def test_rows_as_json_are_the_rows_of_the_result(api: RunningLibra) -> None:
    job = AnnouncedJob(api)
    taken = job.json({"schema": SCHEMA, "rows": [[1], [None], [2**60]]})
    job.ended()
    page = job.result().json()

    assert taken.status_code == 201
    assert (page["rows"], page["schema"]) == ([[1], [None], [2**60]], SCHEMA)


def test_a_value_of_more_than_a_mebibyte_belongs_into_rows(api: RunningLibra) -> None:
    reply = AnnouncedJob(api).json({"value": "x" * MIB})

    assert reply.status_code == 413
    assert "return it as rows" in reply.json()["detail"]


def test_another_form_of_body_is_not_read(api: RunningLibra) -> None:
    assert AnnouncedJob(api).upload(b"n\n1\n", "text/csv").status_code == 415


def test_a_refused_upload_leaves_the_job_free_to_upload_better(api: RunningLibra) -> None:
    job = AnnouncedJob(api)
    refused = job.upload(b"x")
    taken = job.rows(1)

    assert (refused.status_code, taken.status_code) == (400, 201)
