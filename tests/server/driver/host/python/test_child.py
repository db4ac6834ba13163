"""The real processes, without Spark: its address is only looked at when it is used."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from libra_provider.core.units import MIB
from libra_provider.server.driver.host.python.child import ChildEnded, ChildLimits, PythonChild

LIMITS = ChildLimits(memory=400 * MIB, processes=20, log_size=1000)


class Python:
    def __init__(self, folder: Path, child: PythonChild | None = None) -> None:
        self.child = child or PythonChild(LIMITS, "a token", folder)
        self.log = folder / "statement"

    def run(self, code: str, *args: str, **limits: int | None) -> dict[str, Any]:
        self.child.log_to(self.log)
        words = {"code": code, "args": args, "address": "sc://localhost:1/;user_id=nobody"}
        return self.child.run({"most_rows": 5, "most_bytes": MIB // 2, **words, **limits})

    def why_it_ends(self, code: str) -> str:
        with pytest.raises(ChildEnded) as raised:
            self.run(code)
        return str(raised.value)

    def printed(self, stream: str) -> str:
        return self.log.with_name(f"{self.log.name}.{stream}").read_text()


@pytest.fixture
def python(tmp_path: Path) -> Iterator[Python]:
    python = Python(tmp_path)
    yield python
    python.child.end()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Python]:
    """For what leaves it as it was."""
    python = Python(tmp_path_factory.mktemp("child"))
    yield python
    python.child.end()


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("1 + 1", {"value": "2"}),
        ("x = 1", {}),
        ("", {}),
        ("None", {}),
        ("{'a': (1, 2.5, True, None, 'é')}", {"value": '{"a": [1, 2.5, true, null, "\\u00e9"]}'}),
        ("import decimal; decimal.Decimal('1.50')", {"value": '"1.50"'}),
        ("float('nan')", {"value": '"NaN"'}),
        ("import numpy; (numpy.int64(3), numpy.arange(2))", {"value": "[3, [0, 1]]"}),
        ("from pyspark.sql import Row; Row(a=1)", {"value": '{"a": 1}'}),
        ("{1: 2}", {"value": '"{1: 2}"'}),
        ("l = []; l.append(l); l", {"value": '"[[...]]"'}),
        ("import sys; sys.argv[1:]", {"value": '["a b", "--day"]'}),
        ("import sys; sys.exit()", {}),
        ("def f(x: int): pass\nf.__annotations__['x'] is int", {"value": "true"}),
    ],
)
def test_the_last_expression_is_the_value(
    shared: Python, code: str, answer: dict[str, Any]
) -> None:
    assert shared.run(code, "a b", "--day") == answer


@pytest.mark.parametrize(
    ("code", "what", "found"),
    [
        ("'x' * 2**21", "2.0 MiB as JSON, more than 1 MiB", (None, None)),
        (
            "import pandas as p; p.DataFrame({'a': range(6)})",
            "more than resultLimit=5 rows",
            (6, None),
        ),
        (
            "import pyarrow as p; p.table({'a': ['x' * 2**20]})",
            "more than 0.5 MiB",
            (None, 2**20 + 4),
        ),
    ],
)
def test_what_is_too_large_is_not_sent(
    shared: Python, code: str, what: str, found: tuple[int | None, int | None]
) -> None:
    answer = shared.run(code)

    assert answer["too_large"] == what
    assert answer["way_out"]
    assert (answer["rows"], answer["size"]) == found


def test_a_long_repr_is_cut(shared: Python) -> None:
    answer = shared.run("class Long:\n    def __repr__(self): return 'x' * 10**6\nLong()")

    assert len(answer["value"]) < 70_000


def test_variables_classes_and_modules_live_on(shared: Python) -> None:
    shared.run("import pickle\nclass Point:\n    x = 7\npoint = Point()")

    assert shared.run("pickle.loads(pickle.dumps(point)).x") == {"value": "7"}


@pytest.mark.parametrize(
    ("code", "kind", "line", "source"),
    [
        ("x = 1\n1 / 0\n", "ZeroDivisionError", 2, "1 / 0"),
        ("import json\n\njson.loads('no')", "JSONDecodeError", 3, "json.loads('no')"),
        ("def f():\n    raise KeyError\nf()", "KeyError", 2, "raise KeyError"),
        ("x = (\n", "SyntaxError", 1, "x = ("),
        ("import sys\nsys.exit(3)", "SystemExit", 2, "sys.exit(3)"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", 1, "raise KeyboardInterrupt"),
    ],
)
def test_a_failure_names_the_users_line(
    shared: Python, code: str, kind: str, line: int, source: str
) -> None:
    answer = shared.run(code)

    assert (answer["kind"], answer["line"], answer["source"]) == (kind, line, source)


def test_a_traceback_has_the_frames_of_the_user_only(shared: Python) -> None:
    shared.run("import json\ndef load(text):\n    return json.loads(text)")
    answer = shared.run("try:\n    load('no')\nexcept ValueError as error:\n    raise KeyError(1)")
    files = [line.split('"')[1] for line in answer["trace"].splitlines() if "File" in line]

    assert all(file.startswith("<statement ") for file in files)
    assert len(files) == 3
    assert answer["line"] == 4


def test_an_exception_that_cannot_be_shown_is_a_failure_all_the_same(shared: Python) -> None:
    answer = shared.run("class Odd(Exception):\n    def __str__(self): return 1 / 0\nraise Odd")

    assert answer["kind"] == "Odd"
    assert "ZeroDivisionError" in answer["message"]


def test_what_is_printed_can_be_read_while_it_runs(python: Python) -> None:
    """It waits for the test to have read its line."""
    seen = python.log.with_name("seen")
    code = (
        "import os, sys, time\nprint('now'); print('oops', file=sys.stderr)\n"
        f"while not os.path.exists({str(seen)!r}): time.sleep(0.01)\nprint('then')"
    )
    watcher = os.fork()
    if watcher == 0:
        while not (python.log.with_name("statement.stdout").exists() and python.printed("stdout")):
            time.sleep(0.01)
        seen.touch()
        os._exit(0)
    python.run(code)
    os.waitpid(watcher, 0)

    assert python.printed("stdout") == "now\nthen\n"
    assert python.printed("stderr") == "oops\n"


def test_a_flood_of_output_neither_blocks_nor_fills_the_disk(python: Python) -> None:
    answer = python.run("import sys\nfor _ in range(10**5): print('x' * 99)\n1")
    printed = python.printed("stdout")

    assert answer == {"value": "1"}
    assert printed.startswith("x" * 99)
    assert printed.endswith("\n... 9999000 more bytes were dropped.\n")
    assert len(printed) < 1100


def test_each_statement_has_its_own_log(python: Python) -> None:
    python.run("print(1)")
    python.log = python.log.with_name("second")
    python.run("print(2)")

    assert python.printed("stdout") == "2\n"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import os; os._exit(3)", "ended itself with exit code 3"),
        ("import ctypes; ctypes.string_at(0)", "died of SIGSEGV"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "died of SIGKILL"),
        (
            "l = []\nwhile True: l.append(bytearray(10**6))",
            "took more than its 400 MiB of memory (python_memory)",
        ),
        (
            "import subprocess\nwhile True: subprocess.Popen(['setsid', 'sleep', '600'], env={})",
            "started more than 20 processes",
        ),
        (
            "import os, time\nfor _ in range(9): os.fork()\ntime.sleep(600)",
            "started more than 20 processes",
        ),
        (
            "import os; os.kill(os.getppid(), 9)\nimport time; time.sleep(600)",
            "was killed together with its keeper",
        ),
    ],
)
def test_a_child_that_goes_too_far_ends_alone(python: Python, code: str, why: str) -> None:
    assert python.why_it_ends(code) == why


class KilledFirst(PythonChild):
    """Killed before its keeper, which is suspended, can notice that it has ended."""

    def kill(self) -> None:
        super().kill()
        os.kill(self._keeper.pid, signal.SIGCONT)


def test_its_own_end_is_told_though_its_keeper_hears_of_it_after_libra(tmp_path: Path) -> None:
    """On a busy machine: Libra sees the socket closed, and asks why before the keeper looked."""
    limits = replace(LIMITS, report_within=0.0)
    python = Python(tmp_path, KilledFirst(limits, "a token", tmp_path))
    code = "import os, signal; os.kill(os.getppid(), signal.SIGSTOP); os._exit(3)"

    assert python.why_it_ends(code) == "ended itself with exit code 3"


def test_memory_that_forks_share_counts_once(python: Python) -> None:
    code = (
        "import os, time\nblock = bytearray(150 * 2**20)\n"
        "for _ in range(4):\n    if os.fork() == 0:\n        time.sleep(1.5); os._exit(0)\n"
        "for _ in range(4): os.wait()\nlen(block)"
    )

    assert python.run(code) == {"value": str(150 * MIB)}


def test_killing_takes_what_it_has_started_even_what_hides(python: Python, tmp_path: Path) -> None:
    """A separate session, a parent that is gone, and no mark in the environment."""
    started = tmp_path / "started"
    code = (
        "import subprocess, time\n"
        f"subprocess.run(['sh', '-c', 'setsid sleep 600 & echo $! > {started}'], env={{}})\n"
        "while True: time.sleep(1)"
    )
    killer = os.fork()
    if killer == 0:
        while not (started.exists() and started.read_text()):
            time.sleep(0.01)
        python.child.kill()
        os._exit(0)

    assert python.why_it_ends(code) == "was ended"
    os.waitpid(killer, 0)
    assert not Path(f"/proc/{started.read_text().strip()}").exists()


def test_nothing_of_libra_but_its_mark_is_within_reach(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LIBRA_TOKEN", "secret")
    monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", "secret")
    monkeypatch.setenv("LIBRA_TAG", "a mark")
    python = Python(tmp_path)
    answer = python.run("import os; [os.environ.get(n) for n in ('LIBRA_TOKEN', 'LIBRA_TAG')]")
    found = python.run("[v for v in os.environ.values() if v == 'secret']")
    descriptors = python.run(
        "[os.readlink(each) for each in map('/proc/self/fd/{}'.format, os.listdir('/proc/self/fd'))"
        " if os.path.exists(each) or os.path.islink(each)]"
    )
    python.child.end()

    assert answer == {"value": '[null, "a mark"]'}
    assert found == {"value": "[]"}
    assert descriptors["value"].count("socket:") == 1


def test_a_child_that_ended_between_two_statements_says_so(python: Python) -> None:
    python.run("import os, threading; threading.Timer(0.1, os._exit, [1]).start()")
    deadline = time.monotonic() + 300
    while not python.child.has_ended:
        assert time.monotonic() < deadline
        time.sleep(0.05)

    assert python.child.end() == "ended itself with exit code 1"


def test_its_folder_goes_with_it(python: Python) -> None:
    folder = Path(python.run("import os; os.getcwd()")["value"].strip('"'))
    python.run("open('file', 'w').write('x')")
    there = (folder / "file").exists()
    python.child.end()

    assert there
    assert not folder.exists()
