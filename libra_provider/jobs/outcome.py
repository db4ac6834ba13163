"""How a driver's program ended, as its receipt reports it."""

from __future__ import annotations

from typing import Any

from libra_provider.core.masking import masked_text

_LONGEST = 600


def outcome_of(error: BaseException, program: str) -> dict[str, Any]:
    """Return the ``state`` of a process that *error* ends, and its error; *program* is a path."""
    if not isinstance(error, SystemExit):
        return _failed(error, program)
    if not error.code:
        return {"state": "SUCCESS"}
    # The bootstrap has shown that error, and exits as Python does.
    if isinstance(error.__cause__, Exception):
        return _failed(error.__cause__, program)
    return {
        "state": "FAILED",
        "error": masked_text(_exit_error(error, program))[:_LONGEST],
        "errorClass": "SystemExit",
    }


def _exit_error(error: SystemExit, program: str) -> str:
    if not isinstance(error.code, int):
        return str(error.code)
    words = f"The program called sys.exit({error.code})"
    if isinstance(error.__context__, Exception):
        words += f" after {_failed(error.__context__, program)['error']}"
    return words


def _failed(error: BaseException, program: str) -> dict[str, Any]:
    # It imports pyspark, which a job that succeeds may never need.
    from libra_provider.jobs import python_errors  # noqa: PLC0415

    found = python_errors.failure_of(error, program)
    return {
        "state": "FAILED",
        "error": python_errors.sentence_of(found) + python_errors.place_of(found),
        "errorClass": found.get("condition") or found["kind"],
        "sqlState": found.get("sql_state"),
    }
