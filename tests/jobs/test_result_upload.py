"""What is uploaded from a real session: rows of every type, within limits, or written."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
import pytest
from pyspark.errors import ParseException
from pyspark.sql import SparkSession

from libra_provider.core.errors import BadInput
from libra_provider.jobs import main, result_body, result_upload
from libra_provider.jobs.job import Job, ResultTooLarge, set_current_job
from libra_provider.jobs.job_spec import JobSpec
from libra_provider.server.results import store
from libra_provider.server.results.from_json import table_of
from tests.fakes.server import Answer
from tests.fakes.signed import SignedEndpoints

EVERY_TYPE = """
SELECT 1Y a, 2S b, 3 c, 4L d, 1.5F e, double('NaN') f, -double('Infinity') g, 0.00BD h,
  123456789012345678.90BD i, 'text' j, true k, X'00FF' l, DATE'2026-01-31' m,
  TIMESTAMP'2026-01-31 12:00:00.5 Europe/Berlin' n, TIMESTAMP_NTZ'2026-01-31 12:00:00' o,
  INTERVAL '-1 02:03:04.000005' DAY TO SECOND p, INTERVAL '1-2' YEAR TO MONTH q,
  make_interval(1, 2, 0, 3) r, parse_json('{"x": [1]}') s, array(1, null) t,
  map('k', DATE'2026-01-31') u, named_struct('x', 0.10BD, 'y', array(X'01')) v, null w,
  1 `two`, 2 `two`
"""


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    # Not UTC, in which a mistake would not show.
    session = builder.config("spark.sql.session.timeZone", "America/New_York").getOrCreate()
    yield session
    session.stop()


@pytest.fixture
def libra() -> Iterator[SignedEndpoints]:
    with SignedEndpoints() as running:
        yield running
    set_current_job(Job(JobSpec(tag="over")))


@pytest.fixture
def job(libra: SignedEndpoints) -> Job:
    """A job that may return three rows."""
    running = Job(JobSpec.of(json.loads(libra.order("5" * 32, result_limit=3))))
    set_current_job(running)
    return running


def page_of(body: result_body.Body, folder: Path) -> dict[str, Any]:
    """The rows as Libra gives them out."""
    file = folder / "rows.arrow"
    file.write_bytes(body.content)
    return store.page(file, offset=0, limit=10)


def test_rows_are_the_same_with_and_without_pyarrow(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker need not have it; values, schema and order of columns are no other for that."""
    frame = spark.sql(EVERY_TYPE)
    with_arrow = result_body.body_of(frame, 3)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pyarrow", None)
        without = result_body.body_of(frame, 3)
    page, said = page_of(with_arrow, tmp_path), json.loads(without.content)
    taken = table_of(said["schema"], said["rows"])
    store.write(tmp_path / "taken", taken, json.dumps(said["schema"]))

    assert (with_arrow.content_type, without.content_type) == (result_body.ARROW, result_body.JSON)
    assert (said["schema"], said["rows"]) == (page["schema"], page["rows"])
    assert store.page(tmp_path / "taken", offset=0, limit=10) == page
    assert page["columns"][-2:] == ["two", "two"]


def test_empty_arrays_and_maps_are_values(spark: SparkSession, tmp_path: Path) -> None:
    """What is in them is of no type, for which pyarrow has no form unless it may be null."""
    body = result_body.body_of(spark.sql("SELECT array(), map(), named_struct('x', array())"), 3)

    assert page_of(body, tmp_path)["rows"] == [[[], [], {"x": []}]]


@pytest.mark.parametrize("rows", [3, 4])
def test_as_many_rows_as_the_limit_and_no_more_are_handed_in(
    spark: SparkSession, libra: SignedEndpoints, job: Job, rows: int
) -> None:
    frame = spark.range(rows)
    if rows > job.spec.result_limit:
        with pytest.raises(ResultTooLarge, match=r"more than result_limit=3 rows; .* result_path"):
            result_upload.result(frame)
    else:
        result_upload.result(frame)

    assert len(libra.results) == (rows <= job.spec.result_limit)


