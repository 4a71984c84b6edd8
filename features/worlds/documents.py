"""The GraphQL documents that a client of the public API sends."""

# `reason` has another type in each of the two refusals that have one, hence the aliases.
_FACTS = {
    "SalesNotOpen": "salesOpenAt",
    "SalesClosed": "closedReason: reason",
    "QueueTokenInvalid": "problem: reason",
    "ServiceUnavailable": "retryAfterSeconds",
    "HoldAlreadyOpen": "reservation { ...Booked }",
    "SeatsUnavailable": "seatIds",
    "PurchaseLimitExceeded": "limit remaining",
    "InsufficientPoints": "balance required",
    "ReservationAlreadyPaid": "payment { ...Paid }",
    "InvalidAmount": "minimum maximum",
    "PaymentPending": "retryAfterSeconds payment { ...Paid }",
    "RefundPending": "retryAfterSeconds payment { ...Paid }",
}


def _refusals(*names: str) -> str:
    """What every refusal tells, and the facts of those that carry some: a union may be asked only about its own members."""
    facts = " ".join(f"... on {name} {{ {_FACTS[name]} }}" for name in names)
    return f"... on Error {{ code message retryable }} {facts}"


STANDING = """
fragment Standing on QueueToken {
  value state phase condition lane number position estimatedWaitSeconds expiresAt asOf pollAfterSeconds
}
"""
PAID = "fragment Paid on Payment { id status method amount pointsAmount cardAmount paidAt }\n"
SEATED = "fragment Seated on Seat { id section row number grade price status }\n"
BOOKED = (
    """
fragment Booked on Reservation {
  id status totalPrice expiresAt
  performance { id }
  seats { ...Seated }
  payment { ...Paid }
  tickets { id code issuedAt seat { ...Seated } performance { id } }
}
"""
    + SEATED
    + PAID
)

SIGN_IN = "mutation($name: String!, $phone: String!) { signInAsGuest(name: $name, phone: $phone) { accessToken userId expiresAt } }"
UPDATE_CONTACT = "mutation($phone: String!) { updateContact(phone: $phone) { userId phone } }"
VIEWER = (
    """
query {
  viewer {
    userId phone points
    reservations(first: 50) { edges { node { ...Booked } } }
    pointLedger(first: 50) { edges { node { kind amount balanceAfter createdAt } } }
  }
}
"""
    + BOOKED
)

JOIN = (
    f"""
mutation($input: JoinQueueInput!) {{ joinQueue(input: $input) {{
  __typename ... on JoinQueueSuccess {{ queueToken {{ ...Standing }} }}
  {_refusals("SalesNotOpen", "SalesClosed", "QueueTokenInvalid", "ServiceUnavailable")}
}} }}
"""
    + STANDING
)
LEAVE = (
    f"""
mutation($input: LeaveQueueInput!) {{ leaveQueue(input: $input) {{
  __typename ... on LeaveQueueSuccess {{ queueToken {{ ...Standing }} }}
  {_refusals("QueueTokenInvalid", "ServiceUnavailable")}
}} }}
"""
    + STANDING
)
QUEUE_TOKEN = "query($value: String!) { queueToken(value: $value) { ...Standing } }" + STANDING
HOLD = (
    f"""
mutation($input: HoldSeatsInput!) {{ holdSeats(input: $input) {{
  __typename ... on HoldSeatsSuccess {{ reservation {{ ...Booked }} queueToken {{ ...Standing }} }}
  {_refusals("HoldAlreadyOpen", "SeatsUnavailable", "SalesClosed", "QueueTokenInvalid", "PurchaseLimitExceeded", "ServiceUnavailable")}
}} }}
"""
    + STANDING
    + BOOKED
)
PAY = (
    f"""
mutation($input: PayInput!) {{ pay(input: $input) {{
  __typename
  ... on PaySuccess {{ payment {{ ...Paid }} tickets {{ id code issuedAt seat {{ ...Seated }} performance {{ id }} }} balance }}
  {
        _refusals(
            "PaymentPending",
            "SalesClosed",
            "InsufficientPoints",
            "ReservationAlreadyPaid",
            "QueueTokenInvalid",
            "ServiceUnavailable",
        )
    }
}} }}
"""
    + SEATED
    + PAID
)
CANCEL = (
    f"""
mutation($input: CancelReservationInput!) {{ cancelReservation(input: $input) {{
  __typename ... on CancelReservationSuccess {{ reservation {{ ...Booked }} refundedPoints refundedCard }}
  {_refusals("RefundPending", "ServiceUnavailable")}
}} }}
"""
    + BOOKED
)
PREPARE_TOP_UP = f"""
mutation($input: PrepareTopUpInput!) {{ prepareTopUp(input: $input) {{
  __typename {_refusals("InvalidAmount", "ServiceUnavailable")}
}} }}
"""
CONCERT = """
query($id: ID!) { concert(id: $id) {
  id title salesOpenAt salesCloseAt purchaseLimit
  queue { waiting active capacity paused }
  performances { id venue startsAt }
} }
"""
PERFORMANCE = (
    """
query($id: ID!) { performance(id: $id) {
  id startsAt
  grades { grade price total available }
  seats(first: 500) { changesCursor edges { node { ...Seated } } }
} }
"""
    + SEATED
)
RESERVATION = "query($id: ID!) { reservation(id: $id) { ...Booked } }" + BOOKED
NODE = "query($id: ID!) { node(id: $id) { __typename id } }"

QUEUE_POSITION = "subscription($queueToken: String!) { queuePosition(queueToken: $queueToken) { ...Standing } }" + STANDING
SEAT_CHANGES = (
    """
subscription($performanceId: ID!, $after: String) {
  seatChanges(performanceId: $performanceId, after: $after) { cursor reset seats { ...Seated } }
}
"""
    + SEATED
)
PAYMENT_UPDATES = "subscription($paymentId: ID!) { paymentUpdates(paymentId: $paymentId) { ...Paid } }" + PAID

CREATE_CONCERT = """
mutation($input: CreateConcertInput!) { createConcert(input: $input) {
  __typename ... on CreateConcertSuccess { concert { id performances { id } } } ... on Error { code message }
} }
"""

CANCEL_PERFORMANCE = """
mutation($performanceId: ID!) { cancelPerformance(performanceId: $performanceId) {
  __typename ... on CancelPerformanceSuccess { newly } ... on Error { code message }
} }
"""
PREPARE_PAYMENT = """
mutation($input: PreparePaymentInput!) { preparePayment(input: $input) {
  __typename ... on PaymentOrder { orderId amount } ... on Error { code message retryable }
} }
"""

DEAD_LETTERS = "query { operations { deadLetters(first: 100) { edges { node { id origin type tries reason } } } } }"
DISCARD = """
mutation($input: DeadLettersInput!) { discardDeadLetters(input: $input) {
  __typename ... on DeadLettersDecided { outcomes { id problem } } ... on Error { code message }
} }
"""


def _lever(mutation: str) -> str:
    return f"""
mutation($concertId: ID!) {{ {mutation}(concertId: $concertId) {{
  __typename ... on QueueLevers {{ status }} ... on Error {{ code message }}
}} }}
"""


PAUSE = _lever("pauseQueue")
RESUME = _lever("resumeQueue")
CLOSE = _lever("closeQueue")
