"""Spark's errors, as one sentence with its error class and position."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pyspark.errors import PySparkException

from libra_provider.core.masking import masked_text

_LONGEST = 600
_POSITION = re.compile(r"line (\d+),? pos(?:ition)? (\d+)")
_TRAILING_POSITION = re.compile(r"; line \d+ pos \d+;?$")
_SQL_STATE = re.compile(r"\s*SQLSTATE: (\w{5})")
_CLASS = re.compile(r"\[([A-Z][A-Z0-9_]+(?:\.[A-Z0-9_]+)*)\]")
# The exception of a waiting thread has no information; its cause says what happened.
_WRAPPED = re.compile(r"^\S+: Exception thrown in awaitResult:.*?\nCaused by: ", re.DOTALL)
_HEAD = re.compile(r"^An error occurred while calling [^\n]*\n: ")
# The plan, the query and the Java frames follow the sentence.
_TAIL = re.compile(r"\n\s*(?:at |'|== |\n|Driver stacktrace|JVM stacktrace|Caused by)|;\s*\n")


@dataclass(frozen=True)
class Failure:
    """The error of a statement; class and SQLSTATE if Spark provides them."""

    sentence: str
    error_class: str | None = None
    sql_state: str | None = None


def failure_of(error: BaseException) -> Failure:
    """Return *error* without its stack trace, its secrets masked."""
    message = _WRAPPED.sub("", _HEAD.sub("", str(error).strip()))
    sentence = _SQL_STATE.sub("", " ".join(_TAIL.split(message, maxsplit=1)[0].split()))
    sentence = _TRAILING_POSITION.sub("", sentence)
    if (position := _POSITION.search(message)) and not _POSITION.search(sentence):
        sentence += f" (line {position[1]}, pos {position[2]})"
    sentence = masked_text(sentence)[:_LONGEST] or type(error).__name__
    if isinstance(error, PySparkException):
        return Failure(sentence, error.getCondition(), error.getSqlState())
    # An error that pyspark did not recognize still has both in its text.
    named, state = _CLASS.search(sentence), _SQL_STATE.search(message)
    return Failure(sentence, named and named[1], state and state[1])
