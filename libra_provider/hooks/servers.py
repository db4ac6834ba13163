"""The hook of each backend; a new cluster manager is one more row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from libra_provider.core.job import Backend
from libra_provider.hooks.base import ServerHook
from libra_provider.hooks.libra import LibraHook
from libra_provider.hooks.spark_master import SparkMasterHook

HOOK_OF_BACKEND: Mapping[Backend, Callable[[str], ServerHook]] = {
    Backend.LIBRA: LibraHook,
    Backend.SPARK_MASTER: SparkMasterHook,
}


def server_of(backend: Backend, connection_id: str) -> ServerHook:
    """The hook for *backend* with *connection_id*."""
    return HOOK_OF_BACKEND[backend](connection_id)
