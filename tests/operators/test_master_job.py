"""What reaches a driver that has none of a job's files, and what it returns."""

from __future__ import annotations

import io
import json
import logging
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from libra_provider.operators import SparkClusterJobOperator
from tests.fakes.artifacts import SIGNATURE
from tests.fakes.libra import FakeLibra
from tests.fakes.server import Answer
from tests.fakes.spark_master import FakeMaster
from tests.fakes.task_runner import TaskRunner

both_ways = pytest.mark.parametrize("deferrable", [False, True], ids=["sync", "deferrable"])
Run = Callable[..., Any]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder as it is beside a Dag."""
    (tmp_path / "etl.py").write_text("print('hello')\n")
    (tmp_path / "app.jar").write_bytes(b"a jar")
    (tmp_path / "lookup.csv").write_text("a,b\n")
    (tmp_path / "env.tar.gz").write_bytes(b"an environment")
    package = tmp_path / "mylib"
    (package / "__pycache__").mkdir(parents=True)
    (package / "__init__.py").write_text("ANSWER = 42\n")
    (package / "__pycache__" / "x.pyc").write_bytes(b"cached")
    return tmp_path


@pytest.fixture
def run(runner: TaskRunner, master: FakeMaster) -> Run:  # noqa: ARG001 - it is submitted there
    """Run one try of a task to its end, also if it defers."""

    def run(*, deferrable: bool = False, before_end: Callable[[], Any] = int, **fields: Any) -> Any:
        def task() -> SparkClusterJobOperator:
            return SparkClusterJobOperator(
                task_id="etl", poll_interval=0.01, deferrable=deferrable, **fields
            )

        result = runner.run(task())
        if result.state == "deferred":
            before_end()
            result = runner.resume(task())
        return result

    return run


def request(master: FakeMaster) -> dict[str, Any]:
    [driver] = master.drivers.values()
    return driver.request


def order(master: FakeMaster) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(request(master)["environmentVariables"]["LIBRA_JOB"])
    return found


@both_ways
def test_a_python_file_reaches_its_driver_by_libra_and_its_rows_come_back(
    master: FakeMaster,
    libra: FakeLibra,
    runner: TaskRunner,
    run: Run,
    *,
    home: Path,
    deferrable: bool,
) -> None:
    """The file may be gone as soon as the driver is submitted."""
    libra.columns, libra.rows = ["n", "word"], [[1, "a"], [2, "b"]]
    file = home / "etl.py"
    result = run(
        application=str(file),
        application_args=["--day", "1"],
        deferrable=deferrable,
        before_end=file.unlink,
    )

    said = order(master)
    assert result.state == "success"
    assert runner.xcoms["return_value"] == [{"n": 1, "word": "a"}, {"n": 2, "word": "b"}]
    assert libra.store.content(said["application"]) == b"print('hello')\n"
    assert said["tag"] == runner.xcoms["job"]["tag"] == next(iter(libra.store.announced))
    assert request(master)["appArgs"][-3:] == ["{{USER_JAR}}", "--day", "1"]
    assert b"end_with_parent" in libra.store.content(request(master)["appResource"])
    assert zipfile.is_zipfile(io.BytesIO(libra.store.content(said["runtime"])))


def test_every_kind_of_file_is_shipped_and_urls_stay_as_they_are(
    master: FakeMaster, libra: FakeLibra, run: Run, home: Path
) -> None:
    libra.value = None
    result = run(
        application=str(home / "etl.py"),
        py_files=[str(home / "mylib"), "s3a://b/other.zip"],
        jars=[str(home / "app.jar"), "local:/opt/x.jar"],
        files=[str(home / "lookup.csv") + "#table", "hdfs:///y.csv"],
        archives=[str(home / "env.tar.gz") + "#env"],
    )

    said, properties = order(master), request(master)["sparkProperties"]
    [package], [table], [env] = said["py_files"], said["files"], said["archives"]
    jars = request(master)["appArgs"][request(master)["appArgs"].index("--jars") + 1].split(",")
    names = zipfile.ZipFile(io.BytesIO(libra.store.content(package))).namelist()
    assert result.state == "success"
    assert names == ["mylib/", "mylib/__init__.py"]
    assert table.endswith("/table")
    assert env.endswith("/env.tar.gz#env")
    assert libra.store.content(jars[0]) == b"a jar"
    assert jars[1] == "local:/opt/x.jar"
    assert "s3a://b/other.zip" in request(master)["appArgs"]
    assert "hdfs:///y.csv" in request(master)["appArgs"]
    assert SIGNATURE not in str({k: v for k, v in properties.items() if "jar" not in k})


def test_a_jar_keeps_its_main_class_and_is_fetched_by_url(
    master: FakeMaster, libra: FakeLibra, run: Run, home: Path
) -> None:
    result = run(application=str(home / "app.jar"), java_class="a.Main", jars=["local:/opt/x.jar"])

    sent = request(master)
    assert result.state == "success"
    assert sent["mainClass"] == "a.Main"
    assert libra.store.content(sent["appResource"]) == b"a jar"
    assert sent["sparkProperties"]["spark.jars"] == f"{sent['appResource']},local:/opt/x.jar"
    assert "LIBRA_JOB" not in sent["environmentVariables"]


def test_an_unchanged_file_is_sent_once(
    master: FakeMaster, libra: FakeLibra, run: Run, home: Path, runner: TaskRunner
) -> None:
    run(application=str(home / "etl.py"))
    runner.store.clear()
    before = len(libra.requests)
    run(application=str(home / "etl.py"))

    verbs = [(each.method, each.path.split("/")[3]) for each in libra.requests[before:]]
    assert len(master.drivers) == 2
    assert verbs.count(("HEAD", "artifacts")) == 3
    assert ("PUT", "artifacts") not in verbs


@pytest.mark.parametrize("long", [False, True], ids=["short", "long"])
def test_sql_runs_in_a_driver_of_its_own_and_returns_its_rows(
    master: FakeMaster, libra: FakeLibra, runner: TaskRunner, run: Run, long: bool
) -> None:
    sql = "select :n" + (" -- " + "x" * 40_000 if long else "")
    result = run(sql=sql, parameters={"n": 7}, result_limit=5)

    said = order(master)
    [announced] = libra.store.announced.values()
    assert result.state == "success"
    assert runner.xcoms["return_value"] == [{"n": 1}]
    assert (said["kind"], said["parameters"], said["result_limit"]) == ("sql", {"n": 7}, 5)
    assert (announced["kind"], announced["resultLimit"]) == ("sql", 5)
    if long:
        assert libra.store.content(said["sql_url"]).decode() == sql
    else:
        assert said["sql"] == sql


def test_the_text_of_python_is_shipped(
    master: FakeMaster, libra: FakeLibra, runner: TaskRunner, run: Run
) -> None:
    libra.value = {"answer": 42}
    result = run(python="{'answer': 6 * 7}", application_args=["x"])

    assert result.state == "success"
    assert runner.xcoms["return_value"] == {"answer": 42}
    assert libra.store.content(order(master)["application"]) == b"{'answer': 6 * 7}"


@pytest.mark.usefixtures("libra")
def test_rows_that_were_written_are_returned_as_their_place(
    master: FakeMaster, runner: TaskRunner, run: Run
) -> None:
    run(sql="select 1", result_path="s3a://lake/rows")

    found = runner.xcoms["return_value"]
    assert (found["uri"], found["rows"], found["bytes"]) == ("s3a://lake/rows", 1, 512)
    assert found["schema"]["type"] == "struct"
    assert order(master)["result_limit"] is None


@both_ways
@pytest.mark.parametrize(
    "states", [["FAILED"], ["RUNNING"]], ids=["says its receipt", "no receipt"]
)
def test_a_driver_that_keeps_no_promise_is_a_failure_that_says_so(
    libra: FakeLibra, run: Run, home: Path, states: list[str], *, deferrable: bool
) -> None:
    libra.announced_states, libra.announced_upload = states, False
    libra.error = "The driver ended without uploading the expected result"
    result = run(application=str(home / "etl.py"), fetch="all", deferrable=deferrable)

    [announced] = libra.store.announced.values()
    assert result.state == "up_for_retry"
    assert "failed: The driver ended without uploading the expected result" in str(result.error)
    assert announced["returns"]


def test_a_broken_promise_is_tried_again_by_another_driver(
    master: FakeMaster, libra: FakeLibra, runner: TaskRunner, run: Run, home: Path
) -> None:
    """The master calls the first one a success, which the next try would take for its own."""
    libra.announced_states = ["FAILED"]
    first = run(application=str(home / "etl.py"), fetch="all")
    libra.announced_states = ["SUCCESS"]
    second = run(application=str(home / "etl.py"), fetch="all")

    assert (first.state, second.state) == ("up_for_retry", "success")
    assert runner.xcoms["return_value"] == [{"n": 1}]
    assert len(master.drivers) == 2


def test_what_promised_nothing_may_end_without_a_receipt(
    libra: FakeLibra, runner: TaskRunner, run: Run, home: Path
) -> None:
    libra.announced_states, libra.announced_upload = ["RUNNING"], False
    result = run(application=str(home / "etl.py"))

    [tag] = libra.store.announced
    assert result.state == "success"
    assert "return_value" not in runner.xcoms
    assert libra.statements[tag].states == ["SUCCESS"]


@both_ways
@pytest.mark.parametrize("fetch", [None, "all"])
def test_what_was_handed_in_arrives_also_without_a_receipt(
    libra: FakeLibra,
    runner: TaskRunner,
    run: Run,
    *,
    home: Path,
    fetch: str | None,
    deferrable: bool,
) -> None:
    """The program left by os._exit, or Libra was away when it ended; its master knows how."""
    libra.announced_states = ["RUNNING"]
    result = run(application=str(home / "etl.py"), fetch=fetch, deferrable=deferrable)

    assert result.state == "success"
    assert runner.xcoms["return_value"] == [{"n": 1}]


def test_rows_are_found_by_the_output_of_a_driver_whose_receipt_libra_has_not(
    master: FakeMaster, libra: FakeLibra, runner: TaskRunner, run: Run, home: Path
) -> None:
    written = {"uri": "s3a://b/x", "rowCount": 1, "bytes": 512, "schema": None}
    master.logs = {"stdout": f"libra-receipt: {json.dumps({'written': written})}\n"}
    libra.announced_states, libra.announced_upload = ["RUNNING"], False
    result = run(application=str(home / "etl.py"), fetch="all", result_path="s3a://b/x")

    assert result.state == "success"
    assert runner.xcoms["return_value"]["uri"] == "s3a://b/x"


@both_ways
@pytest.mark.parametrize(
    ("states", "state"), [(["SUCCESS"], "success"), (["FAILED"], "up_for_retry")]
)
def test_a_driver_that_the_master_forgot_is_known_by_its_receipt(
    master: FakeMaster,
    libra: FakeLibra,
    runner: TaskRunner,
    run: Run,
    *,
    home: Path,
    states: list[str],
    state: str,
    deferrable: bool,
) -> None:
    libra.announced_states, libra.error = states, "ValueError: no such day"
    asked = []

    def forget(request: Any) -> Answer | None:
        if "/status/" in request.path:
            asked.append(request)
            if len(asked) == 2:
                master.drivers.clear()
        return None

    master.disturb = forget
    result = run(application=str(home / "etl.py"), deferrable=deferrable)

    assert result.state == state
    if state == "success":
        assert runner.xcoms["return_value"] == [{"n": 1}]
    else:
        assert "failed: ValueError: no such day" in str(result.error)


def test_a_failed_drivers_receipt_says_what_was_wrong_and_whether_it_is_final(
    master: FakeMaster, libra: FakeLibra, run: Run
) -> None:
    master.states, libra.announced_states = ["FAILED"], ["FAILED"]
    libra.error, libra.sql_state = "[PARSE_SYNTAX_ERROR] Syntax error at 'selec'.", "42601"
    result = run(sql="selec 1")

    assert result.state == "failed"
    assert "PARSE_SYNTAX_ERROR" in str(result.error)


@pytest.mark.parametrize(
    ("end", "fields"),
    [("FAILED", {}), ("KILLED", {}), ("SUBMITTED", {"queued_timeout": 0.05})],
    ids=["failed", "killed", "given up"],
)
def test_a_driver_that_is_gone_without_a_receipt_is_ended_at_libra_too(
    master: FakeMaster, libra: FakeLibra, run: Run, *, home: Path, end: str, fields: Any
) -> None:
    master.states, libra.announced_states = [end], ["RUNNING"]
    result = run(application=str(home / "etl.py"), **fields)

    [tag] = libra.store.announced
    assert result.state == "up_for_retry"
    assert libra.statements[tag].killed


@both_ways
def test_a_worker_that_does_not_reach_libra_is_told_by_the_name_of_the_setting(
    master: FakeMaster, libra: FakeLibra, run: Run, *, home: Path, deferrable: bool
) -> None:
    """Libra's public_url is its own loopback address unless somebody sets it."""
    master.states, libra.announced_states = ["ERROR"], ["PENDING"]
    master.message = "Exception from the cluster:\njava.net.ConnectException: Connection refused"
    result = run(application=str(home / "etl.py"), deferrable=deferrable)

    assert "ConnectException: Connection refused; the worker could not download" in str(
        result.error
    )
    assert "can reach Libra's public_url" in str(result.error)


