"""How a ``python`` statement ended, from the response of its process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from libra_provider.jobs.python_errors import place_of, sentence_of
from libra_provider.server.driver.messages import RunStatement, StatementEnded

# Errors of pyspark for what a Spark Connect session does not support.
_OUT_OF_REACH = {
    "JVM_ATTRIBUTE_NOT_SUPPORTED",
    "CONTEXT_UNAVAILABLE_FOR_REMOTE_CLIENT",
    "NOT_IMPLEMENTED",
}
_INSTEAD = "; the shared driver supports no RDDs and no JVM access, run the statement ISOLATED"


def succeeded(statement: RunStatement, value: str | None) -> StatementEnded:
    """Return a success with *value*, which is JSON, or None."""
    text = _text(value) if statement.as_text else None
    return StatementEnded(job_id=statement.job_id, state="SUCCESS", value=value, text=text)


def failed(statement: RunStatement, answer: Mapping[str, Any], *, notice: str) -> StatementEnded:
    """Return the failure in *answer*; *notice* is what else may explain it."""
    condition = answer.get("condition")
    sentence = _sentence(answer)
    return StatementEnded(
        job_id=statement.job_id,
        state="FAILED",
        error=f"{sentence.rstrip('.')}. {notice}" if notice else sentence,
        error_class=condition or answer["kind"],
        sql_state=answer.get("sql_state"),
    )


def died(statement: RunStatement, why: str, *, notice: str) -> StatementEnded:
    """Return the failure of a statement whose process ended; *why* begins with a verb."""
    return StatementEnded(
        job_id=statement.job_id,
        state="FAILED",
        error=f"Its Python process {why}. {notice}".rstrip(),
        error_class="LIBRA_PYTHON_ENDED",
    )


def killed(statement: RunStatement, *, session_closed: bool) -> StatementEnded:
    """Return the end of a killed statement."""
    error = "Its session was closed" if session_closed else "It was killed"
    return StatementEnded(
        job_id=statement.job_id, state="CANCELLED", error=f"{error} while it ran."
    )


def refused(statement: RunStatement, sentence: str) -> StatementEnded:
    """Return the failure of a statement for which there is no process."""
    return StatementEnded(
        job_id=statement.job_id,
        state="FAILED",
        error=sentence,
        error_class="LIBRA_TOO_MANY_PYTHONS",
    )


def _text(value: str | None) -> str:
    if value is None:
        return ""
    plain = json.loads(value)
    return plain if isinstance(plain, str) else value


def _sentence(answer: Mapping[str, Any]) -> str:
    sentence = sentence_of(answer)
    if answer.get("condition") in _OUT_OF_REACH:
        sentence = sentence.partition(". ")[0].rstrip(".") + _INSTEAD
    return f"{sentence}{place_of(answer)}"
