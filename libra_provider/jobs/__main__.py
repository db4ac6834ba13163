"""What the bootstrap hands over to, once it has the runtime zip: the job in LIBRA_JOB."""

from __future__ import annotations

import json
import os

from libra_provider.jobs import main
from libra_provider.jobs.bootstrap import SPEC

main.run(json.loads(os.environ[SPEC]))