def test_a_libra_that_is_away_at_the_end_costs_patience_and_names_the_way_to_the_result(
    master: FakeMaster, libra: FakeLibra, runner: TaskRunner, run: Run, home: Path
) -> None:
    def away(request: Any) -> Answer | None:
        return Answer(hang_up=True) if "/statements/" in request.path else None

    libra.disturb = away
    first = run(application=str(home / "etl.py"), patience=0.2)
    tag = runner.store["libra_job"]["tag"]
    libra.disturb = lambda _: None
    second = run(application=str(home / "etl.py"), patience=0.2)

    assert (first.state, second.state) == ("up_for_retry", "success")
    assert f"libra result {tag}" in str(first.error)
    assert runner.xcoms["return_value"] == [{"n": 1}]
    assert len(master.drivers) == 1


def test_a_libra_that_restarts_while_it_is_sent_files_costs_time_only(
    master: FakeMaster, libra: FakeLibra, run: Run, home: Path
) -> None:
    puts = []

    def break_once(request: Any) -> Answer | None:
        if request.method != "PUT":
            return None
        puts.append(request.path)
        return Answer(hang_up=True) if len(puts) in (1, 3) else None

    libra.disturb = break_once
    result = run(application=str(home / "etl.py"), patience=30)

    assert result.state == "success"
    assert len(master.drivers) == len(libra.store.announced) == 1


