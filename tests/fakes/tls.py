"""A certificate authority of our own, and TLS before a server that does not speak it."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from tests.fakes.raw import RawServer


class Authority:
    """Files in *folder*: ``ca`` to trust, ``chain`` for a server on 127.0.0.1, ``keystore``."""

    PASSWORD = "changeit"

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.ca, self.chain = folder / "ca.pem", folder / "server.pem"
        self.keystore = folder / "server.p12"
        ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        ca = _certificate("Libra's tests", ca_key, ca_key.public_key(), "Libra's tests", is_ca=True)
        own = _certificate("127.0.0.1", ca_key, key.public_key(), "Libra's tests", is_ca=False)
        self.ca.write_bytes(_pem(ca))
        self.chain.write_bytes(_pem(own) + _key_pem(key))
        encryption = serialization.BestAvailableEncryption(self.PASSWORD.encode())
        self.keystore.write_bytes(
            pkcs12.serialize_key_and_certificates(b"server", key, own, [ca], encryption)
        )


def _certificate(
    name: str,
    signing: ec.EllipticCurvePrivateKey,
    public: ec.EllipticCurvePublicKey,
    issuer: str,
    *,
    is_ca: bool,
) -> x509.Certificate:
    now = datetime.now(UTC)
    own = x509.SubjectKeyIdentifier.from_public_key(public)
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(own, critical=False)
        .add_extension(signer, critical=False)
    )
    if not is_ca:
        here = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        builder = builder.add_extension(x509.SubjectAlternativeName([here]), critical=False)
    return builder.sign(signing, hashes.SHA256())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


class TlsFront(RawServer):
    """Terminates TLS before *port*, as a proxy in front of a master does; a context manager."""

    schema = "https"

    def __init__(self, port: int, chain: Path) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(chain)
        self._target = port
        super().__init__()

    def _serve(self, connection: socket.socket) -> None:
        """Relay until one side has gone; a client that distrusts us is such a side."""
        connection.settimeout(60)
        with connection, contextlib.suppress(OSError):
            outer = self._context.wrap_socket(connection, server_side=True)
            inner = socket.create_connection(("127.0.0.1", self._target))
            with outer, inner:
                back = threading.Thread(target=self._relay, args=(inner, outer))
                back.start()
                self._relay(outer, inner)
                back.join()

    def _relay(self, source: socket.socket, sink: socket.socket) -> None:
        source.settimeout(0.1)
        with contextlib.suppress(OSError):
            while not self._over.is_set():
                try:
                    data = source.recv(65536)
                except TimeoutError:
                    continue
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(data)
