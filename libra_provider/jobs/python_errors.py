"""Errors of Python code: the message, the failing line of the code, and a short traceback."""

from __future__ import annotations

import linecache
import sysconfig
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pyspark.errors import PySparkException, PythonException

from libra_provider.core.masking import masked_text
from libra_provider.jobs.spark_errors import failure_of as _failure_of

_LONGEST = 20_000
_LONGEST_LINE = 120
# Spark has these values, but does not pass them to its clients.
_PYTHON_EXCEPTION = {"condition": "PYTHON_EXCEPTION", "sql_state": "38000"}
_LIBRARIES = (
    *{sysconfig.get_paths()[each] for each in ("stdlib", "platstdlib", "purelib", "platlib")},
    str(Path(__file__).parents[1]),
    "<frozen ",
)


def failure_of(error: BaseException, statement: str) -> dict[str, Any]:
    """Return the error's ``kind`` and ``message``, and its ``line`` in *statement* with ``source``.

    ``trace`` is Python's traceback without the frames of libraries; errors of Spark have their
    ``condition`` and ``sql_state``.
    """
    line = _line(error, statement)
    answer: dict[str, Any] = {
        "kind": type(error).__qualname__,
        "message": _message(error),
        "line": line,
        "source": line and linecache.getline(statement, line).strip(),
        "trace": "".join(_trace(error)),
    }
    if isinstance(error, PythonException):
        answer |= {"message": _of_worker(str(error)), **_PYTHON_EXCEPTION}
    elif isinstance(error, PySparkException):
        answer |= {"condition": error.getCondition(), "sql_state": error.getSqlState()}
    return answer


def sentence_of(answer: Mapping[str, Any]) -> str:
    """Return the sentence for users of such a failure, its secrets masked."""
    message = _failure_of(Exception(answer["message"])).sentence if answer["message"] else ""
    kind = answer["kind"]
    if kind == "SystemExit":
        return f"The code called sys.exit with {message}"
    if answer.get("condition") is None:
        return f"{kind}: {message}" if message else str(kind)
    return message


def place_of(answer: Mapping[str, Any]) -> str:
    """Return the line of the user's code that failed, in parentheses; empty if unknown."""
    if not answer.get("line"):
        return ""
    source = masked_text(answer["source"] or "")[:_LONGEST_LINE]
    return f" (line {answer['line']}: {source})" if source else f" (line {answer['line']})"


def _of_worker(message: str) -> str:
    """Return the last line of the traceback that an executor has sent."""
    lines = [line for line in message.splitlines() if line and not line[0].isspace()]
    return f"[PYTHON_EXCEPTION] {lines[-1]}"


def _message(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return error.msg
    try:
        return str(error)[:_LONGEST]
    except Exception as second:  # noqa: BLE001 - the user's exception class is broken
        return f"(its message is unavailable: {type(second).__qualname__})"


def _line(error: BaseException, statement: str) -> int | None:
    lines = [frame.lineno for frame in _frames(error) if frame.filename == statement]
    if isinstance(error, SyntaxError) and error.filename == statement:
        return error.lineno
    return lines[-1] if lines else None


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    """Return the frames of the user's code."""
    every = traceback.extract_tb(error.__traceback__)
    return [frame for frame in every if not frame.filename.startswith(_LIBRARIES)]


def _trace(error: BaseException) -> Iterator[str]:
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    # A cause inside a library does not help the user.
    if cause is not None and _frames(cause):
        yield from _trace(cause)
        yield "\nwhich led to\n\n"
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_list(_frames(error))
    if isinstance(error, SyntaxError):
        yield from traceback.format_exception_only(type(error), error)
    else:
        yield f"{type(error).__qualname__}: {_without_java(_message(error))}\n"


def _without_java(message: str) -> str:
    return message.partition("\n\nJVM stacktrace:")[0].rstrip()
