"""What the rehearsal says to the server, as documents of the public contract."""

CREATE_CONCERT = """
mutation CreateConcert($input: CreateConcertInput!) {
  createConcert(input: $input) {
    __typename ... on CreateConcertSuccess { concert { id performances { id } } } ... on Error { code message }
  }
}"""

SIGN_IN = "mutation SignIn($name: String!, $phone: String!) { signInAsGuest(name: $name, phone: $phone) { accessToken userId } }"

_STANDING = "fragment Standing on QueueToken { value state number position expiresAt asOf }"
# Aliases: the two reasons are enums of their own, which one response field cannot be.
_REFUSAL = """
  ... on Error { code message }
  ... on QueueTokenInvalid { tokenReason: reason }
  ... on SalesClosed { salesReason: reason }
  ... on ServiceUnavailable { retryAfterSeconds }
"""
# A union without QueueTokenInvalid or SalesClosed may not be asked for it.
_PLAIN_REFUSAL = "... on Error { code message } ... on ServiceUnavailable { retryAfterSeconds }"

JOIN = f"""
mutation Join($input: JoinQueueInput!) {{
  joinQueue(input: $input) {{ __typename ... on JoinQueueSuccess {{ queueToken {{ ...Standing }} }} {_REFUSAL} }}
}}
{_STANDING}"""

LEAVE = f"""
mutation Leave($input: LeaveQueueInput!) {{
  leaveQueue(input: $input) {{
    __typename ... on LeaveQueueSuccess {{ queueToken {{ ...Standing }} }}
    ... on QueueTokenInvalid {{ tokenReason: reason }} {_PLAIN_REFUSAL}
  }}
}}
{_STANDING}"""

POSITION = f"""
subscription Position($queueToken: String!) {{ queuePosition(queueToken: $queueToken) {{ ...Standing }} }}
{_STANDING}"""

FREE_SEATS = """
query FreeSeats($id: ID!) {
  performance(id: $id) {
    free: seats(first: 500, status: AVAILABLE) { edges { node { id } } }
    held: seats(first: 1, status: HELD) { edges { node { id } } }
  }
}"""

SEAT_MAP = """
query SeatMap($id: ID!, $after: String) {
  performance(id: $id) {
    seats(first: 500, after: $after) { edges { node { id status price } } pageInfo { hasNextPage endCursor } }
  }
}"""

HOLD = f"""
mutation Hold($input: HoldSeatsInput!) {{
  holdSeats(input: $input) {{
    __typename ... on HoldSeatsSuccess {{ reservation {{ id totalPrice }} queueToken {{ ...Standing }} }} {_REFUSAL}
  }}
}}
{_STANDING}"""

PAY = f"""
mutation Pay($input: PayInput!) {{
  pay(input: $input) {{ __typename ... on PaySuccess {{ payment {{ id }} tickets {{ code }} balance }} {_REFUSAL} }}
}}"""

CANCEL = f"""
mutation Cancel($input: CancelReservationInput!) {{
  cancelReservation(input: $input) {{ __typename ... on CancelReservationSuccess {{ refundedPoints }} {_PLAIN_REFUSAL} }}
}}"""

POINTS = "query Points { viewer { points } }"

ACCOUNT = """
query Account {
  viewer {
    points
    reservations(first: 20) { edges { node { id status totalPrice seats { id } tickets { code seat { id } } } } }
    pointLedger(first: 20) { edges { node { kind amount balanceAfter } } }
  }
}"""
