"""Which values a task's log shows as ***, whoever prints them."""

from __future__ import annotations

from collections.abc import Mapping

from airflow.sdk import BaseOperator
from airflow.sdk.log import mask_secret

from libra_provider.core.masking import SECRET_KEY

_GIVEN = ("conf", "env_vars")
_SWITCHES = ("true", "false")


def mask_secrets_of(task: BaseOperator) -> None:
    """Have Airflow mask, in what this process logs from now on, the secrets that *task* was given.

    They are the values of ``conf`` and ``env_vars`` under keys that look like it. Airflow leaves
    those of less than five characters as they are.
    """
    for name in _GIVEN:
        values = getattr(task, name, None)
        if isinstance(values, Mapping):  # what is none is refused where it is read
            for key, value in values.items():
                if SECRET_KEY.search(str(key)) and str(value).lower() not in _SWITCHES:
                    mask_secret(str(value))
