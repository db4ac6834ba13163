"""``libra sql``: forms of a result, how far a statement is, and a Libra with the old API."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
import pytest

from tests.cli.conftest import Run, Start
from tests.fakes.libra import FakeLibra
from tests.fakes.old_libra import OldLibra


@pytest.fixture
def old_libra(servers: dict[str, str]) -> Iterator[OldLibra]:
    with OldLibra() as fake:
        servers["LIBRA_URL"] = fake.url
        yield fake


def test_csv_has_a_header_and_quotes_where_it_must(run: Run, fake_libra: FakeLibra) -> None:
    fake_libra.columns = ["name", "n"]
    fake_libra.rows = [['said "a, b"', None], ["two\nlines", {"a": [1]}]]

    result = run("sql", "SELECT 1", "--csv")

    assert list(csv.reader(io.StringIO(result.stdout))) == [
        ["name", "n"],
        ['said "a, b"', ""],
        ["two\nlines", '{"a": [1]}'],
    ]


def test_an_arrow_file_holds_the_rows_and_their_types(
    run: Run, fake_libra: FakeLibra, tmp_path: Path
) -> None:
    fake_libra.columns, fake_libra.rows = ["carrier", "n"], [["UA", 42], ["AA", 7]]

    result = run("sql", "SELECT 1", "--arrow", str(tmp_path / "top.arrow"))

    assert result.exit_code == 0
    assert result.stdout == ""
    table = pa.ipc.open_stream(tmp_path / "top.arrow").read_all()
    assert table.to_pydict() == {"carrier": ["UA", "AA"], "n": [42, 7]}
    assert [each.name for each in tmp_path.iterdir()] == ["top.arrow"]


def test_a_file_that_cannot_be_written_is_said_to_be_one(run: Run, tmp_path: Path) -> None:
    (tmp_path / "top.arrow.part").mkdir()

    result = run("sql", "SELECT 1", "--arrow", str(tmp_path / "top.arrow"))

    assert result.exit_code == 2
    assert "cannot write this file" in result.stderr


def test_a_written_result_is_told_by_its_place(run: Run, fake_libra: FakeLibra) -> None:
    table = run("sql", "SELECT 1", "--result-path", "s3a://lake/top", "--timeout", "10 min")
    as_json = run("sql", "SELECT 1", "--result-path", "s3a://lake/top", "--json")

    body = fake_libra.statements["statement-0"].body
    assert (body["resultPath"], body["timeoutSeconds"]) == ("s3a://lake/top", 600)
    assert "s3a://lake/top" in table.stdout
    assert json.loads(as_json.stdout)["uri"] == "s3a://lake/top"
    assert json.loads(as_json.stdout)["schema"]["fields"][0]["name"] == "n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--json", "--csv"), "expected only one of --json and --csv"),
        (("--csv", "--result-path", "/x"), "cannot be combined with --result-path"),
        (("--limit", "5", "--result-path", "/x"), "it does not apply with --result-path"),
        (("--arrow", "/nowhere/at/all"), "directory /nowhere/at does not exist"),
        (("--arrow", "/"), "expected a file, not a directory"),
        (("--timeout", "soon"), "Invalid --timeout='soon'"),
        (("--timeout", "0 s"), "Invalid --timeout=0.0"),
    ],
)
def test_options_that_contradict_each_other_end_with_2_before_anything_is_sent(
    run: Run, fake_libra: FakeLibra, arguments: tuple[str, ...], sentence: str
) -> None:
    result = run("sql", "SELECT 1", *arguments)

    assert result.exit_code == 2
    assert sentence in result.stderr
    assert fake_libra.requests == []


def test_status_says_how_far_a_statement_is(run: Run, fake_libra: FakeLibra) -> None:
    run("sql", "SELECT 1")
    fake_libra.statements["statement-0"].states = ["RUNNING"]
    fake_libra.progress = {"tasksDone": 35, "tasksTotal": 200, "stagesDone": 1, "stagesTotal": 3}

    result = run("status", "statement-0")

    assert "35 of 200 tasks, 1 of 3 stages" in result.stdout


def test_a_terminal_shows_a_bar_once_there_is_something_to_count(
    fake_libra: FakeLibra, servers: dict[str, str]
) -> None:
    """Three quarters of 30 places, after the statement's id."""
    fake_libra.states = ["RUNNING"]
    fake_libra.progress = {"tasksDone": 150, "tasksTotal": 200, "stagesDone": 1, "stagesTotal": 2}
    shown = _shown_until(
        "━" * 22, [sys.executable, "-m", "libra_provider.cli", "sql", "x"], servers
    )

    assert "━" * 22 in shown
    assert fake_libra.statements["statement-0"].killed


def _shown_until(mark: str, command: list[str], environment: dict[str, str]) -> str:
    """What *command* draws on a terminal until it has drawn *mark*; then it is interrupted."""
    ours, its = pty.openpty()
    environment = environment | {"TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen(command, stderr=its, stdout=subprocess.PIPE, env=environment)
    os.close(its)
    shown, deadline = b"", time.monotonic() + 300
    while mark.encode() not in shown and time.monotonic() < deadline:
        shown += os.read(ours, 65536)
    process.send_signal(signal.SIGINT)
    while process.poll() is None:
        _drain(ours)
    os.close(ours)
    process.communicate()
    return shown.decode(errors="replace")


def _drain(terminal: int) -> None:
    try:
        os.read(terminal, 65536)
    except OSError:  # its other end is closed
        time.sleep(0.05)


def test_an_old_libra_gives_its_text(run: Run, old_libra: OldLibra) -> None:
    result = run("sql", "SELECT 1")

    assert result.exit_code == 0
    assert result.stdout == "Schema: struct<n:int>\n[1]\nTotal rows: 1\n"
    assert len(old_libra.ran) == 1


def test_an_old_libra_has_no_rows_for_a_form(run: Run, old_libra: OldLibra) -> None:
    result = run("sql", "SELECT 1", "--json")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert "this old Libra returns plain text, not --json" in result.stderr
    assert len(old_libra.ran) == 1


def test_rows_that_an_old_libra_leaves_out_are_an_error(run: Run, old_libra: OldLibra) -> None:
    old_libra.rows = ["[1]"] * 21

    result = run("sql", "SELECT 1")

    assert result.exit_code == 1
    assert "returned only 20 of 21 rows" in result.stderr


def test_ctrl_c_says_that_an_old_libra_runs_on(start: Start, old_libra: OldLibra) -> None:
    old_libra.over.clear()
    process = start("sql", "SELECT 1")
    assert old_libra.arrived.wait(300)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate()
    old_libra.over.set()

    assert process.returncode == 130
    assert "this old Libra cannot kill a statement, which is still running" in stderr


@pytest.mark.parametrize("command", ["status", "kill"])
def test_an_old_libra_knows_nothing_of_a_statement(
    run: Run, old_libra: OldLibra, command: str
) -> None:
    result = run(command, "job-1")

    assert result.exit_code == 1
    assert "supports only Libra's old API" in result.stderr
    assert old_libra.ran == []
