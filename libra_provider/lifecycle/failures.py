"""Which of our errors end a task for good."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowFailException

from libra_provider.core.errors import (
    AccessDenied,
    BadInput,
    JobWrong,
    NotInstalled,
    NotOffered,
    Rejected,
    ResultNotWhole,
)
from libra_provider.lifecycle.adoption import UnknowableSubmission
from libra_provider.lifecycle.recovery import JobLostForGood

_FINAL = (
    *(BadInput, NotInstalled, AccessDenied, Rejected, NotOffered),
    *(JobWrong, ResultNotWhole, UnknowableSubmission, JobLostForGood),
)


@contextmanager
def final_where_retrying_cannot_help() -> Iterator[None]:
    """Turn errors that the next try would meet again into failures without retries."""
    try:
        yield
    except _FINAL as error:
        raise AirflowFailException(str(error)) from None
