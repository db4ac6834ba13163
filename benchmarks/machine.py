"""On what the figures were measured."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

from libra_provider.cluster.java import java_home
from libra_provider.core.units import readable_size


def described() -> dict[str, str]:
    """Cores, memory and versions, and how busy the machine was: figures of a busy one are worse."""
    return {
        "CPU": f"{os.cpu_count()} cores, {_line('/proc/cpuinfo', 'model name')}",
        "memory": readable_size(int(_line("/proc/meminfo", "MemTotal").split()[0]) * 1024),
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "Java": _java(),
        "Spark": version("pyspark"),
        "Airflow": version("apache-airflow"),
        "Libra for Airflow": version("airflow-provider-libra"),
        "load before": f"{os.getloadavg()[0]:.1f} processes",
    }


def _line(path: str, name: str) -> str:
    found = re.search(rf"^{name}\s*:\s*(.+)$", Path(path).read_text(), re.MULTILINE)
    return found[1].strip() if found else "0 unknown"


def _java() -> str:
    asked = [str(java_home() / "bin" / "java"), "--version"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()[0]
