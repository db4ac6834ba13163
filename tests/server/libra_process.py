"""Libra as ``libra serve`` runs it, in a separate process, with the fake driver host.

``python libra_process.py PORT DATA_DIR [LEDGER_URL]``
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

if __name__ == "__main__":
    from libra_provider.server.serving import serve
    from libra_provider.server.settings import Settings
    from tests.server.running import FAKE_HOST

    port, data_dir, *ledger_url = sys.argv[1:]
    settings = Settings(
        port=int(port),
        data_dir=Path(data_dir),
        ledger_url="".join(ledger_url),
        max_running=4,
        drain_seconds=0.0,
    )
    serve(settings, host_command=FAKE_HOST)
