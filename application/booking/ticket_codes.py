"""The code on a ticket: what the door scans. Nobody can guess it, nobody has to store it."""

import hmac
from base64 import b32encode

from domain.ids import TicketId

CODE_BYTES = 15


class TicketCodes:
    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def code(self, ticket_id: TicketId) -> str:
        """24 letters and digits: HMAC-SHA256 of the ticket's id, cut to 120 bits, in base32."""
        return b32encode(hmac.digest(self._secret, b"".join(part.bytes for part in ticket_id), "sha256")[:CODE_BYTES]).decode()
