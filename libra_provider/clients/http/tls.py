"""Which TLS certificates are trusted: the system's CAs, those in a file, or any."""

from __future__ import annotations

import ssl
from pathlib import Path

from libra_provider.core.errors import BadInput

_WORDS = {"true": True, "": True, "none": True, "false": False}


def verification(value: object) -> bool | str:
    """True, False or the path of a CA file, from the value of a connection or an option."""
    text = str(value).strip()
    return _WORDS.get(text.lower(), text)


def checked(verify: bool | str) -> bool | str:
    """*verify*; raises BadInput if it is a file that does not exist."""
    if isinstance(verify, str) and not Path(verify).is_file():
        expected = "expected true, false or the path of a file with CA certificates (PEM)"
        raise BadInput("verify", verify, expected)
    return verify


def tls_context(verify: bool | str) -> ssl.SSLContext:
    """The TLS context for *verify*; raises BadInput for a file without certificates.

    True trusts the CAs that OpenSSL trusts on this machine (or those in SSL_CERT_FILE), a path only
    those in the file.
    """
    try:
        context = ssl.create_default_context(cafile=verify if isinstance(verify, str) else None)
    except (OSError, ValueError) as error:
        raise BadInput("verify", verify, f"cannot read CA certificates ({error})") from error
    if verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def certificates(verify: bool | str) -> str | None:
    """The certificates in the file *verify*, to pass on to a driver; None without a file."""
    return Path(verify).read_text() if isinstance(verify, str) else None
