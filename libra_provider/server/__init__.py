"""Libra itself: the API process and the shared Spark driver behind it."""

from __future__ import annotations

from libra_provider.server.serving import serve
from libra_provider.server.settings import Settings

__all__ = ["Settings", "serve"]
