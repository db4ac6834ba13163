"""Whose TLS certificates are believed: the system's authorities, a file's, or anybody's."""

from __future__ import annotations

import ssl
from pathlib import Path

from libra_provider.core.errors import BadInput

_WORDS = {"true": True, "": True, "none": True, "false": False}


def verification(value: object) -> bool | str:
    """True, False or the path of a CA file, from what a connection or an option says."""
    text = str(value).strip()
    return _WORDS.get(text.lower(), text)


def checked(verify: bool | str) -> bool | str:
    """*verify* if there is such a file; raises BadInput."""
    if isinstance(verify, str) and not Path(verify).is_file():
        expected = "it is true, false, or the path of a file with CA certificates (PEM)"
        raise BadInput("verify", verify, expected)
    return verify


def tls_context(verify: bool | str) -> ssl.SSLContext:
    """What *verify* stands for; raises BadInput for a file without certificates.

    True means the authorities that OpenSSL trusts on this machine (or those in SSL_CERT_FILE), a
    path those in the file alone.
    """
    try:
        context = ssl.create_default_context(cafile=verify if isinstance(verify, str) else None)
    except (OSError, ValueError) as error:
        raise BadInput("verify", verify, f"no CA certificates can be read ({error})") from error
    if verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def certificates(verify: bool | str) -> str | None:
    """The certificates in the file *verify*, for somebody else to trust; None without a file."""
    return Path(verify).read_text() if isinstance(verify, str) else None
