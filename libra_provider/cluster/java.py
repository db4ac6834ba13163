"""A Java that Spark can run on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from libra_provider.core.errors import BadInput

OLDEST = 17
HOW_TO_GET = "Spark requires Java 17 or newer: 'apt-get install openjdk-17-jdk-headless'"


def java_home() -> Path:
    """Return the home of a suitable Java: that of JAVA_HOME, or else of the ``java`` on PATH.

    Raises BadInput, which explains how to install one, if there is none, if it is too old, or if it
    lacks the module ``jdk.incubator.vector``, which Spark's startup scripts require.
    """
    given = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{given}/bin" if given else None)
    if found is None:
        place = f"{given}/bin" if given else "PATH"
        raise BadInput("JAVA_HOME", given, f"no java was found in {place}. {HOW_TO_GET}")
    java = Path(found).resolve()
    _check(java)
    return java.parent.parent


def _check(java: Path) -> None:
    asked = subprocess.run(
        [java, "--list-modules"], capture_output=True, text=True, check=False, timeout=60
    )
    version = re.search(r"^java\.base@(\d+)", asked.stdout, re.MULTILINE)
    # Java 8 does not have this option, so its version is not printed.
    if version is None or int(version[1]) < OLDEST:
        known = (
            f"this is Java {version[1]}"
            if version
            else "its version is unknown, so it is older than Java 9"
        )
        raise BadInput("java", str(java), f"{known}. {HOW_TO_GET}")
    if "jdk.incubator.vector" not in asked.stdout:
        raise BadInput("java", str(java), f"it lacks the module jdk.incubator.vector. {HOW_TO_GET}")
