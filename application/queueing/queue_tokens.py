"""Signed places: what a fan keeps, so that a place survives the loss of the store that orders them."""

import hmac
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from domain.errors import QueueTokenInvalid, QueueTokenProblem
from domain.ids import ConcertId, UserId
from domain.queue_token import QueueToken, ShownToken

VERSION = 1
LONGEST = 512
_CLAIMS = struct.Struct(">B8s16s16s16sQQ")  # version, key id, concert, user, lane, place, entered-at (microseconds)
_SIGNATURE_BYTES = sha256().digest_size


class QueueTokens:
    """HMAC-SHA256 over the claims. The first key signs; retired ones still verify. Key ids have at most 8 bytes."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        if not keys or any(not 0 < len(kid.encode()) <= 8 for kid in keys):
            raise ValueError("queue token keys need ids of 1 to 8 bytes, and at least one key")
        self._keys = {kid.encode().ljust(8, b"\0"): key for kid, key in keys.items()}
        self._signing = next(iter(self._keys))

    def sign(self, token: QueueToken) -> str:
        lane = token.lane.encode()
        if len(lane) > 16:
            raise ValueError("a lane's name has at most 16 bytes")
        micros = int(token.entered_at.timestamp() * 1_000_000)
        claims = _CLAIMS.pack(VERSION, self._signing, token.concert_id.bytes, token.user_id.bytes, lane, token.place, micros)
        return urlsafe_b64encode(claims + self._signature(self._signing, claims)).rstrip(b"=").decode()

    def read(self, value: str) -> QueueToken:
        """Raises QueueTokenInvalid: MALFORMED when it is no token at all, FORGED when the signature is wrong."""
        try:
            if len(value) > LONGEST:
                raise struct.error
            raw = urlsafe_b64decode(value.encode("ascii") + b"=" * (-len(value) % 4))
            claims, signature = raw[: _CLAIMS.size], raw[_CLAIMS.size :]
            version, kid, concert, user, lane, place, micros = _CLAIMS.unpack(claims)
        except (NotBase64, struct.error, UnicodeError, ValueError) as malformed:
            raise QueueTokenInvalid(QueueTokenProblem.MALFORMED) from malformed
        if version != VERSION or len(signature) != _SIGNATURE_BYTES:
            raise QueueTokenInvalid(QueueTokenProblem.MALFORMED)
        if kid not in self._keys or not hmac.compare_digest(signature, self._signature(kid, claims)):
            raise QueueTokenInvalid(QueueTokenProblem.FORGED)
        return QueueToken(
            concert_id=ConcertId(UUID(bytes=concert)),
            user_id=UserId(UUID(bytes=user)),
            lane=lane.rstrip(b"\0").decode(),
            place=place,
            entered_at=datetime.fromtimestamp(micros / 1_000_000, tz=UTC),
        )

    def examine(self, value: str) -> ShownToken:
        """As ``read``, but what is wrong is an answer, for those who have something to look up first."""
        try:
            return self.read(value)
        except QueueTokenInvalid as invalid:
            return invalid.reason

    def _signature(self, kid: bytes, claims: bytes) -> bytes:
        return hmac.digest(self._keys[kid], claims, "sha256")