def test_only_as_many_rows_are_computed_as_tell_that_there_are_too_many(
    spark: SparkSession, job: Job
) -> None:
    """Each row of this one that is computed beyond them would fail."""
    frame = spark.sql("SELECT if(id > 10, raise_error('computed'), id) FROM range(0, 1000, 1, 1)")
    with pytest.raises(ResultTooLarge, match="more than result_limit=3 rows"):
        result_upload.result(frame)

    assert not job.has_result


@pytest.mark.usefixtures("spark", "job")
@pytest.mark.parametrize("kind", ["pandas", "arrow"])
def test_tables_of_pandas_and_arrow_are_rows(libra: SignedEndpoints, kind: str) -> None:
    columns = {"n": [1, 2], "at": [datetime(2026, 1, 31, 12, tzinfo=UTC)] * 2}
    table: Any = pd.DataFrame(columns) if kind == "pandas" else pa.table(columns)
    result_upload.result(table)
    [request] = libra.results
    found = pa.ipc.open_stream(io.BytesIO(request.body)).read_all()

    assert request.headers["content-type"] == result_body.ARROW
    assert found.to_pydict() == columns
    assert b"spark_schema" in found.schema.metadata


def test_a_table_with_too_many_rows_is_refused_before_spark_has_it(job: Job) -> None:
    with pytest.raises(ResultTooLarge, match="more than result_limit=3 rows"):
        result_upload.result(pd.DataFrame({"n": range(4)}))

    assert not job.has_result


def test_with_a_result_path_any_number_of_rows_is_written(
    spark: SparkSession, libra: SignedEndpoints, job: Job, tmp_path: Path
) -> None:
    folder = tmp_path / "rows"
    job.spec = replace(job.spec, result_path=str(folder))
    result_upload.result(pd.DataFrame({"n": range(9)}))
    assert job.written is not None

    assert (job.written["uri"], job.written["rowCount"]) == (f"file:{folder}", 9)
    assert job.written["bytes"] > 0
    assert job.written["schema"]["fields"][0]["name"] == "n"
    assert spark.read.parquet(str(folder)).count() == 9
    assert libra.results == []


@pytest.mark.parametrize("theirs", ["theirs.csv", "part-00000-9f.c000.csv", "customers.parquet"])
def test_what_somebody_else_has_written_is_left_alone(
    spark: SparkSession, job: Job, tmp_path: Path, theirs: str
) -> None:
    (tmp_path / theirs).write_text("1")
    job.spec = replace(job.spec, result_path=str(tmp_path))
    with pytest.raises(BadInput, match=f"result_path=.* contains '{theirs}', which Libra has not"):
        result_upload.result(spark.range(1))

    assert (tmp_path / theirs).read_text() == "1"


def test_more_bytes_than_libra_takes_are_an_error_with_the_ways_out(
    spark: SparkSession, libra: SignedEndpoints, job: Job
) -> None:
    libra.refusals["results"] = Answer(413, {"detail": "More than 64 MiB."})
    with pytest.raises(ResultTooLarge, match=r"More than 64 MiB.*narrower rows.*result_path"):
        result_upload.result(spark.range(1))

    assert not job.has_result


@pytest.mark.usefixtures("spark")
def test_a_statement_is_bound_and_its_rows_handed_in(
    libra: SignedEndpoints, job: Job, tmp_path: Path
) -> None:
    parameters = {"day": {"type": "date", "value": "2026-01-31"}, "n": 2}
    job.spec = replace(job.spec, parameters=parameters)
    main._run_statement("SELECT :day + INTERVAL '1' DAY AS d, :n AS n", job.spec)
    [request] = libra.results
    page = page_of(result_body.Body("", request.body, 0), tmp_path)

    assert page["rows"] == [["2026-02-01", 2]]


def test_a_command_returns_no_columns(
    spark: SparkSession, libra: SignedEndpoints, job: Job
) -> None:
    main._run_statement("CREATE TEMP VIEW made AS SELECT 1", job.spec)

    assert libra.result == {"schema": {"type": "struct", "fields": []}, "rows": []}
    assert spark.table("made").count() == 1


@pytest.mark.usefixtures("spark")
def test_two_statements_in_one_text_are_an_error(job: Job) -> None:
    with pytest.raises(ParseException, match="PARSE_SYNTAX_ERROR"):
        main._run_statement("SELECT 1; SELECT 2", job.spec)
