"""Airflow hooks: each turns a connection into a client."""

from __future__ import annotations

from libra_provider.hooks.libra import LibraHook
from libra_provider.hooks.spark_master import SparkMasterHook

__all__ = ["LibraHook", "SparkMasterHook"]
