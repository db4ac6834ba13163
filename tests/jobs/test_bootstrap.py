from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from libra_provider.jobs.bootstrap import tls_context
from tests.fakes.tls import Authority

BOOTSTRAP = Path(__file__).parents[2] / "libra_provider" / "jobs" / "bootstrap.py"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(params=["alone", "bootstrapped"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """Run a program's text: without us, and with us; both have to pass."""
    before = [] if request.param == "alone" else [str(BOOTSTRAP)]

    def run(text: str, *arguments: str, interpreter: tuple[str, ...] = ()) -> tuple[int, str, str]:
        program = tmp_path / "app.py"
        program.write_text(text)
        words = [sys.executable, *interpreter, *before, str(program), *arguments]
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path)
        return done.returncode, done.stdout, done.stderr

    return run


def test_it_is_main_with_its_own_arguments_and_folder(run: Run, tmp_path: Path) -> None:
    text = (
        "import sys, __main__\n"
        "print([__name__, __file__, sys.argv, sys.path[0], __main__.__dict__ is globals()])\n"
        "print([__spec__, __package__, __doc__, type(__loader__).__name__])"
    )
    program = str(tmp_path / "app.py")
    code, stdout, _ = run(text, "a b", "--name")

    facts = ["__main__", program, [program, "a b", "--name"], str(tmp_path), True]
    assert (code, stdout) == (0, f"{facts}\n[None, None, None, 'SourceFileLoader']\n")


def test_a_traceback_begins_in_the_users_file(run: Run, tmp_path: Path) -> None:
    code, _, stderr = run("def f():\n    raise ValueError('no')\n\nf()\n")

    program = tmp_path / "app.py"
    lines = [line for line in stderr.splitlines() if "^" not in line and "~" not in line]
    assert code == 1
    assert lines == [
        "Traceback (most recent call last):",
        f'  File "{program}", line 4, in <module>',
        "    f()",
        f'  File "{program}", line 2, in f',
        "    raise ValueError('no')",
        "ValueError: no",
    ]


def test_a_syntax_error_is_the_users(run: Run, tmp_path: Path) -> None:
    code, _, stderr = run("x = (\n")

    assert code == 1
    assert stderr.startswith(f'  File "{tmp_path / "app.py"}", line 1\n')


@pytest.mark.parametrize(
    ("text", "code", "stderr"),
    [
        ("raise SystemExit(3)", 3, ""),
        ("import sys; sys.exit('why')", 1, "why\n"),
        ("import atexit; atexit.register(lambda: print('bye'))", 0, ""),
        ("import sys; sys.excepthook = lambda *e: print(e[0].__name__); 1 / 0", 1, ""),
        ("import os; os._exit(7)", 7, ""),
    ],
)
def test_it_ends_as_it_would_alone(run: Run, text: str, code: int, stderr: str) -> None:
    found = run(text)

    assert (found[0], found[2]) == (code, stderr)


def test_what_a_thread_uses_outlives_the_main_program(run: Run) -> None:
    text = (
        "import threading, time\nword = 'later'\n"
        "def say():\n    time.sleep(0.2)\n    print(word)\n"
        "threading.Thread(target=say).start()\n"
    )

    assert run(text) == (0, "later\n", "")


def test_its_classes_survive_pickle_and_a_pool(run: Run) -> None:
    text = (
        "import pickle, multiprocessing\n"
        "class Point:\n    x = 1\n"
        "def double(n): return 2 * n\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        print(pickle.loads(pickle.dumps(Point())).x, pool.map(double, [4]))\n"
    )

    assert run(text) == (0, "1 [8]\n", "")


def test_with_safe_path_the_folder_is_not_searched(run: Run, tmp_path: Path) -> None:
    text = "import sys; print(sys.path[0])"
    _, stdout, _ = run(text, interpreter=("-P",))

    assert stdout != f"{tmp_path}\n"


PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, *sys.argv[1:]], stdin=subprocess.PIPE)
print(child.pid, flush=True)
time.sleep(600)
"""


def test_it_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    program, started = tmp_path / "app.py", tmp_path / "started"
    program.write_text(f"open({str(started)!r}, 'w').close()\nwhile True: pass")
    words = [sys.executable, "-c", PARENT, str(BOOTSTRAP), str(program)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        wait_until(started.exists)
        parent.kill()
    wait_until(lambda: not is_alive(child))


def test_it_does_not_begin_when_its_jvm_is_gone(tmp_path: Path) -> None:
    """The JVM may end between the start of its Python process and our first line."""
    program = tmp_path / "app.py"
    program.write_text("print('began')")
    done = subprocess.run(
        [sys.executable, str(BOOTSTRAP), str(program)],
        env=os.environ | {"PYSPARK_GATEWAY_PORT": "1"},
        input="",
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "")


def wait_until(happened: Callable[[], bool]) -> None:
    for _ in range(1200):
        if happened():
            return
        time.sleep(0.1)
    raise AssertionError("it did not happen")


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_an_authority_of_ones_own_is_believed_beside_those_of_the_machine(tmp_path: Path) -> None:
    given = Authority(tmp_path)
    machine = {each["serialNumber"] for each in tls_context(None).get_ca_certs()}
    believed = {each["serialNumber"] for each in tls_context(given.ca.read_text()).get_ca_certs()}

    assert machine < believed
