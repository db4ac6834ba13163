from __future__ import annotations

import json
import signal
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.cli.conftest import Run, Start
from tests.fakes.libra import TOKEN, FakeLibra
from tests.fakes.server import Answer, Request


def test_rows_are_a_table_on_stdout_and_the_course_is_on_stderr(
    run: Run, fake_libra: FakeLibra
) -> None:
    fake_libra.columns, fake_libra.rows = ["carrier", "delay"], [["F9", 20.2], ["AS", None]]

    result = run("sql", "SELECT 1")

    assert result.exit_code == 0
    assert "│ F9      │ 20.2  │" in result.stdout
    assert "│ AS      │ null  │" in result.stdout
    assert "statement-0 is running on Libra's shared driver at 127.0.0.1" in result.stderr
    assert result.stderr.endswith("2 rows\n")


def test_json_is_a_list_of_objects_and_nothing_else_on_stdout(
    run: Run, fake_libra: FakeLibra
) -> None:
    fake_libra.columns, fake_libra.rows = ["n", "name"], [[1, "Zürich"], [2, None]]

    result = run("sql", "SELECT 1", "--json")

    assert json.loads(result.stdout) == [{"n": 1, "name": "Zürich"}, {"n": 2, "name": None}]


def test_a_result_of_several_pages_is_whole(run: Run, fake_libra: FakeLibra) -> None:
    def two_rows_a_page(request: Request) -> Answer | None:
        parts = urlsplit(request.path)
        if not parts.path.endswith("/result"):
            return None
        offset = int(parse_qs(parts.query)["offset"][0])
        rows = [[n] for n in range(5)][offset : offset + 2]
        page = {"schema": {"fields": []}, "columns": ["n"], "rows": rows}
        return Answer(body=page | {"offset": offset, "rowCount": 5})

    fake_libra.disturb = two_rows_a_page

    result = run("sql", "SELECT 1", "--json")

    assert [row["n"] for row in json.loads(result.stdout)] == [0, 1, 2, 3, 4]


def test_a_short_statement_costs_one_request(run: Run, fake_libra: FakeLibra) -> None:
    fake_libra.states = ["SUCCESS"]

    result = run("sql", "SELECT 1", "--json")

    assert json.loads(result.stdout) == [{"n": 1}]
    assert [each.method for each in fake_libra.requests if "health" not in each.path] == ["POST"]


def test_options_travel_as_they_were_meant(run: Run, fake_libra: FakeLibra) -> None:
    run(
        *("sql", "SELECT :n", "--pool", "interactive", "--session", "mine", "--limit", "7"),
        *("--param", "n=5", "--param", "day=2013-01-01", "--param", "zip=01234"),
    )

    assert fake_libra.statements["statement-0"].session == "mine"
    assert fake_libra.statements["statement-0"].body == {
        "kind": "sql",
        "code": "SELECT :n",
        "pool": "interactive",
        "resultLimit": 7,
        "parameters": {"n": 5, "day": "2013-01-01", "zip": "01234"},
    }


def test_a_statement_that_fails_ends_with_1_and_its_sentence_last(
    run: Run, fake_libra: FakeLibra
) -> None:
    fake_libra.states, fake_libra.error = ["FAILED"], "[PARSE_SYNTAX_ERROR] near 'selec'."

    result = run("sql", "selec 1")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.endswith("statement-0 failed: [PARSE_SYNTAX_ERROR] near 'selec'.\n")


def test_two_columns_of_one_name_are_an_error_with_json_instead_of_one_column_less(
    run: Run, fake_libra: FakeLibra
) -> None:
    fake_libra.columns, fake_libra.rows = ["n", "n"], [[1, 2]]

    as_json, as_table = run("sql", "SELECT 1", "--json"), run("sql", "SELECT 1")

    assert as_json.exit_code == 2
    assert "Invalid columns=['n', 'n']: expected a different name for each column" in as_json.stderr
    assert "│ 1 │ 2 │" in as_table.stdout


def test_data_neither_styles_nor_steers_the_terminal(run: Run, fake_libra: FakeLibra) -> None:
    fake_libra.rows = [["[red]not markup[/red]"], ["\x1b[2Jcleared"]]

    result = run("sql", "SELECT 1")

    assert "[red]not markup[/red]" in result.stdout
    assert r"\x1b[2Jcleared" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("   ",), "Invalid STATEMENT='   '"),
        (("SELECT 1", "--limit", "0"), "Invalid --limit=0"),
        (("SELECT 1", "--param", "five"), "Invalid --param='five'"),
        (("SELECT 1", "--libra", "localhost:8990"), "Invalid --libra='localhost:8990'"),
        ((), "Missing argument"),
    ],
)
def test_bad_usage_ends_with_2_before_anything_is_sent(
    run: Run, fake_libra: FakeLibra, arguments: tuple[str, ...], sentence: str
) -> None:
    result = run("sql", *arguments)

    assert result.exit_code == 2
    assert sentence in result.stderr
    assert fake_libra.requests == []


def test_a_wrong_token_ends_with_1_and_shows_neither_token(run: Run) -> None:
    result = run("sql", "SELECT 1", LIBRA_TOKEN="something-else")

    assert result.exit_code == 1
    assert "denied access (HTTP 401)" in result.stderr
    assert TOKEN not in result.output
    assert "something-else" not in result.output


def test_ctrl_c_kills_the_statement_and_ends_with_130(start: Start, fake_libra: FakeLibra) -> None:
    fake_libra.states = ["RUNNING"]
    process = start("sql", "SELECT 1")
    assert process.stderr is not None
    assert "statement-0 is running" in process.stderr.readline()

    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate()

    assert process.returncode == 130
    assert fake_libra.statements["statement-0"].killed
    assert stderr.endswith("statement-0 ended: killed\n")
    assert stdout == ""
