"""Fails a task without retries if a retry would fail with the same error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowFailException

from libra_provider.core.errors import LibraError


@contextmanager
def final_where_retrying_cannot_help() -> Iterator[None]:
    """Turn final errors into failures without retries."""
    try:
        yield
    except LibraError as error:
        if not error.is_final:
            raise
        raise AirflowFailException(str(error)) from None
