"""What users import, and that no name stands for two things."""

from __future__ import annotations

import ast
import inspect
import re
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from libra_provider.get_provider_info import get_provider_info

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "libra_provider").rglob("*.py"))
PACKAGES = [
    ".".join(path.relative_to(ROOT).parts[:-1]) for path in SOURCES if path.name == "__init__.py"
]
CODE = [
    path
    for folder in ("libra_provider", "tests", "demo", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = sorted((ROOT / "dags_examples").rglob("*.py"))
PUBLIC = {
    "libra_provider": ["__version__"],
    "libra_provider.cli": ["app", "main"],
    "libra_provider.core": ["Workload"],
    "libra_provider.hooks": ["LibraHook", "SparkMasterHook"],
    "libra_provider.jobs": ["reference", "result"],
    "libra_provider.links": [
        *("DriverLogLink", "SparkMasterLink", "SparkUiLink", "in_xcom", "targets"),
    ],
    "libra_provider.operators": [
        *("LibraOperator", "LibraStatementOperator", "SparkClusterJobOperator"),
    ],
    "libra_provider.sensors": ["LibraStatementSensor", "SparkDriverSensor"],
    "libra_provider.server": ["Settings", "serve"],
    "libra_provider.triggers": ["JobTrigger"],
}
# One thing, seen from both sides of Libra's REST API. All else has one name.
ON_BOTH_SIDES = {
    "Announcement": "the body of PUT /api/v1/jobs/{tag}",
    "Artifact": "a file that drivers fetch: its SHA-256 and its name",
    "LogPiece": "the reply of GET /api/v1/statements/{id}/log",
    "Session": "a session of Libra, as it is listed",
}


def imported(source: str) -> Iterator[tuple[str, str]]:
    """(module, name) for each ``from libra_provider… import …`` of the Python *source*."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("libra_provider"):
            yield from ((str(node.module), alias.name) for alias in node.names)


def shown(page: str) -> Iterator[tuple[str, str]]:
    """The same for the examples in the text of a *page*."""
    for line in re.findall(r"^ *(from libra_provider\S* import [\w, ]+)", page, re.MULTILINE):
        yield from imported(line)


def is_module(module: str, name: str) -> bool:
    path = ROOT.joinpath(*module.split("."), name)
    return path.is_dir() or path.with_suffix(".py").exists()


def is_package(module: str, name: str) -> bool:
    return f"{module}.{name}" in PUBLIC


def own_names(package: ModuleType) -> set[str]:
    """What the ``__init__`` of *package* defines or imports, except for modules."""
    tree = ast.parse(inspect.getsource(package))
    assigned = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    ours = {name for module, name in imported(ast.unparse(tree)) if not is_module(module, name)}
    return {name for name in assigned | ours if name == "__version__" or name[0] != "_"}


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_declares_what_it_offers(name: str) -> None:
    package = import_module(name)

    assert getattr(package, "__all__", []) == PUBLIC.get(name, [])
    assert own_names(package) == set(PUBLIC.get(name, []))


@pytest.mark.parametrize("name", PUBLIC)
def test_what_a_package_offers_is_there(name: str) -> None:
    package = import_module(name)

    assert sorted(PUBLIC[name]) == PUBLIC[name]
    assert [n for n in PUBLIC[name] if isinstance(getattr(package, n), ModuleType)] == []


@pytest.mark.parametrize("path", [*PAGES, *EXAMPLES], ids=lambda path: path.name)
def test_pages_and_examples_import_what_is_offered(path: Path) -> None:
    text = path.read_text()
    found = set(shown(text) if path.suffix == ".md" else imported(text))

    assert {
        (m, n) for m, n in found if n not in PUBLIC.get(m, []) and not is_package(m, n)
    } == set()


def test_what_airflow_looks_up_is_offered() -> None:
    paths = set(class_paths(get_provider_info()))

    assert paths
    assert {p for p in paths if p.rpartition(".")[2] not in PUBLIC[p.rpartition(".")[0]]} == set()


def class_paths(value: Any) -> Iterator[str]:
    """Each ``libra_provider.….Name`` inside of *value*."""
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from class_paths(each)
    elif isinstance(value, str) and re.fullmatch(r"libra_provider\.[\w.]+\.[A-Z]\w*", value):
        yield value


def test_what_is_private_stays_in_its_module() -> None:
    names = {each for path in CODE for each in imported(path.read_text())}

    assert {name for _, name in names if name[0] == "_"} == {"__version__"}


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_says_in_one_sentence_what_is_in_it(name: str) -> None:
    first = (import_module(name).__doc__ or "").partition("\n\n")[0].strip()

    assert first.endswith(".")
    assert "\n" not in first


def test_a_class_name_stands_for_one_thing() -> None:
    places = defaultdict(list)
    for path in SOURCES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(path.relative_to(ROOT).parts[1])
    twice = {name: sorted(parts) for name, parts in places.items() if len(parts) > 1}

    assert twice == {name: ["clients", "server"] for name in ON_BOTH_SIDES}
