"""Preview the decisions for the tasks of a Dag file; Airflow is loaded in a subprocess."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
from rich.table import Table
from rich.text import Text

from libra_provider.cli.console import print_data
from libra_provider.core.decision import Facts
from libra_provider.core.errors import BadInput
from libra_provider.core.units import readable_duration

_PREVIEW = "libra_provider.operators.preview"
_SHOWN = 400  # characters from the end of its error output


def preview_dag_file(
    path: Path, facts: Facts, policy: Mapping[str, str], *, within: float = 120.0
) -> list[dict[str, Any]]:
    """Each LibraOperator in the Dag file *path*: its ids, and its decision or error.

    *facts* supplement what the tasks declare. Raises BadInput if the file cannot be loaded *within*
    seconds; importing Airflow alone takes ten.
    """
    asked = {"facts": facts.to_json(), "policy": dict(policy)}
    try:
        done = subprocess.run(
            [sys.executable, "-m", _PREVIEW, str(path), json.dumps(asked)],
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        problem = f"loading this file took longer than {readable_duration(within)}"
        raise BadInput("--dag", str(path), problem) from error
    if done.returncode:
        problem = done.stderr.strip()[-_SHOWN:]
        raise BadInput("--dag", str(path), f"cannot load this file ({problem})")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    if not found:
        raise BadInput("--dag", str(path), "expected a Dag with a LibraOperator")
    return found


def print_previews(found: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print *found*; exits with 1 if a task has no valid placement."""
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        print_data(_table(found))
    if any(each["error"] for each in found):
        raise typer.Exit(1)


def _table(found: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("task", "placement", "rule", "reason")
    for each in found:
        name = ".".join(filter(None, (each["dag_id"], each["task_id"])))
        if decision := each["decision"]:
            place = f"{decision['mode'].upper()}, {decision['deploy_mode']}"
            table.add_row(*map(Text, (name, place, decision["rule"], decision["reason"])))
        else:
            table.add_row(Text(name), Text("error", "red"), "", Text(each["error"]))
    return table
