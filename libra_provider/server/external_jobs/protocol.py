"""The versions of the driver protocol that this Libra reads in reports and uploads.

A driver speaks the version of the provider that submitted it, and may run for days after Libra was
upgraded. When the version is raised (jobs/bootstrap.py), the old one therefore stays here, with
code that reads it, for as long as the URLs of such a driver are valid (``signed_urls.LIFE``).
A driver whose report is refused keeps running, and leaves its receipt in its own output.
"""

from __future__ import annotations

from typing import Any

from libra_provider.core.errors import BadInput

READABLE = (1,)


def check_version(version: Any) -> None:
    """Raise BadInput if this Libra does not read *version* (None: the driver sent none)."""
    if version in READABLE and type(version) is int:
        return
    expected = (
        f"this Libra reads version {' or '.join(map(str, READABLE))} of the driver protocol;"
        " upgrade Libra to at least the version of the airflow-provider-libra that submits the job"
    )
    raise BadInput("version", version, expected)
