"""What Solapi's four-digit status codes mean to us: when a message is handed over, and when it is asked after.

1xxx: not registered. 2000: registered; 2xxx: refused inside the platform. 3000: at the carrier; 3xxx: it failed there. 4000: received.
"""

from collections.abc import Mapping
from types import MappingProxyType

from adapters.notification.result_codes import Answer
from application.ports.delivery_reports import Fate

_MALFORMED = (1010, 1011, 1013, 1014, 1021, 1022, 1023, 1025, 1026, 1027, 1028, 1029, 1031, 1032, 1033, 1034, 2011)
_NOT_AS_REGISTERED = (1043, 1044, 1045, 1046, 1047, 1048, 1049, 1050, 1051, 1052, 1053)
_NOT_TO_THIS_PERSON = (1060, 1061, 1064, 2060, 2061, 2064, 2254)
_SERVER = (1024, 2024)
_ACCOUNT = (1020, 1030, 1041, 1042, 1058, 1062, 2062, 2063, 2230)
"""Key, balance, channel, template, route, sender number; a blocked account."""

HANDED_OVER: Mapping[int, Answer] = MappingProxyType(
    {
        **dict.fromkeys((2000, 3000, 4000), Answer.ACCEPTED),
        **dict.fromkeys(_SERVER, Answer.LATER),
        **dict.fromkeys((*_MALFORMED, *_NOT_AS_REGISTERED, *_NOT_TO_THIS_PERSON), Answer.REJECTED),
        **dict.fromkeys(_ACCOUNT, Answer.MISCONFIGURED),
    }
)

_FORMAT_OR_SERVER = (3010, 3011, 3012, 3013, 3024)
_PHONE_OR_CARRIER = (3031, 3032, *range(3040, 3048), *range(3050, 3061))
_KAKAO = (3101, 3102, 3103, 3104, 3105, 3106, 3107, 3108)

FATES: Mapping[int, Fate] = MappingProxyType(
    {
        **dict.fromkeys((2000, 3000), Fate.UNDER_WAY),
        4000: Fate.DELIVERED,
        # An unknown state, an unknown code: it may have arrived.
        **dict.fromkeys((3014, 3048), Fate.DOUBTFUL),
        **dict.fromkeys((*_SERVER, *_MALFORMED, *_NOT_AS_REGISTERED, *_NOT_TO_THIS_PERSON, *_ACCOUNT), Fate.NOT_DELIVERED),
        **dict.fromkeys((*_FORMAT_OR_SERVER, *_PHONE_OR_CARRIER, *_KAKAO), Fate.NOT_DELIVERED),
    }
)
"""A code that stands in none is no end: it is asked after until the deadline."""
