"""The import rule, read from the source; docs/architecture.md says why."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "libra_provider"

# A part of libra_provider → the other parts that it may import.
PARTS: Mapping[str, str] = {
    "core": "",
    "processes": "",
    "deploy_mode": "core",
    "jobs": "core",
    "clients": "core",
    "hooks": "clients core",
    "links": "clients core",
    "triggers": "hooks links clients core",
    "lifecycle": "triggers hooks links deploy_mode clients core",
    "operators": "lifecycle triggers hooks links deploy_mode clients core",
    "sensors": "lifecycle triggers hooks links clients core",
    "get_provider_info": "",
    "server": "jobs clients processes core",
    "cluster": "processes core",
    "cli": "server cluster deploy_mode clients core",
}
# Parts that will be added: what each may import, and what may import it.
PLANNED: Mapping[str, tuple[str, str]] = {
    "web": ("core", "server plugins"),
    "plugins": ("web links hooks clients core", ""),
    "decorators": ("operators sensors core", ""),
    "assets": ("hooks clients core", "triggers operators sensors"),
    "dbapi": ("clients core", "cli"),
    "calibration": ("deploy_mode clients core", "cli"),
}
# The rooms of a part, from the lowest floor up. A room is a folder or a module. It imports only
# rooms on lower floors, and none on its own floor.
FLOORS: Mapping[str, tuple[str, ...]] = {
    "clients": (
        "http steps",
        "stop submit_once",
        "artifact observation",
        "runtime_zip",
        "libra standalone",
        "doctor __init__",
    ),
    "jobs": (
        "bootstrap columns job_spec json_values parameters spark_errors tables timing",
        "files json_rows parquet python_errors sql_runner upload",
        "reporting result_body",
        "job packed_python",
        "references",
        "result_upload",
        "main __init__",
        "__main__",
    ),
    "lifecycle": (
        "delivery facts failures messages openlineage retrying task_record timing",
        "adoption metrics placement plan receipts",
        "on_kill submission",
        "recovery",
        "job_run __init__",
    ),
    "server": (
        "errors isolated_settings results statement_logs timing",
        "ledger/migrations/versions",
        "ledger/migrations",
        "model body_stream",
        "settings files",
        "signed_urls masters ledger",
        "network_probe artifacts external_jobs driver",
        "driver/host/jvm runners",
        "driver/host/python statements",
        "driver/host",
        "libra api/schemas",
        "api",
        "api/routes keep_alive retention",
        "app",
        "serving",
        "__init__",
        "__main__",
    ),
    "cli": (
        "console interrupts option_names options",
        "backends dag_file decision_view follow",
        "result_output servers",
        "cluster decide doctor jobs python result run serve sql submit",
        "app",
        "__init__",
        "__main__",
    ),
}
# A room that will be added → the room that it will stand beside.
PLANNED_ROOMS: Mapping[str, str] = {
    "clients/yarn": "clients/standalone",
    "clients/kubernetes": "clients/standalone",
}
# The first module of a process → all that the process may load, lazy imports included. The shared
# driver, for example, never loads Libra's web framework or its ledger.
PROCESSES: Mapping[str, str] = {
    "processes.python_keeper": "processes",
    "jobs.bootstrap": "jobs/bootstrap",
    "jobs.__main__": "jobs core",
    "server.driver.host.__main__": """
        server/driver/host server/driver/host/jvm server/driver/host/python server/driver
        server/errors server/model server/results server/statement_logs
        clients/http clients/observation clients/standalone jobs core
    """,
    "server.driver.host.python.interpreter": "server/driver/host/python jobs core",
}
# A package → the only places that import it.
AIRFLOW = ("hooks/", "links/", "triggers/", "lifecycle/", "operators/", "sensors/")
DRIVERS = ("jobs/", "server/driver/host/")
WEB = ("server/api/", "server/app.py", "server/serving.py")
ONLY_IN: Mapping[str, tuple[str, ...]] = {
    "airflow": AIRFLOW,
    "requests": ("clients/http/transport.py",),
    "urllib3": ("clients/http/transport.py",),
    "aiohttp": ("clients/http/transport.py",),
    "pyspark": DRIVERS,
    "py4j": DRIVERS,
    "pyarrow": (*DRIVERS, "server/results/", "server/api/result_pages.py"),
    "numpy": ("server/results/",),
    "fastapi": WEB,
    "starlette": (*WEB, "server/body_stream.py"),
    "pydantic": ("server/api/",),
    "pydantic_core": ("server/api/", "server/external_jobs/upload.py"),
    "uvicorn": ("server/serving.py", "server/keep_alive.py"),
    "sqlalchemy": ("server/ledger/",),
    "alembic": ("server/ledger/",),
    "typer": ("cli/",),
    "rich": ("cli/",),
    "libra_provider.jobs": (*DRIVERS, "server/runners/payload.py", "clients/runtime_zip.py"),
    "libra_provider.processes": ("processes/", "server/runners/spark_submit.py", "cluster/"),
}
HEAVY = ("pyspark", "fastapi", "pandas", "pyarrow", "sqlalchemy.orm", "uvicorn")


def dotted(path: Path) -> str:
    """The module in the file *path*, without ``libra_provider``: ``server.api`` or ``core.job``."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


