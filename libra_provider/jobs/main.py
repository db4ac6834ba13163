"""One job in a dedicated driver, from the spec in its environment to its receipt."""

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
from libra_provider.jobs.bootstrap import FOLDER, SPEC, FetchError, fetch, script_folders
from libra_provider.jobs.job import Job, set_current_job
from libra_provider.jobs.job_spec import JobSpec
from libra_provider.jobs.result_upload import result, result_of_last_line

_LAST = "__libra_last__"


def run(given: Mapping[str, Any]) -> None:
    """Run the job of the JSON in LIBRA_JOB."""
    spec = JobSpec.of(given)
    job = Job(spec)
    set_current_job(job)
    # Registered first, called last: after the program's threads, and what it registers.
    atexit.register(_end, job, Path(FOLDER).absolute(), os.getpid())
    job.reports.start()
    with job.recording_outcome():
        try:
            _prepare(job)
            _RUN[spec.kind](job)
        except FetchError as error:
            sys.exit(f"libra.FetchError: {error}")


def _end(job: Job, folder: Path, pid: int) -> None:
    # A process that the program has forked calls this, too.
    if os.getpid() == pid:
        job.end()
        shutil.rmtree(folder, ignore_errors=True)


def _prepare(job: Job) -> None:
    packed_python.enter(job.spec, job.reports.attempt)
    # The program does not need the signed URLs, and may print its environment.
    os.environ.pop(SPEC, None)
    files.fetch_files(job.spec)


def _run_file(job: Job) -> None:
    application = _application(job)
    sys.path[:0] = script_folders(application)
    program.run(application)


def _run_text(job: Job) -> None:
    """Run inline code; ``spark`` is defined if it is used, and the last line is the result."""
    application = _application(job)
    given = {}
    if _expects_spark(Path(application).read_bytes()):
        from pyspark.sql import SparkSession  # noqa: PLC0415 - other jobs need no Spark

        given["spark"] = SparkSession.builder.getOrCreate()
    names = program.run(application, _keeping_last_value, **given)
    result_of_last_line(names.get(_LAST), job)


def _expects_spark(code: bytes) -> bool:
    """Return whether *code* uses ``spark`` and never assigns it: then it configures it itself."""
    try:
        nodes = list(ast.walk(ast.parse(code)))
    except (SyntaxError, ValueError):
        return False
    uses = [each.ctx for each in nodes if isinstance(each, ast.Name) and each.id == "spark"]
    return bool(uses) and all(isinstance(each, ast.Load) for each in uses)


def _run_sql(job: Job) -> None:
    try:
        _run_statement(_sql(job.spec), job.spec)
    except Exception as error:
        # In the form of a Java exception, without the frames of this package.
        kind = type(error)
        first_line = str(error).partition("\n")[0]
        print(f"{kind.__module__}.{kind.__qualname__}: {masked_text(first_line)}", file=sys.stderr)  # noqa: T201
        raise SystemExit(1) from error


def _run_statement(text: str, spec: JobSpec) -> None:
    """Run *text* and return its rows, or none for a command; raises Spark's errors.

    Spark rejects more than one statement as a syntax error.
    """
    from pyspark.sql import SparkSession  # noqa: PLC0415 - other jobs may run without Spark

    from libra_provider.jobs.parameters import bound  # noqa: PLC0415 - likewise

    session = SparkSession.builder.getOrCreate()
    arguments = {"args": bound(session, spec.parameters)} if spec.parameters else {}
    frame = session.sql(text, **arguments)
    # A command has no rows to write, and without a Libra there is no place to return "none".
    if frame.columns or spec.result_url:
        result(frame)


def _application(job: Job) -> str:
    """Fetch the program and return its path, which is ``sys.argv[0]`` from now on."""
    if job.spec.application is None:
        sys.exit(f"libra.FetchError: {SPEC} names no application")
    application = str(fetch(job.spec.application, ca=job.spec.ca))
    job.program = sys.argv[0] = application
    return application


def _sql(spec: JobSpec) -> str:
    if spec.sql_url is None:
        return spec.sql or ""
    return fetch(spec.sql_url, ca=spec.ca).read_text(encoding="utf-8")


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
