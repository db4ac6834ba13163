from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.spark.statements import ENDLESS, WAIT, Client


def test_the_old_contract_gets_text_with_20_rows(api: Client) -> None:
    body = api.submit("SELECT id, id * 2 AS d FROM range(25)")
    lines = body["result"].splitlines()

    assert lines[:2] == ["Schema: struct<id:bigint,d:bigint>", "[0,0]"]
    assert lines[-1] == "... showing 20 of 25 rows"
    assert len(lines) == 22


def test_parameters_are_bound_and_types_survive(api: Client) -> None:
    body = api.submit(
        "SELECT :day AS day, :n + 1 AS n, CAST(1.5 AS DECIMAL(10,2)) AS d, X'00FF' AS b,"
        " map('a', 1) AS m, named_struct('x', null) AS s, INTERVAL 3 MONTH AS i,"
        " TIMESTAMP_NTZ '2026-01-02 03:04:05' AS t",
        WAIT,
        parameters={"day": "it's", "n": 41},
    )
    page = api.rows(body["jobId"])

    assert page["rows"] == [
        [
            "it's",
            42,
            "1.50",
            "AP8=",
            [["a", 1]],
            {"x": None},
            "P0Y3M",
            "2026-01-02T03:04:05",
        ]
    ]
    assert page["schema"]["fields"][2]["type"] == "decimal(10,2)"
    assert api.arrow(body["jobId"]).read_all().num_rows == 1


@pytest.mark.parametrize(
    ("code", "error_class", "sql_state", "position"),
    [
        ("SELECT 1 FORM x y", "PARSE_SYNTAX_ERROR", "42601", "(line 1, pos 14)"),
        ("SELECT *\nFROM nope", "TABLE_OR_VIEW_NOT_FOUND", "42P01", "(line 2, pos 5)"),
        ("SELECT 1 / id FROM range(1)", "DIVIDE_BY_ZERO", "22012", "(line 1, pos 8)"),
        ("SELECT 1; SELECT 2", "PARSE_SYNTAX_ERROR", "42601", "(line 1, pos 10)"),
    ],
)
def test_an_error_is_one_sentence_with_class_and_position(
    api: Client, code: str, error_class: str, sql_state: str, position: str
) -> None:
    body = api.submit(code, WAIT)

    assert (body["state"], body["errorClass"]) == ("FAILED", error_class)
    assert body["sqlState"] == sql_state
    assert position in body["error"]
    assert "\tat " not in body["error"]


def test_too_many_rows_are_an_error_that_names_both_ways_out(api: Client) -> None:
    refused = api.submit("SELECT * FROM range(2000)", WAIT)
    given = api.submit("SELECT * FROM range(2000)", WAIT, resultLimit=2000)

    assert refused["state"] == "FAILED"
    assert "resultLimit" in refused["error"]
    assert "resultPath" in refused["error"]
    assert given["rowCount"] == 2000


def test_sessions_have_their_own_views(api: Client) -> None:
    api.submit("CREATE TEMP VIEW v AS SELECT 1 AS one", WAIT, session="a")
    mine = api.submit("SELECT * FROM v", WAIT, session="a")
    other = api.submit("SELECT * FROM v", WAIT, session="b")

    assert (mine["state"], other["state"]) == ("SUCCESS", "FAILED")


@pytest.mark.slow
def test_driver_and_api_die_by_sigkill_and_nothing_accepted_is_forgotten(tmp_path: Path) -> None:
    with _crashing(tmp_path) as (api, process):
        done = api.submit("SELECT 1 AS one", WAIT)["jobId"]
        java = "SELECT reflect('java.lang.System', 'getProperty', 'java.io.tmpdir')"
        scratch = api.rows(api.submit(java, WAIT)["jobId"])["rows"][0][0]
        running = api.submit(ENDLESS, {"Prefer": "wait=2"})["jobId"]
        os.kill(_only(_members(tmp_path, "java")), signal.SIGKILL)
        lost = api.status(running, WAIT)
        waited = api.submit("SELECT 2 AS two", WAIT)
        again = api.submit(ENDLESS, {"Prefer": "wait=2"})["jobId"]
        process.kill()
        _wait_until_gone(tmp_path)
    with _crashing(tmp_path) as (api, process):
        states = {job_id: api.status(job_id, WAIT)["state"] for job_id in (done, running, again)}
        rows = api.rows(done)["rows"]
        process.terminate()
        process.wait()

        assert not _members(tmp_path)
    assert scratch == str(tmp_path / "run" / "1")
    assert not (tmp_path / "run").exists()
    assert lost["state"] == "LOST"
    assert "Driver epoch 1 is over (its JVM ended" in lost["error"]
    assert waited["driver"]["epoch"] == 2
    assert states == {done: "SUCCESS", running: "LOST", again: "LOST"}
    assert rows == [[1]]


@contextmanager
def _crashing(data_dir: Path) -> Iterator[tuple[Client, subprocess.Popen[bytes]]]:
    """Libra without a keeper that would clean up after it: that is what is tested."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        "LIBRA_PORT": str(port),
        "LIBRA_DATA_DIR": str(data_dir),
        "LIBRA_SPARK_CONF": '{"spark.ui.port": "0", "spark.driver.memory": "512m"}',
    }
    command = [sys.executable, "-m", "libra_provider.server"]
    with (data_dir / "libra.log").open("a") as log:
        process = subprocess.Popen(command, env=os.environ | settings, stdout=log, stderr=log)
    client = Client(f"http://127.0.0.1:{port}", token="unused")
    try:
        client.wait_until_there()
        yield client, process
    finally:
        client.close()
        process.kill()
        process.wait()


def _members(data_dir: Path, name: str = "") -> list[int]:
    """The processes of the driver whose properties are in *data_dir*, alive ones only."""
    mark = f"{data_dir}/run/".encode()
    return [
        int(folder.name)
        for folder in Path("/proc").glob("[0-9]*")
        if mark in _read(folder / "cmdline") and name.encode() in _read(folder / "comm")
    ]


def _wait_until_gone(data_dir: Path) -> None:
    deadline = time.monotonic() + 300
    while _members(data_dir):
        assert time.monotonic() < deadline, "host or JVM outlive the API process"
        time.sleep(0.1)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _only(pids: list[int]) -> int:
    [pid] = pids
    return pid
