"""The import rule of design.md, section 2, read from the source."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "libra_provider"
MODULES = sorted(PACKAGE.rglob("*.py"))

# part → the parts that it may import, besides itself
BELOW: dict[str, set[str]] = {
    "core": set(),
    "deploy_mode": {"core"},
    "clients": {"core"},
    "jobs": {"core"},
    "hooks": {"clients", "core"},
    "triggers": {"hooks", "links", "clients", "core"},
    "lifecycle": {"triggers", "hooks", "deploy_mode", "clients", "core"},
    "links": {"clients", "core"},
    "operators": {"lifecycle", "triggers", "hooks", "links", "deploy_mode", "clients", "core"},
    "sensors": {"lifecycle", "triggers", "hooks", "links", "clients", "core"},
    "decorators": {"operators", "sensors", "core"},
    "plugins": {"links", "hooks", "clients", "core"},
    "server": {"jobs", "deploy_mode", "clients", "core"},
    "cluster": {"jobs", "clients", "core"},
    "get_provider_info": set(),
    "cli": {"server", "cluster", "deploy_mode", "clients", "core"},
}
# foreign package → the only places that may import it
ONLY_IN: dict[str, tuple[str, ...]] = {
    "airflow": (
        *("hooks/", "triggers/", "lifecycle/", "links/"),
        *("operators/", "sensors/", "decorators/", "plugins/"),
    ),
    "requests": ("clients/http/transport.py",),
    "aiohttp": ("clients/http/transport.py",),
    "pyspark": ("jobs/", "server/driver/"),
    "py4j": ("jobs/", "server/driver/"),
    "fastapi": ("server/", "plugins/"),
    "uvicorn": ("server/",),
    "sqlalchemy": ("server/ledger",),
    "typer": ("cli.py", "cli/"),
}
HEAVY = ("pyspark", "fastapi", "pandas", "pyarrow", "sqlalchemy.orm", "uvicorn")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module or ""


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_imports_point_down(path: Path) -> None:
    part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    ours = {each.split(".")[1] for each in imports(path) if each.startswith("libra_provider.")}
    allowed = BELOW.get(part, set()) | {part, "__version__"}

    assert ours <= allowed


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_each_foreign_package_has_its_place(path: Path) -> None:
    foreign = {each.split(".")[0] for each in imports(path)}
    misplaced = {
        each for each in foreign & ONLY_IN.keys() if not name(path).startswith(ONLY_IN[each])
    }

    assert not misplaced


@pytest.mark.parametrize("path", sorted((PACKAGE / "core").glob("*.py")), ids=name)
def test_the_vocabulary_needs_the_standard_library_only(path: Path) -> None:
    foreign = {each.split(".")[0] for each in imports(path)} - {"libra_provider"}

    assert foreign <= sys.stdlib_module_names


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_is_read_in_one_go(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 330


def test_a_dag_file_pulls_in_nothing_heavy() -> None:
    """Every Dag file is parsed again and again; pyspark alone would cost it half a second."""
    program = (
        "import airflow.sdk, sys\n"
        "airflow.sdk.DAG, airflow.sdk.BaseOperator, airflow.sdk.BaseSensorOperator\n"
        "before = set(sys.modules)\n"
        "import libra_provider.operators, libra_provider.sensors\n"
        f"print(*(name for name in {HEAVY} if name in set(sys.modules) - before))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == []


def test_the_command_line_does_not_import_airflow() -> None:
    program = "import libra_provider.cli, sys; print('airflow' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "False"
