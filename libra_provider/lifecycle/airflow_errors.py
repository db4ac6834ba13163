"""Which of our errors end a task for good."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowFailException

from libra_provider.core.errors import (
    AccessDenied,
    BadInput,
    JobLost,
    JobWrong,
    NotInstalled,
    NotOffered,
    Rejected,
    ResultNotWhole,
)
from libra_provider.core.job import Backend
from libra_provider.lifecycle.submission import UndecidedSubmission

_FINAL = (
    *(BadInput, NotInstalled, AccessDenied, Rejected, NotOffered),
    *(JobWrong, ResultNotWhole, UndecidedSubmission),
)


@contextmanager
def final_where_retrying_cannot_help(backend: Backend) -> Iterator[None]:
    """Turn errors that the next try would meet again into failures without retries.

    A driver that its master has forgotten is one of them: its process may still run, and a retry
    could make a second one.
    """
    lost_for_good = (JobLost,) if backend is Backend.SPARK_MASTER else ()
    try:
        yield
    except (*_FINAL, *lost_for_good) as error:
        raise AirflowFailException(str(error)) from None
