"""What workers run for SQL without a Libra: a file of the runtime zip, unpacked on the workers.

It does what the bootstrap does where there is a Libra; LIBRA_JOB contains what to run.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent.parent)
    from libra_provider.jobs import bootstrap

    bootstrap.main()
