"""Which keys look like secrets, and what is shown instead of their values."""

from __future__ import annotations

import re
from collections.abc import Mapping

MASK = "***"
# Spark's own default of spark.redaction.regex, and the words that Airflow masks by key.
SECRET_KEY = re.compile(
    r"secret|password|passwd|passphrase|token|access[._-]?key|api[._-]?key|private[._-]?key"
    r"|authorization|credential",
    re.IGNORECASE,
)
_ASSIGNMENT = re.compile(
    r"(?P<key>(?:" + SECRET_KEY.pattern + r")[\w.-]{0,99}\"?\s*[=:]\s*)"
    r"(?P<value>\"[^\"]*\"|[^\s,;&\"]+)",
    re.IGNORECASE,
)


def masked_conf(conf: Mapping[str, str]) -> dict[str, str]:
    """*conf* with the values of secret-looking keys replaced."""
    return {key: MASK if SECRET_KEY.search(key) else value for key, value in conf.items()}


def masked_text(text: str) -> str:
    """*text* with the value of each ``secret-looking-key=value`` (or ``: value``) replaced."""
    return _ASSIGNMENT.sub(lambda match: match["key"] + MASK, text)
