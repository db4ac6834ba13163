"""The Python process of one session: runs its statements one after the other, in one ``__main__``.

``interpreter.py SOCKET``: reads a request per line and writes a response per line, as JSON.
Requests have ``code``, ``args``, ``address`` (of Spark Connect), ``most_rows`` and
``most_bytes`` (None: no limit). Its output is written to files by
:mod:`libra_provider.processes.python_keeper`.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import linecache
import logging
import os
import socket
import sys
from types import CodeType, ModuleType
from typing import Any

from pyspark.sql.connect.session import SparkSession

from libra_provider.jobs.python_errors import failure_of
from libra_provider.server.driver.host.python.value import ValueTooLarge, answer_of


class Interpreter:
    """Statements see the names that earlier ones defined; ``spark`` is defined."""

    def __init__(self) -> None:
        self._main = ModuleType("__main__")
        # Pickle finds classes by the name of their module.
        sys.modules["__main__"] = self._main
        self._address = ""
        self._spark: SparkSession | None = None
        self._count = 0

    def run(self, statement: dict[str, Any]) -> dict[str, Any]:
        """Run the statement and return its outcome: see ``answer_of`` and ``failure_of``."""
        self._count += 1
        name = f"<statement {self._count}>"
        try:
            spark = self._connect(statement["address"])
            sys.argv = [name, *statement["args"]]
            value = self._execute(statement["code"], name)
            return answer_of(value, spark, statement["most_rows"], statement["most_bytes"])
        except ValueTooLarge as error:
            found = {"rows": error.rows, "size": error.size}
            return {"too_large": error.what, "way_out": error.way_out, **found}
        except SystemExit as error:
            return {} if not error.code else failure_of(error, name)
        except BaseException as error:  # noqa: BLE001 - any error is its outcome
            return failure_of(error, name)
        finally:
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(Exception):
                    stream.flush()

    def _connect(self, address: str) -> SparkSession:
        if self._spark is None or self._spark.is_stopped or address != self._address:
            if self._spark is not None:
                self._spark.stop()
            os.environ["SPARK_REMOTE"] = self._address = address
            self._spark = SparkSession.builder.remote(address).getOrCreate()
            # It must not end the session, which SQL statements use as well.
            self._spark.release_session_on_close = False
            self._main.__dict__["spark"] = self._spark
        return self._spark

    def _execute(self, code: str, name: str) -> Any:
        # Tracebacks show the source.
        linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
        tree = ast.parse(code, name)
        last = tree.body[-1] if tree.body else None
        if not isinstance(last, ast.Expr):
            return self._evaluate(tree, name)
        del tree.body[-1]
        self._evaluate(tree, name)
        return self._evaluate(ast.Expression(last.value), name)

    def _evaluate(self, tree: ast.Module | ast.Expression, name: str) -> Any:
        mode = "eval" if isinstance(tree, ast.Expression) else "exec"
        # Without the __future__ imports of this module.
        code: CodeType = compile(tree, name, mode, dont_inherit=True)
        return eval(code, self._main.__dict__)  # noqa: S307 - the user's code


def main() -> None:
    """Answer requests until the socket is closed."""
    libra = socket.socket(fileno=int(sys.argv[1]))
    interpreter = Interpreter()
    # The failure has the error; pyspark would print it, too, with its Java frames.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    # Logs are read while the statement runs, and after it has crashed.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    with libra.makefile("rb") as orders:
        for line in orders:
            answer = interpreter.run(json.loads(line))
            libra.sendall(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main()
