"""Run a Python application so that its process ends with the JVM that has started it.

``bootstrap.py APP ARGS…`` is what ``APP ARGS…`` is without it: ``sys.argv``, ``sys.path``,
``__main__``, tracebacks and exit codes are the same. When a driver is killed, Spark ends its JVM
only; a Python process that computes would go on for as long as it likes.

It stands alone, for any Python from 3.9 on: workers have this file, and nothing else of ours.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType, TracebackType
from typing import NoReturn

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Run ``sys.argv[1]`` as the main program."""
    end_with_parent()
    del sys.argv[0]
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = str(Path(sys.argv[0]).resolve().parent)
    run(sys.argv[0])


def end_with_parent() -> None:
    """Have the kernel kill this process when its parent ends; now, if that has happened already."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if _parent_is_gone():
        os.kill(os.getpid(), signal.SIGKILL)


def _parent_is_gone() -> bool:
    """Spark's JVM holds the other end of its Python process's standard input open."""
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        return False
    stdin = select.poll()
    stdin.register(0, 0)
    return any(event & select.POLLHUP for _, event in stdin.poll(0))


def run(application: str, **names: object) -> None:
    """Run the file *application* as ``__main__``, where *names* are there already.

    An error is shown as if we were not there.
    """
    program = ModuleType("__main__")
    program.__dict__.update(
        __file__=application,
        __builtins__=__builtins__,
        __cached__=None,
        __loader__=SourceFileLoader("__main__", application),
        **names,
    )
    sys.modules["__main__"] = program
    source = Path(application).read_bytes()
    try:
        code = compile(source, application, "exec", dont_inherit=True)
    except SyntaxError as error:
        _end_with(error, None)
    try:
        exec(code, program.__dict__)  # noqa: S102 - it is the user's program
    except Exception as error:  # noqa: BLE001 - what Python does with an error nobody has caught
        _end_with(error, error.__traceback__ and error.__traceback__.tb_next)


def _end_with(error: Exception, trace: TracebackType | None) -> NoReturn:
    sys.excepthook(type(error), error.with_traceback(trace), trace)
    sys.exit(1)


if __name__ == "__main__":
    main()
