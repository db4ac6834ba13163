"""What workers run for SQL where there is no Libra: a file of the runtime zip, unpacked there.

Like the bootstrap, which jobs of SQL have where there is one; the order says what is run.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent.parent)
    from libra_provider.jobs import bootstrap

    bootstrap.main()
