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

from .process import free_port

USER = "lockgate"
ROUNDS = 10_000


def prepare(folder: Path, etc: Path) -> dict:
    """Writes all that, and gives the settings of Trino's config.properties."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    last_year = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=365)
    expired = authority.issue_cert("127.0.0.1", not_after=last_year)
    expired.private_key_and_cert_chain_pem.write_to_path(folder / "expired.pem")
    password, salt = secrets.token_urlsafe(), secrets.token_bytes(16)
    (folder / "password").write_text(password)
    # The server's file of passwords knows this digest and bcrypt.
    code = hashlib.pbkdf2_hmac("sha1", password.encode(), salt, ROUNDS, 32)
    (folder / "passwords").write_text(f"{USER}:{ROUNDS}:{salt.hex()}:{code.hex()}\n")
    (folder / "jwt.key").write_text(base64.b64encode(secrets.token_bytes(32)).decode())
    (etc / "password-authenticator.properties").write_text(
        f"password-authenticator.name=file\nfile.password-file={folder / 'passwords'}\n"
    )
    port = free_port()
    (folder / "address").write_text(f"https://127.0.0.1:{port}")
    return {
        "http-server.https.enabled": "true",
        "http-server.https.port": str(port),
        "http-server.https.keystore.path": folder / "server.pem",
        "http-server.authentication.type": "PASSWORD,JWT",
        "http-server.authentication.jwt.key-file": folder / "jwt.key",
        # The other tests come without.
        "http-server.authentication.allow-insecure-over-http": "true",
        "internal-communication.shared-secret": secrets.token_hex(32),
    }