ETL = {"application": "etl.py"}


@pytest.mark.parametrize("conn_id", [None, "libra_default"], ids=["None", "not defined"])
@pytest.mark.parametrize(
    ("fields", "sentences"),
    [
        (ETL, ["application='", "libra_conn_id", "local:", "URL"]),
        ({"application": "local:/x.py", "py_files": ["mylib"]}, ["py_files='", "libra_conn_id"]),
        ({"python": "1"}, ["python=", "libra_conn_id"]),
        (
            {"sql": "select 1", "sql_runner": "/opt/r.py"},
            ["Missing result_path: ", "libra_conn_id"],
        ),
        (
            {"sql": "select 1", "result_path": "s3a://b/x"},
            ["Missing sql_runner: ", "libra_conn_id"],
        ),
        (
            {"application": "local:/x.py", "fetch": "all"},
            ["Missing result_path: ", "libra_conn_id"],
        ),
    ],
)
def test_without_libra_the_error_explains_the_choices_before_anything_is_sent(
    master: FakeMaster,
    runner: TaskRunner,
    run: Run,
    home: Path,
    *,
    fields: dict[str, Any],
    sentences: list[str],
    conn_id: str | None,
) -> None:
    """Not even the master is asked."""
    fields = {k: [str(home / v[0])] if k == "py_files" else v for k, v in fields.items()}
    if fields == ETL:
        fields = {"application": str(home / "etl.py")}
    result = run(libra_conn_id=conn_id, **fields)

    assert result.state == "failed"
    assert all(each in str(result.error) for each in sentences), result.error
    assert (master.requests, runner.store) == ([], {})


