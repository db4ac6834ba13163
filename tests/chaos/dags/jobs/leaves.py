"""Leave one file per start, with the times at which this was alive, and a last word."""

from __future__ import annotations

import sys
import time
import uuid
from pathlib import Path

folder, seconds = Path(sys.argv[1]), float(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
until = time.time() + seconds
with (folder / uuid.uuid4().hex).open("w", buffering=1) as trace:
    while (now := time.time()) < until:
        trace.write(f"{int(now * 1000)}\n")
        time.sleep(0.05)
    trace.write("done\n")
