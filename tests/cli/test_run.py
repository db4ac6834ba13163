"""``libra run`` and ``libra python`` against a fake Libra on a real port."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from libra_provider.cli import app
from tests.cli.conftest import Run, Start
from tests.fakes.libra import FakeLibra

JAR = ("/jobs/etl.jar", "--main-class", "org.example.Etl")


def test_output_and_value_are_on_stdout_and_the_course_is_on_stderr(
    run: Run, fake_libra: FakeLibra
) -> None:
    fake_libra.logs = {"stdout": "read 3 flights\nlast", "stderr": "careful\n"}
    fake_libra.value = {"flights": 3}

    result = run("python", "work()")

    assert result.exit_code == 0
    assert result.stdout == 'read 3 flights\nlast\n{"flights": 3}\n'
    assert "statement-0 is running on Libra's shared driver at 127.0.0.1" in result.stderr
    assert "\ncareful\n" in result.stderr


@pytest.mark.parametrize(
    ("value", "options", "stdout"),
    [
        ("text", (), "text\n"),
        ("text", ("--json",), '"text"\n'),
        (None, (), ""),
        (None, ("--json",), "null\n"),
        (False, (), "false\n"),
    ],
)
def test_a_value_is_printed_for_people_or_as_json(
    run: Run, fake_libra: FakeLibra, value: object, options: tuple[str, ...], stdout: str
) -> None:
    fake_libra.value = value

    assert run("python", "work()", *options).stdout == stdout


def test_rows_of_python_are_printed_as_those_of_sql(run: Run, fake_libra: FakeLibra) -> None:
    fake_libra.columns, fake_libra.rows = ["n"], [[1], [2]]

    as_csv, as_table = run("python", "df", "--csv"), run("python", "df")

    assert as_csv.stdout == "n\n1\n2\n"
    assert "│ 2 │" in as_table.stdout


def test_code_comes_from_an_argument_a_file_or_standard_input(
    run: Run, servers: dict[str, str], fake_libra: FakeLibra, tmp_path: Path
) -> None:
    file = tmp_path / "code.py"
    file.write_text("of_a_file()\n")
    run("python", "of_an_argument()", "--", "--day", "1")
    run("python", "--file", str(file), "--", "--day", "2")
    CliRunner().invoke(app, ["python", "-", "3"], env=servers, input="of_stdin()\n")

    assert [(each.body["code"], each.body["args"]) for each in fake_libra.statements.values()] == [
        ("of_an_argument()", ["--day", "1"]),
        ("of_a_file()\n", ["--day", "2"]),
        ("of_stdin()\n", ["3"]),
    ]


def test_options_of_python_travel_as_they_were_meant(run: Run, fake_libra: FakeLibra) -> None:
    run("python", "1", "--session", "mine", "--pool", "interactive", "--limit", "7")
    run("python", "1", "--isolated", "--deploy-mode", "client", "--conf", "spark.driver.memory=2g")

    shared, isolated = fake_libra.statements.values()
    assert (shared.session, shared.body["pool"], shared.body["resultLimit"]) == (
        *("mine", "interactive"),
        7,
    )
    assert isolated.body == {
        "kind": "python",
        "code": "1",
        "mode": "isolated",
        "deployMode": "client",
        "sparkConfig": {"spark.driver.memory": "2g"},
    }


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        (("/jobs/etl.py",), {"kind": "python-file", "filePath": "/jobs/etl.py"}),
        (
            (*JAR, "--deploy-mode", "cluster", "--timeout", "10 min", "--", "--day", "1"),
            {
                "kind": "jar",
                "filePath": "/jobs/etl.jar",
                "mainClass": "org.example.Etl",
                "args": ["--day", "1"],
                "deployMode": "cluster",
                "timeoutSeconds": 600,
            },
        ),
        (
            (*JAR, "--shared", "--name", "etl"),
            {
                "kind": "jar-class",
                "filePath": "/jobs/etl.jar",
                "mainClass": "org.example.Etl",
                "description": "etl",
                "mode": "shared",
            },
        ),
        (("/jobs/etl.py", "--its-own"), {"args": ["--its-own"]}),
    ],
    ids=["py", "jar", "shared", "own options"],
)
def test_a_file_is_sent_by_its_kind(
    run: Run, fake_libra: FakeLibra, arguments: tuple[str, ...], body: dict[str, object]
) -> None:
    result = run("run", *arguments)

    assert result.exit_code == 0, result.output
    assert fake_libra.statements["statement-0"].body.items() >= body.items()


def test_a_relative_path_is_found_here(
    run: Run, fake_libra: FakeLibra, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "etl.py").touch()
    monkeypatch.chdir(tmp_path)

    run("run", "etl.py")

    assert fake_libra.statements["statement-0"].body["filePath"] == str(tmp_path / "etl.py")


def test_who_does_not_wait_gets_the_id(run: Run, fake_libra: FakeLibra) -> None:
    fake_libra.states = ["RUNNING"]

    assert run("run", *JAR, "--no-wait").stdout == "statement-0\n"


def test_a_failure_ends_with_1_its_output_first_and_its_sentence_last(
    run: Run, fake_libra: FakeLibra
) -> None:
    fake_libra.states, fake_libra.error = ["RUNNING", "FAILED"], "NameError: nmae (line 3)"
    fake_libra.logs = {"stdout": "so far\n"}

    result = run("python", "nmae")

    assert (result.exit_code, result.stdout) == (1, "so far\n")
    assert result.stderr.endswith("statement-0 failed: NameError: nmae (line 3)\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("python",), "Missing CODE"),
        (
            ("python", "--file", "/none/such.py"),
            "Invalid --file='/none/such.py': it cannot be read (No such file or directory)",
        ),
        (("python", "1", "--deploy-mode", "client"), "Invalid --deploy-mode='client'"),
        (
            ("python", "1", "--json", "--csv"),
            "Invalid --csv=True: expected only one of --json and --csv",
        ),
        (("run",), "Missing argument"),
        (("run", "none.py"), "Invalid FILE='none.py': there is no file"),
        (("run", "/etl.scala"), "expected a file that ends in .py or .jar"),
        (("run", "/etl.jar"), "Missing --class"),
        (("run", *JAR, "--shared", "--isolated"), "expected only one of --shared and --isolated"),
        (("run", "/etl.py", "--shared"), "use --isolated, or pass the file as python"),
        (("run", *JAR, "--conf", "memory=2g"), "Invalid --conf memory='2g'"),
        (("run", *JAR, "--session", "mine"), "Invalid --session='mine'"),
    ],
)
def test_bad_usage_ends_with_2_before_anything_is_sent(
    run: Run, fake_libra: FakeLibra, arguments: tuple[str, ...], sentence: str
) -> None:
    result = run(*arguments)

    assert (result.exit_code, fake_libra.requests) == (2, [])
    assert sentence in result.stderr


@pytest.mark.parametrize("command", [("python", "work()"), ("run", *JAR)], ids=["python", "run"])
def test_ctrl_c_kills_it_says_so_and_ends_with_130(
    start: Start, fake_libra: FakeLibra, command: tuple[str, ...]
) -> None:
    fake_libra.states = ["RUNNING"]
    fake_libra.logs = {"stdout": "begun\n"}
    process = start(*command)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"

    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate()

    assert process.returncode == 130
    assert fake_libra.statements["statement-0"].killed
    assert stderr.endswith("statement-0 ended: killed\n")


def test_a_value_cannot_be_csv(run: Run, fake_libra: FakeLibra) -> None:
    fake_libra.value = 1

    result = run("python", "1", "--csv")

    assert result.exit_code == 1
    assert "the result is a single value; use --json instead of --csv" in result.stderr


def test_json_alone_is_on_stdout_where_nothing_is_printed(run: Run, fake_libra: FakeLibra) -> None:
    fake_libra.rows = [[1]]

    assert json.loads(run("python", "df", "--json").stdout) == [{"n": 1}]
