"""Libra on a real master, with the settings of the environment, but without its shared driver."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

if __name__ == "__main__":
    from libra_provider.jobs.bootstrap import end_with_parent
    from libra_provider.server.serving import serve
    from libra_provider.server.settings import Settings
    from tests.server.running import FAKE_HOST

    end_with_parent()  # a test session that is killed leaves nothing
    serve(Settings.load(), host_command=FAKE_HOST)
