"""Access tokens: who is asking, vouched for by a signature. The algorithm is ours to choose, never the token's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import jwt

from application.ports.clock import Clock
from domain.contact import NotAPhoneNumber, phone_number
from domain.ids import UserId, user_id_of

OURS = "concert"
"""The issuer of the operators' tokens that are signed here."""
LIFETIME = timedelta(days=1)
LEEWAY = timedelta(seconds=2)
LONGEST = 8192


class AccessTokenInvalid(Exception):
    """Expired, forged, for somebody else, or no token at all: the bearer is told which, and nothing more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whoever bears a valid access token. ``phone`` is the token's own claim."""

    user_id: UserId
    roles: frozenset[str]
    lanes: tuple[str, ...]
    phone: str | None
    expires_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedToken:
    value: str
    expires_at: datetime


class PublishedKeys(Protocol):
    """The keys of an issuer that signs with keys of its own."""

    async def signing_key(self, token: str) -> jwt.PyJWK:
        """Raises jwt.PyJWTError."""
        ...


class AccessTokens:
    """Verifies what outside issuers sign, and signs for guests and operators with the shared secret."""

    def __init__(
        self,
        clock: Clock,
        *,
        secret: bytes | None,
        keys: PublishedKeys | None = None,
        issuer: str | None = None,
        audience: str | None = None,
        own_issuers: Sequence[str] = (OURS,),
    ) -> None:
        self._clock = clock
        self._secret = secret
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._own_issuers = frozenset((OURS, *own_issuers))

    def sign(self, subject: str, *, issuer: str = OURS, roles: Sequence[str] = (), lifetime: timedelta = LIFETIME) -> SignedToken:
        """A token of ours. Raises AccessTokenInvalid where there is no secret to sign with."""
        if self._secret is None:
            raise AccessTokenInvalid("no secret to sign access tokens with is set")
        now = self._clock.now()
        expires_at = (now + lifetime).replace(microsecond=0)
        claims: dict[str, Any] = {"iss": issuer, "sub": subject, "iat": int(now.timestamp()), "exp": int(expires_at.timestamp())}
        if roles:
            claims["roles"] = list(roles)
        if self._audience is not None:
            claims["aud"] = self._audience
        return SignedToken(value=jwt.encode(claims, self._secret, algorithm="HS256"), expires_at=expires_at)

    async def verify(self, token: str) -> Person:
        """Raises AccessTokenInvalid."""
        if len(token) > LONGEST:
            raise AccessTokenInvalid("the token is too long")
        try:
            if self._signed_elsewhere(token):
                claims = await self._verified_elsewhere(token)
            else:
                claims = self._decoded(token, self._secret or b"", ["HS256"], self._issuer_of_shared_secret(token))
        except jwt.ExpiredSignatureError as expired:
            raise AccessTokenInvalid("the token has expired") from expired
        except (jwt.PyJWTError, ValueError, RecursionError) as invalid:
            raise AccessTokenInvalid("the token is not valid") from invalid
        return _person(claims)

    def _signed_elsewhere(self, token: str) -> bool:
        """With published keys configured, only our own issuers still sign with the shared secret."""
        if self._keys is None:
            return False
        return self._secret is None or self._claimed_issuer(token) not in self._own_issuers

    def _issuer_of_shared_secret(self, token: str) -> str | None:
        """Ours always; else the one that is configured, if one is."""
        claimed = self._claimed_issuer(token)
        return claimed if claimed in self._own_issuers else self._issuer

    def _claimed_issuer(self, token: str) -> str | None:
        """What the token says of itself: chooses the lock, not the key to it."""
        issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
        return issuer if isinstance(issuer, str) else None

    async def _verified_elsewhere(self, token: str) -> dict[str, Any]:
        assert self._keys is not None
        key = await self._keys.signing_key(token)
        return self._decoded(token, key.key, ["RS256", "ES256"], self._issuer)

    def _decoded(self, token: str, key: Any, algorithms: list[str], issuer: str | None) -> dict[str, Any]:
        if not key:
            raise jwt.InvalidKeyError
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=algorithms,
            issuer=issuer,
            audience=self._audience,
            leeway=LEEWAY,
            options={"require": ["exp", "sub"], "verify_aud": self._audience is not None},
        )
        return claims


def bearer(header: object) -> str | None:
    """The token of an ``Authorization`` header; None where there is no header. Raises AccessTokenInvalid."""
    if header is None or header == "":
        return None
    scheme, _, token = header.partition(" ") if isinstance(header, str) else ("", "", "")
    if scheme.lower() != "bearer" or not token.strip():
        raise AccessTokenInvalid("the Authorization header should read: Bearer <token>")
    return token.strip()


def _person(claims: Mapping[str, Any]) -> Person:
    subject, issuer = claims["sub"], claims.get("iss") or ""
    if not isinstance(subject, str) or not subject or not isinstance(issuer, str):
        raise AccessTokenInvalid("the token names nobody")
    return Person(
        user_id=user_id_of(issuer, subject),
        roles=frozenset(_texts(claims.get("roles"))),
        lanes=_texts(claims.get("lanes")),
        phone=_phone(claims.get("phone_number")),
        expires_at=float(claims["exp"]),
    )


def _texts(claim: object) -> tuple[str, ...]:
    return tuple(item for item in claim if isinstance(item, str)) if isinstance(claim, list) else ()


def _phone(claim: object) -> str | None:
    """A number no Korean provider can reach is as good as none."""
    try:
        return phone_number(claim) if isinstance(claim, str) else None
    except NotAPhoneNumber:
        return None
