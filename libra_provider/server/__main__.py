"""``python -m libra_provider.server``: Libra with the settings of the environment."""

from __future__ import annotations

import logging
import sys

from libra_provider.core.errors import LibraError
from libra_provider.server import Settings, serve

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        serve(Settings.load())
    except LibraError as error:
        sys.exit(str(error))
