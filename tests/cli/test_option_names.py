"""An error names the option that is wrong, not the parameter of the Python code below."""

from __future__ import annotations

import re

import pytest
from typer.core import TyperOption

from libra_provider.cli.app import COMMANDS, command
from libra_provider.cli.option_names import spelled
from tests.cli.conftest import Run

# Option → a value that is wrong for every command that has the option.
WRONG = {
    **dict.fromkeys(("--collects", "--broadcast", "--memory", "--worker-memory"), "2"),
    **dict.fromkeys(("--duration", "--task-duration", "--rtt", "--timeout"), "soon"),
    **dict.fromkeys(("--tasks", "--iterations", "--limit", "--cores", "--worker-cores"), "0"),
    **dict.fromkeys(("--mode", "--deploy-mode", "--kind", "--locality", "--preset"), "none"),
    **dict.fromkeys(("--py-files", "--jars", "--files", "--archives"), "none/such"),
    **dict.fromkeys(("--arrow", "--dag", "--file", "--verify"), "/none/such"),
    **dict.fromkeys(("--libra", "--rest", "--ui"), "localhost"),
    **dict.fromkeys(("--class", "--session", "--pool", "--packages", "--param"), "a"),
    "--conf": "memory=1",
    "--env": "=1",
    "--policy": "large_collect=2",
    "--result-path": "rows",
    "--name": " ",
    "--stream": "in",
    "--bandwidth": "fast",
    "--workers": "-1",
    "--master": "yarn",
    "--secret": "!",
    "--port": "99999",
    "--token": "a b",
}
# Command, or command and option → what else it needs until the option is looked at.
ALSO = {
    "sql": "1",
    "python": "1",
    "run": "/etl.jar --class Etl",
    "submit": "http://h/etl.py",
    "status": "driver-1",
    "logs": "driver-1",
    "kill": "driver-1",
    "result": "statement-1",
    "run --class": "/etl.py",
    "python --session": "1 --isolated",
    "python --pool": "1 --isolated",
    "submit --packages": "http://h/etl.py --conf spark.jars.packages=b",
    "decide --session": "--must-survive",
    "decide --worker-cores": "--worker-memory 8g",
    "decide --worker-memory": "--worker-cores 4",
    **{f"{name} --libra": "statement-1" for name in ("status", "logs", "kill")},
}
# Every value is valid, or only the server or the environment decides.
UNCHECKED = re.compile(r"sql --(session|pool)|serve --(data-dir|host)|(?!serve)\w+ --token")


def options() -> list[str]:
    """Each option that takes a value, after its command."""
    return [
        f"{name} {spelled(found)[str(each.name)]}"
        for name in COMMANDS
        for found in [command(name)]
        for each in found.params
        if isinstance(each, TyperOption) and not each.is_flag
    ]


@pytest.mark.parametrize("option", [each for each in options() if not UNCHECKED.match(each)])
def test_a_wrong_value_of_any_option_is_reported_by_the_name_of_the_option(
    run: Run, option: str
) -> None:
    name, flag = option.split()
    also = ALSO.get(option, ALSO.get(name, "")).split()
    result = run(name, f"{flag}={WRONG[flag]}", *also)

    assert result.exit_code == 2, result.stderr
    assert re.search(rf"(Invalid|Invalid value for|:) '?{flag}\b", result.stderr), result.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("run /etl.jar", "Missing --class: a JAR needs the name of its main class."),
        ("run /etl.py --shared", "Invalid --shared=True: kind python-file needs a dedicated"),
        ("sql 1 --limit=1 --result-path=/a", "does not apply with --result-path; omit it"),
        ("python 1 --deploy-mode=client", "only a dedicated driver has one; add --isolated or"),
        ("decide --session=a --must-survive", "but --must-survive requires a worker"),
        ("decide --policy=large=1GB", "Invalid --policy large='1GB': expected one of large_coll"),
        ("decide --mode=shared --deploy-mode=cluster", ": --mode='shared' means the shared driver"),
        ("submit http://h/a.py --conf=spark.cores.max=x", "Invalid --conf spark.cores.max='x'"),
        ("python --file=/dev/null", "Invalid --file='': expected non-empty text."),
    ],
)
def test_what_is_missing_or_contradicts_is_named_as_an_option_too(
    run: Run, arguments: str, sentence: str
) -> None:
    result = run(*arguments.split())

    assert result.exit_code == 2, result.stderr
    assert sentence in result.stderr


def test_a_setting_from_elsewhere_keeps_its_name(run: Run) -> None:
    result = run("serve", LIBRA_PORT="99999")

    assert result.exit_code == 2
    assert "Invalid port=99999: expected a number from 0 to 65535." in result.stderr
