"""Session cookies as NextAuth.js (v4) and Auth.js (v5) make them: JWE, `dir`, a key by HKDF."""

import base64
import hashlib
import hmac
import json
import os

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

V4_COOKIE = "next-auth.session-token"
V5_COOKIE = "authjs.session-token"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def derive(secret, salt, info, size):
    return HKDF(SHA256(), size, salt.encode(), info.encode()).derive(secret.encode())


def v4(secret, claims, **header):
    key = derive(secret, "", "NextAuth.js Generated Encryption Key", 32)
    protected = b64(json.dumps({"alg": "dir", "enc": "A256GCM"} | header).encode())
    iv = os.urandom(12)
    sealed = AESGCM(key).encrypt(iv, json.dumps(claims).encode(), protected.encode())
    return ".".join([protected, "", b64(iv), b64(sealed[:-16]), b64(sealed[-16:])])


def v5(secret, claims, cookie=V5_COOKIE, **header):
    key = derive(secret, cookie, f"Auth.js Generated Encryption Key ({cookie})", 64)
    protected = b64(json.dumps({"alg": "dir", "enc": "A256CBC-HS512"} | header).encode())
    iv = os.urandom(16)
    padder = padding.PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(key[32:]), modes.CBC(iv)).encryptor()
    text = encryptor.update(padder.update(json.dumps(claims).encode()) + padder.finalize())
    text += encryptor.finalize()
    signed = protected.encode() + iv + text + (len(protected) * 8).to_bytes(8, "big")
    tag = hmac.digest(key[:32], signed, hashlib.sha512)[:32]
    return ".".join([protected, "", b64(iv), b64(text), b64(tag)])
