"""Passes a dedicated driver what it needs to send OpenLineage events for its task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from airflow.sdk import Context
from airflow.sdk.configuration import conf as airflow_conf
from airflow.sdk.log import mask_secret

from libra_provider.core.masking import SECRET_KEY

_REDACTION = "spark.redaction.regex"
# Spark's default does not cover "apiKey" and "Authorization", which a transport may have.
_REDACTED = r"(?i)secret|password|token|access[.]?key|api[._-]?key|authorization"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Whether to pass the parent task, and where (and with which key) to send events."""

    parent: bool = False
    transport: bool = False

    @classmethod
    def of(cls, parent: bool | None, transport: bool | None) -> Self:
        """From an operator's parameters, by default from ``[openlineage] spark_inject_*``."""
        return cls(
            parent=_set(parent, "spark_inject_parent_job_info"),
            transport=_set(transport, "spark_inject_transport_info"),
        )

    def into(self, conf: Mapping[str, str], context: Context) -> dict[str, str]:
        """*conf* with the properties that OpenLineage's listener in a dedicated driver reads.

        Those that *conf* sets itself are kept.
        """
        properties = self._injected(dict(conf), context)
        added = {key: str(properties[key]) for key in properties.keys() - conf.keys()}
        return {**conf, **added, **_kept_secret(conf, added)}

    def _injected(self, properties: dict[str, Any], context: Context) -> dict[str, Any]:
        if not (self.parent or self.transport):
            return properties
        # If the OpenLineage provider is installed, this import takes half a second.
        from airflow.providers.common.compat.openlineage.utils import spark  # noqa: PLC0415

        if self.parent:
            inject = spark.inject_parent_job_information_into_spark_properties
            properties = inject(properties, context)
        if self.transport:
            inject = spark.inject_transport_information_into_spark_properties
            properties = inject(properties, context)
        return properties


def _set(given: bool | None, option: str) -> bool:
    if given is not None:
        return given
    return bool(airflow_conf.getboolean("openlineage", option, fallback=False))


def _kept_secret(conf: Mapping[str, str], added: dict[str, str]) -> dict[str, str]:
    """Mask the secrets in *added* in Airflow's logs; the property that masks them in Spark's."""
    secrets = [value for key, value in added.items() if SECRET_KEY.search(key)]
    for each in secrets:
        mask_secret(each)
    return {_REDACTION: _REDACTED} if secrets and _REDACTION not in conf else {}
