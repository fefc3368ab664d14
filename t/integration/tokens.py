"""Session tokens made by hand, so that they can be wrong in every way."""

import base64
import hashlib
import hmac
import json


def encode(part):
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def make_token(stack, claims, header=None, key=None):
    key = stack.jwt_key.read_text().strip() if key is None else key
    signed = f"{encode(header or {'alg': 'HS256', 'typ': 'JWT'})}.{encode(claims)}"
    mac = hmac.new(key.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{encode(mac)}"
