"""What looks like a secret, and what is shown instead."""

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
# Anyone with such a URL of Libra may use it (server/signed_urls.py).
_SIGNATURE = re.compile(r"(?P<purpose>/(?:artifacts|results|reports)/)[0-9]{1,12}\.[0-9a-f]{64}")


def masked_conf(conf: Mapping[str, str]) -> dict[str, str]:
    """*conf* with the values of secret-looking keys replaced."""
    return {key: MASK if SECRET_KEY.search(key) else value for key, value in conf.items()}


def masked_text(text: str) -> str:
    """*text* with the value of each ``secret-looking-key=value`` (or ``: value``) replaced.

    So is the signature of each signed URL of Libra.
    """
    text = _SIGNATURE.sub(lambda match: match["purpose"] + MASK, text)
    return _ASSIGNMENT.sub(lambda match: match["key"] + MASK, text)
