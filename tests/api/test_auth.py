"""Who is asking is what a signature says, under an algorithm that is ours to choose."""

import time
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domain.ids import user_id_of
from entrypoints.auth import AccessTokenInvalid, AccessTokens, bearer

SECRET = b"s" * 32
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC_PEM = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class OnePublishedKey:
    """An issuer's JWKS with one key, whatever the token names."""

    async def signing_key(self, token: str) -> jwt.PyJWK:
        return jwt.PyJWK.from_dict(jwt.algorithms.RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True), algorithm="RS256")


def tokens(**more: Any) -> AccessTokens:
    return AccessTokens(WallClock(), **{"secret": SECRET, **more})


def signed(key: Any = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    return jwt.encode({"sub": "ann", "exp": int(time.time()) + 60, **claims}, key, algorithm=algorithm)


async def test_a_person_is_read_from_the_claims() -> None:
    person = await tokens().verify(
        signed(iss="https://id", roles=["operator", 7], lanes=["vip"], phone_number="+82 10-1234-5678", exp=4_102_444_800)
    )
    assert person.user_id == user_id_of("https://id", "ann")
    assert person.roles == {"operator"}
    assert person.lanes == ("vip",)
    assert person.phone == "01012345678"
    assert person.expires_at == 4_102_444_800


async def test_without_an_issuer_the_subject_alone_names_the_person() -> None:
    assert (await tokens().verify(signed())).user_id == user_id_of("", "ann")


async def test_our_own_tokens_last_a_day() -> None:
    token = tokens(audience="concert").sign("ops", roles=("operator",))
    person = await tokens(audience="concert").verify(token.value)
    assert person.roles == {"operator"}
    assert timedelta(hours=23, minutes=59) < token.expires_at - datetime.now(UTC) <= timedelta(days=1)


def unsigned() -> str:
    header, claims = (
        urlsafe_b64encode(part).rstrip(b"=").decode() for part in (b'{"alg":"none","typ":"JWT"}', b'{"sub":"ann","exp":9999999999}')
    )
    return f"{header}.{claims}."


@pytest.mark.parametrize(
    "token",
    [
        unsigned(),
        signed(key=b"x" * 32),
        signed(exp=int(time.time()) - 60),
        jwt.encode({"sub": "ann"}, SECRET, algorithm="HS256"),
        jwt.encode({"exp": int(time.time()) + 60}, SECRET, algorithm="HS256"),
        signed(sub=""),
        signed(nbf=int(time.time()) + 600),
        signed(algorithm="HS384", key=b"s" * 48),
        signed(key=RSA_KEY, algorithm="RS256"),
        "",
        "a.b.c",
        "x" * 10_000,
    ],
    ids=["none", "wrong secret", "expired", "no exp", "no sub", "empty sub", "not yet", "HS384", "RS256", "empty", "garbage", "huge"],
)
async def test_what_is_not_vouched_for_is_refused(token: str) -> None:
    with pytest.raises(AccessTokenInvalid):
        await tokens().verify(token)


async def test_issuer_and_audience_are_held_to_when_configured() -> None:
    strict = tokens(issuer="https://id", audience="concert")
    assert (await strict.verify(signed(iss="https://id", aud="concert"))).user_id == user_id_of("https://id", "ann")
    for wrong in (
        {"iss": "https://evil", "aud": "concert"},
        {"iss": "https://id", "aud": "other"},
        {"iss": "https://id"},
        {"aud": "concert"},
    ):
        with pytest.raises(AccessTokenInvalid):
            await strict.verify(signed(**wrong))


async def test_published_keys_verify_what_others_sign_and_the_secret_only_what_we_do() -> None:
    both = tokens(keys=OnePublishedKey(), issuer="https://id")
    assert (await both.verify(signed(key=RSA_KEY, algorithm="RS256", iss="https://id"))).user_id == user_id_of("https://id", "ann")
    assert (await both.verify(both.sign("ops").value)).user_id == user_id_of("concert", "ops")
    with pytest.raises(AccessTokenInvalid):
        await both.verify(signed(iss="https://id"))


async def test_a_public_key_is_no_shared_secret() -> None:
    """Algorithm confusion: the published key as the secret of an HS256 token."""
    confused = _hs256_with_pem(PUBLIC_PEM)
    for verifier in (tokens(keys=OnePublishedKey()), tokens(keys=OnePublishedKey(), secret=None)):
        with pytest.raises(AccessTokenInvalid):
            await verifier.verify(confused)


def _hs256_with_pem(pem: bytes) -> str:
    """PyJWT refuses to sign so; an attacker does not."""
    import hmac
    import json

    parts = [{"alg": "HS256", "typ": "JWT"}, {"sub": "ann", "iss": "https://id", "exp": int(time.time()) + 60}]
    body = b".".join(urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    return (body + b"." + urlsafe_b64encode(hmac.digest(pem, body, "sha256")).rstrip(b"=")).decode()


def test_without_a_secret_nothing_is_signed() -> None:
    with pytest.raises(AccessTokenInvalid):
        AccessTokens(WallClock(), secret=None, keys=OnePublishedKey()).sign("ops")


def test_the_bearer_is_read_from_the_header() -> None:
    assert bearer("Bearer abc") == "abc"
    assert bearer("bearer  abc ") == "abc"
    assert bearer(None) is None
    for wrong in ("abc", "Basic abc", "Bearer ", 7):
        with pytest.raises(AccessTokenInvalid):
            bearer(wrong)
