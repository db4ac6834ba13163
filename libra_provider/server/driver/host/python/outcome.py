"""How a ``python`` statement ended, from what its child answered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from libra_provider.jobs.python_errors import place_of, said_by
from libra_provider.server.driver.messages import RunStatement, StatementEnded

# What pyspark says where a session of Spark Connect does not reach.
_OUT_OF_REACH = {
    "JVM_ATTRIBUTE_NOT_SUPPORTED",
    "CONTEXT_UNAVAILABLE_FOR_REMOTE_CLIENT",
    "NOT_IMPLEMENTED",
}
_INSTEAD = "; a shared driver offers no RDDs and no JVM, run the statement ISOLATED for them"


def succeeded(order: RunStatement, value: str | None) -> StatementEnded:
    """It ended well, with *value* as JSON if it has one."""
    text = _text(value) if order.as_text else None
    return StatementEnded(job_id=order.job_id, state="SUCCESS", value=value, text=text)


def failed(order: RunStatement, answer: Mapping[str, Any], *, notice: str) -> StatementEnded:
    """It raised what *answer* tells; *notice* is what else may explain it."""
    condition = answer.get("condition")
    sentence = _sentence(answer)
    return StatementEnded(
        job_id=order.job_id,
        state="FAILED",
        error=f"{sentence.rstrip('.')}. {notice}" if notice else sentence,
        error_class=condition or answer["kind"],
        sql_state=answer.get("sql_state"),
    )


def died(order: RunStatement, why: str, *, notice: str) -> StatementEnded:
    """Its Python ended under it; *why* begins with a verb."""
    return StatementEnded(
        job_id=order.job_id,
        state="FAILED",
        error=f"The Python that ran it {why}. {notice}".rstrip(),
        error_class="LIBRA_PYTHON_ENDED",
    )


def killed(order: RunStatement, *, session_closed: bool) -> StatementEnded:
    """Somebody wanted it to end."""
    error = "Its session was closed" if session_closed else "It was killed"
    return StatementEnded(job_id=order.job_id, state="CANCELLED", error=f"{error} while it ran.")


def refused(order: RunStatement, sentence: str) -> StatementEnded:
    """There is no Python for it."""
    return StatementEnded(
        job_id=order.job_id, state="FAILED", error=sentence, error_class="LIBRA_TOO_MANY_PYTHONS"
    )


def _text(value: str | None) -> str:
    if value is None:
        return ""
    plain = json.loads(value)
    return plain if isinstance(plain, str) else value


def _sentence(answer: Mapping[str, Any]) -> str:
    said = said_by(answer)
    if answer.get("condition") in _OUT_OF_REACH:
        said = said.partition(". ")[0].rstrip(".") + _INSTEAD
    return f"{said}{place_of(answer)}"
