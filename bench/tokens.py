"""Session tokens of every kind that nginx verifies, for the bench's one user."""

import hashlib
import secrets
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (Encoding, NoEncryption, PrivateFormat,
                                                          PublicFormat)


def write_keys(directory):
    """ALGORITHM.pem, which nginx reads, and ALGORITHM.key, which signs."""
    directory.mkdir(exist_ok=True)
    for name, key in (("rs256", rsa.generate_private_key(65537, 2048)),
                      ("es256", ec.generate_private_key(ec.SECP256R1()))):
        (directory / f"{name}.pem").write_bytes(key.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        (directory / f"{name}.key").write_bytes(key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def make_token(site, kind):
    if kind == "hs256":
        return site.token
    if kind == "opaque":
        return opaque(site)
    claims = {"sub": "Grace", "company": site.company, "aud": "ngx_media",
              "exp": int(time.time()) + 8 * 3600}
    key = (site.place / "tokens" / f"{kind}.key").read_text()
    return jwt.encode(claims, key, algorithm=kind.upper())


def opaque(site):
    """A session of the database, which knows only its SHA-256."""
    token = secrets.token_urlsafe(32)
    digest = hashlib.sha256(token.encode()).hexdigest()
    site.stack.postgres.psql(
        "INSERT INTO media.sessions (company_id, user_id, token_sha256, expires_at) "
        f"SELECT company_id, user_id, decode('{digest}', 'hex'), now() + interval '8 hours' "
        f"FROM media.company_members WHERE company_id = '{site.company}'")
    return token
