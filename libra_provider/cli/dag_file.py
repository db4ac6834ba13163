"""What the tasks of a Dag file would be decided to do; Airflow is asked in a process of its own."""

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

from libra_provider.cli.console import show
from libra_provider.core.decision import Facts
from libra_provider.core.errors import BadInput

_PREVIEW = "libra_provider.operators.preview"
_PATIENCE = 120  # seconds; Airflow takes ten to be imported
_SHOWN = 400  # characters of what it said last


def preview_dag_file(path: Path, facts: Facts, policy: Mapping[str, str]) -> list[dict[str, Any]]:
    """Each LibraOperator of the Dags in the file *path*: its ids, and its decision or its error.

    *facts* are known besides what the authors say. Raises BadInput for what is no Dag file.
    """
    asked = {"facts": facts.to_json(), "policy": dict(policy)}
    done = subprocess.run(
        [sys.executable, "-m", _PREVIEW, str(path), json.dumps(asked)],
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    if done.returncode:
        raise BadInput("--dag", str(path), f"it cannot be read ({done.stderr.strip()[-_SHOWN:]})")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    if not found:
        raise BadInput("--dag", str(path), "no Dag in it has a LibraOperator")
    return found


def print_previews(found: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """*found* on standard output; ends with 1 where one of them cannot be decided."""
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        show(_table(found))
    if any(each["error"] for each in found):
        raise typer.Exit(1)


def _table(found: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("task", "runs", "rule", "because")
    for each in found:
        name = ".".join(filter(None, (each["dag_id"], each["task_id"])))
        if decision := each["decision"]:
            place = f"{decision['mode'].upper()}, {decision['deploy_mode']}"
            table.add_row(*map(Text, (name, place, decision["rule"], decision["reason"])))
        else:
            table.add_row(Text(name), Text("error", "red"), "", Text(each["error"]))
    return table
