"""The tables as Core statements name them."""

from typing import Final

from sqlalchemy import Table

from adapters.sql.tables import Row

_TABLES = Row.metadata.tables

CONCERTS: Final[Table] = _TABLES["concerts"]
PERFORMANCES: Final[Table] = _TABLES["performances"]
SEATS: Final[Table] = _TABLES["seats"]
CONCERT_QUEUES: Final[Table] = _TABLES["concert_queues"]
BUYERS: Final[Table] = _TABLES["buyers"]
RESERVATIONS: Final[Table] = _TABLES["reservations"]
RESERVATION_SEATS: Final[Table] = _TABLES["reservation_seats"]
PERSON_RESERVATIONS: Final[Table] = _TABLES["person_reservations"]
PAYMENTS: Final[Table] = _TABLES["payments"]
TICKETS: Final[Table] = _TABLES["tickets"]
POINT_ACCOUNTS: Final[Table] = _TABLES["point_accounts"]
POINT_LEDGER: Final[Table] = _TABLES["point_ledger"]
IDEMPOTENCY_RECORDS: Final[Table] = _TABLES["idempotency_records"]
OUTBOX_MESSAGES: Final[Table] = _TABLES["outbox_messages"]
DEAD_LETTERS: Final[Table] = _TABLES["dead_letters"]
DEAD_LETTER_AUDIT: Final[Table] = _TABLES["dead_letter_audit"]
INBOX: Final[Table] = _TABLES["inbox"]
HANDLED_KEYS: Final[Table] = _TABLES["handled_keys"]
CONTACTS: Final[Table] = _TABLES["contacts"]
NOTIFICATIONS: Final[Table] = _TABLES["notifications"]
PAYMENT_ORDERS: Final[Table] = _TABLES["payment_orders"]
TOP_UPS: Final[Table] = _TABLES["top_ups"]
GATEWAY_ERRANDS: Final[Table] = _TABLES["gateway_errands"]
