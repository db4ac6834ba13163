"""A Java home whose JVMs start fast: those of tests live for seconds, and load all of Spark."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

# One compiler, and no proof of bytecode that Spark's release has passed. Not another collector:
# Libra's limits are shares of the heap, of which the serial one counts less.
FLAGS = (
    "-XX:TieredStopAtLevel=1",
    "-XX:+UnlockDiagnosticVMOptions",
    "-XX:-BytecodeVerificationRemote",
)


def quick_java_home(folder: Path) -> Path | None:
    """Make *folder* the home of this machine's Java, run with ``FLAGS``; None without a Java.

    Unlike JAVA_TOOL_OPTIONS it leaves no line in any log. Later flags win over these.
    """
    given = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{given}/bin" if given else None)
    if found is None:
        return None
    java = Path(found).resolve()
    home = java.parent.parent
    (folder / "bin").mkdir(parents=True)
    for each in [*home.iterdir(), *java.parent.iterdir()]:
        if each.name not in ("bin", "java"):
            (folder / each.relative_to(home)).symlink_to(each)
    script = folder / "bin" / "java"
    script.write_text(f'#!/bin/sh\nexec {shlex.join([str(java), *FLAGS])} "$@"\n')
    script.chmod(0o755)
    return folder
