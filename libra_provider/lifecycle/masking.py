"""Masks secrets in the task log, whatever prints them."""

from __future__ import annotations

from collections.abc import Mapping

from airflow.sdk import BaseOperator
from airflow.sdk.log import mask_secret

from libra_provider.core.masking import SECRET_KEY

_GIVEN = ("conf", "env_vars")
_SWITCHES = ("true", "false")


def mask_secrets_of(task: BaseOperator) -> None:
    """Have Airflow mask the secrets of *task* in everything that this process logs from now on.

    Secrets are the values in ``conf`` and ``env_vars`` whose keys look like those of secrets.
    Airflow does not mask values of fewer than five characters.
    """
    for name in _GIVEN:
        values = getattr(task, name, None)
        if isinstance(values, Mapping):  # other types are rejected later
            for key, value in values.items():
                if SECRET_KEY.search(str(key)) and str(value).lower() not in _SWITCHES:
                    mask_secret(str(value))
