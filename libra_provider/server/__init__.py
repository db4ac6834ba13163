"""Libra itself: the API process and the shared Spark driver behind it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from libra_provider.server.serving import serve
    from libra_provider.server.settings import Settings

__all__ = ["Settings", "serve"]

_HOMES = {
    "Settings": "libra_provider.server.settings",
    "serve": "libra_provider.server.serving",
}


def __getattr__(name: str) -> Any:
    # Lazy: the driver host lives in this package and needs neither FastAPI nor SQLAlchemy.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
