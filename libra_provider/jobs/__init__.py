"""What runs inside drivers on workers; the standard library and pyspark only.

A job returns a value with ``from libra_provider import jobs; jobs.result(value)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from libra_provider.jobs.references import reference
    from libra_provider.jobs.result_upload import result

__all__ = ["reference", "result"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from libra_provider.jobs import references, result_upload  # noqa: PLC0415 - keepers start fast

    return getattr(references if name == "reference" else result_upload, name)
