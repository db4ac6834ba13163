from __future__ import annotations

import json

from tests.cli.conftest import Run
from tests.fakes.spark_master import FakeMaster

NO_LIBRA = {"LIBRA_URL": ""}
NO_MASTER = {"LIBRA_MASTER": ""}


def test_the_doctor_sees_master_and_libra_and_says_how_each_is(run: Run) -> None:
    result = run("doctor")

    assert result.exit_code == 0
    assert "The REST port of a Spark 4.3.0 master responds and is ready" in result.stderr
    assert "Libra (Spark 4.3.0, spark://m:7077) responds" in result.stderr


def test_every_step_is_a_line_with_its_result(run: Run) -> None:
    lines = run("doctor", **NO_LIBRA).stdout.splitlines()

    assert any("REST port" in each and "ok" in each for each in lines)
    assert any("retained drivers" in each and "skipped" in each for each in lines)


def test_a_failed_step_is_a_1_and_says_what_to_do(run: Run, fake_master: FakeMaster) -> None:
    fake_master.page["workers"] = []
    result = run("doctor", **NO_LIBRA)

    assert result.exit_code == 1
    assert "→ start workers with the spark:// URL on the master's web UI" in result.stdout
    assert "none of 0 workers is alive" in result.stderr


def test_the_steps_as_json_are_for_programs(run: Run) -> None:
    result = run("doctor", "--json", **NO_MASTER)
    steps = json.loads(result.stdout)

    assert result.exit_code == 0
    assert result.stderr == ""
    assert steps[0].keys() == {"name", "about", "outcome", "found", "advice"}
    assert {each["outcome"] for each in steps} <= {"ok", "warning", "failed", "skipped"}


def test_a_wrong_token_is_a_1_and_stays_unsaid(run: Run) -> None:
    result = run("doctor", LIBRA_TOKEN="a-wrong-token", **NO_MASTER)

    assert result.exit_code == 1
    assert "set the password to Libra's token" in result.stderr
    assert "a-wrong-token" not in result.output


def test_without_any_server_named_libra_is_looked_for_on_this_machine(run: Run) -> None:
    result = run("doctor", "--json", **NO_LIBRA, **NO_MASTER)

    assert {each["about"] for each in json.loads(result.stdout)} == {"http://127.0.0.1:8990"}


def test_a_master_that_is_no_url_is_bad_usage(run: Run) -> None:
    result = run("doctor", "--master", "yarn")

    assert result.exit_code == 2
    assert "spark://host:7077" in result.stderr