MODULES = {dotted(path): path for path in sorted(PACKAGE.rglob("*.py"))}
FOLDERS = {path.relative_to(PACKAGE).parent.as_posix() for path in PACKAGE.rglob("__init__.py")}


@functools.cache
def imports(module: str) -> frozenset[str]:
    """What *module* imports, at the top, inside a function or by name: dotted names."""
    nodes = list(ast.walk(ast.parse(MODULES[module].read_text())))
    names = {alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names}
    names |= {str(literal) for n in nodes for literal in imported_by_name(n)}
    froms = [n for n in nodes if isinstance(n, ast.ImportFrom)]
    assert not any(each.level for each in froms), f"{module}: imports are absolute"
    return frozenset(names | {f"{n.module}.{a.name}" for n in froms for a in n.names})


def imported_by_name(node: ast.AST) -> list[object]:
    """The literal in ``import_module("…")``."""
    if not (isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module")):
        return []
    return [each.value for each in node.args if isinstance(each, ast.Constant)]


@functools.cache
def ours(module: str) -> frozenset[str]:
    """The modules of ours that *module* imports."""
    names = [n.removeprefix("libra_provider.") for n in imports(module) if is_ours(n)]
    return frozenset(n if n in MODULES else n.rpartition(".")[0] for n in names) - {""}


def is_ours(name: str) -> bool:
    return name.startswith("libra_provider.")


def part(module: str) -> str:
    return module.partition(".")[0]


def room(module: str) -> str:
    """Where *module* is: its part, or, in a part with floors, the room: ``clients/http``."""
    if part(module) not in FLOORS:
        return part(module)
    path = MODULES[module].relative_to(PACKAGE).with_suffix("")
    inner = path.parent if len(path.parts) > 2 else path
    return inner.as_posix()


def floors() -> dict[str, int]:
    """Each room of FLOORS and how high it lies."""
    return {
        f"{part}/{name}": height
        for part, rows in FLOORS.items()
        for height, row in enumerate(rows)
        for name in row.split()
    }


def circle(graph: Mapping[str, Iterable[str]]) -> list[str]:
    """The names of one circle in *graph*, or none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def loaded_by(module: str, seen: set[str] | None = None) -> set[str]:
    """*module*, and whatever of ours it imports, directly or not."""
    seen = set() if seen is None else seen
    if module not in seen:
        seen.add(module)
        for each in ours(module):
            loaded_by(each, seen)
    return seen


def test_each_part_is_in_the_table_and_nothing_else() -> None:
    parts = {part(module) for module in MODULES} - {"__init__", ""}

    assert parts == PARTS.keys()
    assert {name for row in PARTS.values() for name in row.split()} <= parts


def test_each_room_has_its_floor_and_each_floor_its_rooms() -> None:
    rooms = {room(module) for module in MODULES if part(module) in FLOORS}

    assert rooms == floors().keys()


def test_imports_point_down() -> None:
    upward = [
        f"{module} imports {each}"
        for module in MODULES
        for each in ours(module)
        if part(each) not in {part(module), *PARTS.get(part(module), "").split()}
    ]

    assert upward == []


def test_imports_point_down_inside_a_part() -> None:
    height = floors()
    upward = [
        f"{module} imports {each}"
        for module in MODULES
        if part(module) in FLOORS
        for each in ours(module)
        if part(each) == part(module) and room(each) != room(module)
        if height[room(each)] >= height[room(module)]
    ]

    assert upward == []


def test_no_module_imports_itself_in_a_circle() -> None:
    """An import inside a function counts: it would only hide a circle."""
    assert circle({module: ours(module) - {module} for module in MODULES}) == []


def test_no_room_imports_itself_in_a_circle() -> None:
    graph: dict[str, set[str]] = {}
    for module in MODULES:
        graph.setdefault(room(module), set()).update(room(each) for each in ours(module))

    assert circle({name: below - {name} for name, below in graph.items()}) == []


def test_what_is_planned_fits_without_an_exception() -> None:
    graph = {name: set(below.split()) for name, below in PARTS.items()}
    for name, (below, above) in PLANNED.items():
        graph.setdefault(name, set()).update(below.split())
        for each in above.split():
            graph.setdefault(each, set()).add(name)

    assert circle(graph) == []
    assert {each for below in graph.values() for each in below} <= PARTS.keys() | PLANNED.keys()
    assert set(PLANNED_ROOMS.values()) <= floors().keys()


def test_what_is_planned_does_not_exist_yet() -> None:
    """Once it does, its row moves to PARTS or FLOORS."""
    assert {*PLANNED, *PLANNED_ROOMS} & {*PARTS, *floors(), *FOLDERS} == set()


@pytest.mark.parametrize("module", PROCESSES)
def test_a_process_loads_only_what_is_its_own(module: str) -> None:
    own = tuple(f"{place.replace('/', '.')}." for place in PROCESSES[module].split())
    strays = [each for each in loaded_by(module) if not f"{each}.".startswith(own)]

    assert strays == []


def test_each_package_has_its_place() -> None:
    misplaced = [
        f"{module} imports {name}"
        for module, path in MODULES.items()
        for name in imports(module)
        for package, places in ONLY_IN.items()
        if f"{name}.".startswith(f"{package}.")
        and not path.relative_to(PACKAGE).as_posix().startswith(places)
    ]

    assert misplaced == []


def test_each_foreign_package_is_in_the_table() -> None:
    foreign = {name.partition(".")[0] for module in MODULES for name in imports(module)}

    assert foreign - sys.stdlib_module_names - {"libra_provider"} <= ONLY_IN.keys()


def test_the_vocabulary_needs_the_standard_library_only() -> None:
    names = {name for module in MODULES if part(module) == "core" for name in imports(module)}
    foreign = {name.partition(".")[0] for name in names} - {"libra_provider"}

    assert foreign <= sys.stdlib_module_names


def test_a_module_is_read_in_one_go() -> None:
    lines = {module: path.read_text().count("\n") for module, path in MODULES.items()}

    assert {module: count for module, count in lines.items() if count > 330} == {}


def printed_by(program: str) -> list[str]:
    """The words that the Python *program* prints, in a process that has imported nothing yet."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_a_dag_file_pulls_in_nothing_heavy() -> None:
    """Every Dag file is parsed again and again; pyspark alone would cost it half a second."""
    program = (
        "import airflow.sdk, sys\n"
        "airflow.sdk.DAG, airflow.sdk.BaseOperator, airflow.sdk.BaseSensorOperator\n"
        "before = set(sys.modules)\n"
        "import libra_provider.operators, libra_provider.sensors\n"
        f"print(*(name for name in {HEAVY} if name in set(sys.modules) - before))\n"
    )

    assert printed_by(program) == []


def test_the_command_line_does_not_import_airflow() -> None:
    program = "import libra_provider.cli, sys; print('airflow' in sys.modules)"

    assert printed_by(program) == ["False"]
