"""``python -I -S meter.py COMMAND…`` runs a command and prints, as JSON, what it cost.

A process of its own for two reasons. Linux counts into a child's peak memory that of the process
which started it, so that one has to be small: standard library only. And ``bin/spark-submit``
leaves helpers behind that its own process never waits for: only a *subreaper* gets to see them.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    """Run the command, wait for all it started, print the report."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    began = time.perf_counter()
    command = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output, _ = command.communicate()
    wall = time.perf_counter() - began
    _reap_orphans()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = {
        "wall": wall,
        "cpu": used.ru_utime + used.ru_stime,
        "memory": used.ru_maxrss * 1024,
        "exit_code": command.returncode,
        "output": output.decode(errors="replace"),
    }
    print(json.dumps(report))


def _reap_orphans() -> None:
    try:
        while True:
            os.wait()
    except ChildProcessError:
        return


if __name__ == "__main__":
    main()