def test_what_ships_nothing_never_asks_libra(
    master: FakeMaster, libra: FakeLibra, run: Run
) -> None:
    result = run(application="local:/opt/etl.py", py_files=["s3a://b/lib.zip"])

    assert result.state == "success"
    assert libra.requests == []
    assert "LIBRA_JOB" not in request(master)["environmentVariables"]


@both_ways
def test_without_libra_sql_is_run_by_the_workers_runner_and_its_output_says_where_it_wrote(
    master: FakeMaster, runner: TaskRunner, run: Run, deferrable: bool
) -> None:
    written = {"uri": "s3a://b/x", "rowCount": 3, "bytes": 99, "schema": {"type": "struct"}}
    receipt = {"tag": "?", "event": "ended", "state": "SUCCESS", "written": written}
    master.logs = {"stdout": f"hello\nlibra-receipt: {json.dumps(receipt)}\n"}
    result = run(
        sql="select 1",
        result_path="s3a://b/x",
        sql_runner="local:/opt/libra/sql_runner.py",
        deferrable=deferrable,
    )

    said = order(master)
    assert result.state == "success"
    assert runner.xcoms["return_value"] == {
        "uri": "s3a://b/x",
        "rows": 3,
        "bytes": 99,
        "schema": {"type": "struct"},
    }
    assert (said["sql"], said["result_url"], said["runtime"]) == ("select 1", None, None)
    assert request(master)["appArgs"][-1] == "local:/opt/libra/sql_runner.py"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"application": "local:/x.py", "sql": "select 1"},
            "pass exactly one of application, sql, python; application is set too",
        ),
        ({}, "pass exactly one of application, sql, python"),
        (
            {"application": "local:/x.jar", "java_class": "M", "fetch": "all"},
            "a JAR returns no result",
        ),
        ({"application": "s3a://b/x.py", "fetch": "all"}, "a file at s3a: cannot return it"),
        ({"sql": "select 1", "fetch": "most"}, "expected all, one, value"),
        ({"sql": "select :a", "parameters": {"a": "x" * 100_000}}, "parameters='***'"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(
    master: FakeMaster, libra: FakeLibra, run: Run, fields: dict[str, Any], sentence: str
) -> None:
    try:
        error = str(run(**fields).error)
    except ValueError as raised:  # by the constructor
        error = str(raised)

    assert sentence in error
    assert master.requests == libra.requests == []


@pytest.mark.usefixtures("libra")
def test_a_package_is_a_folder_with_init(master: FakeMaster, run: Run, home: Path) -> None:
    (home / "mylib" / "__init__.py").unlink()
    result = run(application="local:/x.py", py_files=[str(home / "mylib")])

    assert result.state == "failed"
    assert "the directory has no __init__.py" in str(result.error)
    assert master.drivers == {}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.usefixtures("libra")
def test_a_file_that_cannot_be_read_is_named(run: Run, home: Path) -> None:
    (home / "etl.py").chmod(0)
    result = run(application=str(home / "etl.py"))

    assert "it cannot be read (Permission denied)" in str(result.error)


@both_ways
@pytest.mark.usefixtures("libra")
def test_signed_urls_appear_nowhere_that_people_see(
    master: FakeMaster,
    runner: TaskRunner,
    run: Run,
    *,
    home: Path,
    caplog: pytest.LogCaptureFixture,
    deferrable: bool,
) -> None:
    """Anyone who has one may fetch the file, or upload a result."""
    url = f"http://libra/artifacts/{SIGNATURE}/{'a' * 64}/x.jar"
    master.logs = {"stderr": f"INFO SparkContext: Added JAR {url} at {url}\n"}
    with caplog.at_level(logging.DEBUG, logger="libra_provider"):
        run(application=str(home / "etl.py"), jars=[str(home / "app.jar")], deferrable=deferrable)

    everything = [runner.xcoms, runner.store, runner.states, caplog.text]
    assert SIGNATURE in str(request(master))
    assert "Added JAR http://libra/artifacts/***/" in caplog.text
    assert SIGNATURE not in str(everything)
