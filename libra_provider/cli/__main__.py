"""Run ``libra`` as ``python -m libra_provider.cli``."""

from __future__ import annotations

from libra_provider.cli import main

if __name__ == "__main__":
    main()
