"""One job in a driver of its own, from the order in its environment to its receipt."""

from __future__ import annotations

import ast
import atexit
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from libra_provider.core.masking import masked_text
from libra_provider.jobs import bootstrap as program
from libra_provider.jobs import files, packed_python
from libra_provider.jobs.bootstrap import FOLDER, ORDER, FetchError, fetched, folders_of
from libra_provider.jobs.job import Job, set_running
from libra_provider.jobs.job_spec import JobSpec
from libra_provider.jobs.result_upload import result, result_of_last_line

_LAST = "__libra_last__"


def run(said: Mapping[str, Any], *, bootstrap: str) -> None:
    """Carry out the order that LIBRA_JOB *said*; *bootstrap* is the file that has begun it."""
    order = JobSpec.of(said)
    job = Job(order)
    set_running(job)
    # What is registered first is called last: after the program's threads, and what it registers.
    atexit.register(_end, job, Path(FOLDER).absolute(), os.getpid())
    job.reports.begin()
    with job.carried_out():
        try:
            _prepare(job, bootstrap)
            _RUN[order.kind](job)
        except FetchError as error:
            sys.exit(f"libra.FetchError: {error}")


def _end(job: Job, folder: Path, pid: int) -> None:
    # A process that the program has forked may end in the same way.
    if os.getpid() == pid:
        job.end()
        shutil.rmtree(folder, ignore_errors=True)


def _prepare(job: Job, bootstrap: str) -> None:
    packed_python.enter(job.order, bootstrap, job.reports.attempt)
    # The program has no use for its URLs, and may well print its environment.
    os.environ.pop(ORDER, None)
    files.localise(job.order)


def _run_file(job: Job) -> None:
    application = _application(job)
    sys.path[:0] = folders_of(application)
    program.run(application)


def _run_text(job: Job) -> None:
    """A text finds ``spark`` if it counts on it, and the value of its last line is its result."""
    application = _application(job)
    given = {}
    if _counts_on_spark(Path(application).read_bytes()):
        from pyspark.sql import SparkSession  # noqa: PLC0415 - other jobs may do without Spark

        given["spark"] = SparkSession.builder.getOrCreate()
    names = program.run(application, _keeping_last_value, **given)
    result_of_last_line(names.get(_LAST), job)


def _counts_on_spark(code: bytes) -> bool:
    """Whether *code* uses ``spark`` and never makes it; one that does may set it up its own way."""
    try:
        nodes = list(ast.walk(ast.parse(code)))
    except (SyntaxError, ValueError):
        return False
    uses = [each.ctx for each in nodes if isinstance(each, ast.Name) and each.id == "spark"]
    return bool(uses) and all(isinstance(each, ast.Load) for each in uses)


def _run_sql(job: Job) -> None:
    try:
        _run_statement(_sql(job.order), job.order)
    except Exception as error:
        # In the form of a Java exception, without our own frames.
        kind = type(error)
        first_line = str(error).partition("\n")[0]
        print(f"{kind.__module__}.{kind.__qualname__}: {masked_text(first_line)}", file=sys.stderr)  # noqa: T201
        raise SystemExit(1) from error


def _run_statement(text: str, order: JobSpec) -> None:
    """Return the rows of *text*, none for a command; raises Spark's errors.

    Spark refuses more than one statement as a syntax error.
    """
    from pyspark.sql import SparkSession  # noqa: PLC0415 - other jobs may run without Spark

    from libra_provider.jobs.parameters import bound  # noqa: PLC0415 - likewise

    session = SparkSession.builder.getOrCreate()
    arguments = {"args": bound(session, order.parameters)} if order.parameters else {}
    frame = session.sql(text, **arguments)
    # A command has nothing to write, and without a Libra nothing to report to.
    if frame.columns or order.result_url:
        result(frame)


def _application(job: Job) -> str:
    """The path of the program, which stands in ``sys.argv`` from now on."""
    if job.order.application is None:
        sys.exit(f"libra.FetchError: {ORDER} names no application")
    application = str(fetched(job.order.application, ca=job.order.ca))
    job.program = sys.argv[0] = application
    return application


def _sql(order: JobSpec) -> str:
    if order.sql_url is None:
        return order.sql or ""
    return fetched(order.sql_url, ca=order.ca).read_text(encoding="utf-8")


def _keeping_last_value(tree: ast.Module) -> ast.Module:
    if tree.body and isinstance(last := tree.body[-1], ast.Expr):
        name = ast.copy_location(ast.Name(_LAST, ast.Store()), last)
        tree.body[-1] = ast.copy_location(ast.Assign([name], last.value), last)
    return tree


_RUN: Mapping[str, Callable[[Job], None]] = {
    "python-file": _run_file,
    "python": _run_text,
    "sql": _run_sql,
}
