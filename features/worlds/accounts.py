"""An issuer of accounts beside the service, which shares its secret."""

import time

import jwt


def operator_token(secret: str) -> str:
    """Signed elsewhere than in the service, and good there for an hour."""
    claims = {"iss": "accounts", "sub": "operator", "roles": ["operator"], "exp": int(time.time()) + 3600}
    return jwt.encode(claims, secret, algorithm="HS256")
