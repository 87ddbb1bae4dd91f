"""How a server knows who asks: a certificate from an authority of its own, a password and a key for tokens.

`FOLDER` then holds `address` (https), `ca.pem`, `password` (of the user `lockgate`), `jwt.key` (base64, for HS256) and
`expired.pem` (a key with a certificate of the same authority that is no longer valid).
"""

import base64
import datetime
import hashlib
import secrets
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509 import load_pem_x509_certificate

from .process import free_port

USER = "lockgate"
ROUNDS = 10_000


def trino(folder: Path, etc: Path) -> dict:
    """Writes all that, and gives the settings of Trino's config.properties."""
    certificate = write(folder, etc)
    certificate.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    return settings(folder) | {
        "http-server.https.keystore.path": folder / "server.pem",
        "http-server.authentication.jwt.key-file": folder / "jwt.key",
        # The other tests come without.
        "http-server.authentication.allow-insecure-over-http": "true",
        "internal-communication.shared-secret": secrets.token_hex(32),
    }


def presto(folder: Path, etc: Path) -> dict:
    """The same for Presto, which asks nobody who comes without TLS, and reads its certificate from a store."""
    certificate = write(folder, etc)
    key = serialization.load_pem_private_key(certificate.private_key_pem.bytes(), None)
    chain = [load_pem_x509_certificate(pem.bytes()) for pem in certificate.cert_chain_pems]
    locked = serialization.BestAvailableEncryption(USER.encode())
    store = pkcs12.serialize_key_and_certificates(b"server", key, chain[0], chain[1:], locked)
    (folder / "server.p12").write_bytes(store)
    return settings(folder) | {
        "http-server.https.keystore.path": folder / "server.p12",
        "http-server.https.keystore.key": USER,
        "http.authentication.jwt.key-file": folder / "jwt.key",
    }


def settings(folder: Path) -> dict:
    """What both call by the same names."""
    port = free_port()
    (folder / "address").write_text(f"https://127.0.0.1:{port}")
    return {
        "http-server.https.enabled": "true",
        "http-server.https.port": str(port),
        "http-server.authentication.type": "PASSWORD,JWT",
    }


def write(folder: Path, etc: Path) -> trustme.LeafCert:
    """Writes what does not depend on the server but its certificate, and gives that."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    last_year = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=365)
    expired = authority.issue_cert("127.0.0.1", not_after=last_year)
    expired.private_key_and_cert_chain_pem.write_to_path(folder / "expired.pem")
    password, salt = secrets.token_urlsafe(), secrets.token_bytes(16)
    (folder / "password").write_text(password)
    # The servers' file of passwords knows this digest and bcrypt.
    code = hashlib.pbkdf2_hmac("sha1", password.encode(), salt, ROUNDS, 32)
    (folder / "passwords").write_text(f"{USER}:{ROUNDS}:{salt.hex()}:{code.hex()}\n")
    (folder / "jwt.key").write_text(base64.b64encode(secrets.token_bytes(32)).decode())
    (etc / "password-authenticator.properties").write_text(
        f"password-authenticator.name=file\nfile.password-file={folder / 'passwords'}\n"
    )
    return authority.issue_cert("127.0.0.1")
