"""The SQL of a payment, written by hand. Both hands lock, read and write the very same rows."""

SESSION = "SET SESSION transaction_isolation = 'READ-COMMITTED', innodb_lock_wait_timeout = 2, time_zone = '+00:00'"

# One statement a kind of row.
SHOW = """
SELECT p.status, c.title, p.venue, p.starts_at, c.sales_open_at, c.sales_close_at, c.purchase_limit, UTC_TIMESTAMP(6)
FROM performances p JOIN concerts c ON c.concert_id = p.concert_id
WHERE p.concert_id = %s AND p.performance_id = %s FOR SHARE"""
BUYER = "SELECT pass_place, ended, deadline, held, bought FROM buyers WHERE concert_id = %s AND user_id = %s FOR UPDATE"
RESERVATION = """
SELECT total_price, status, expires_at, user_id, pass_place, sequence FROM reservations
WHERE concert_id = %s AND performance_id = %s AND reservation_id = %s FOR UPDATE"""
SEATS = """
SELECT s.seat_id, s.section, s.`row`, s.number, s.grade, s.status
FROM reservation_seats rs
STRAIGHT_JOIN seats s ON s.concert_id = rs.concert_id AND s.performance_id = rs.performance_id AND s.seat_id = rs.seat_id
WHERE rs.concert_id = %s AND rs.performance_id = %s AND rs.reservation_id = %s FOR UPDATE OF s"""
ACCOUNT = "SELECT balance, sequence FROM point_accounts WHERE user_id = %s FOR UPDATE"
EARLIER = """
SELECT fingerprint, result FROM idempotency_records
WHERE shard_key = %s AND owner = %s AND operation = 'pay' AND `key` = %s FOR UPDATE"""

SELL_SEATS = """
UPDATE seats SET status = 'SOLD', held_until = NULL, changed_at = %s
WHERE concert_id = %s AND performance_id = %s AND seat_id IN (%s, %s)"""
CONFIRM = """
UPDATE reservations SET status = 'CONFIRMED', payment_id = %s, sequence = sequence + 1
WHERE concert_id = %s AND performance_id = %s AND reservation_id = %s"""
USE_PASS = """
UPDATE buyers SET held = held - 2, bought = bought + 2, ended = 'USED',
open_performance_id = NULL, open_reservation_id = NULL, open_hold_until = NULL
WHERE concert_id = %s AND user_id = %s"""
DEDUCT = "UPDATE point_accounts SET balance = balance - %s, sequence = sequence + 1 WHERE user_id = %s"

# The same in as few statements as one payment can be said with.
EVERYTHING = """
SELECT p.status, c.title, p.venue, p.starts_at, b.pass_place, b.ended, b.deadline, r.total_price, r.status, r.expires_at,
a.balance, a.sequence, i.result, UTC_TIMESTAMP(6), s.seat_id, s.section, s.`row`, s.number, s.grade, s.status
FROM reservations r
JOIN performances p ON p.concert_id = r.concert_id AND p.performance_id = r.performance_id
JOIN concerts c ON c.concert_id = r.concert_id
JOIN buyers b ON b.concert_id = r.concert_id AND b.user_id = %s
JOIN point_accounts a ON a.user_id = %s
JOIN reservation_seats rs
ON rs.concert_id = r.concert_id AND rs.performance_id = r.performance_id AND rs.reservation_id = r.reservation_id
STRAIGHT_JOIN seats s ON s.concert_id = rs.concert_id AND s.performance_id = rs.performance_id AND s.seat_id = rs.seat_id
LEFT JOIN idempotency_records i ON i.shard_key = r.concert_id AND i.owner = %s AND i.operation = 'pay' AND i.`key` = %s
WHERE r.concert_id = %s AND r.performance_id = %s AND r.reservation_id = %s
FOR UPDATE OF r, b, a, s, i FOR SHARE OF p, c"""
CHANGE_EVERYTHING = """
UPDATE seats s, reservations r, buyers b, point_accounts a
SET s.status = 'SOLD', s.held_until = NULL, s.changed_at = %s,
r.status = 'CONFIRMED', r.payment_id = %s, r.sequence = r.sequence + 1,
b.held = b.held - 2, b.bought = b.bought + 2, b.ended = 'USED',
b.open_performance_id = NULL, b.open_reservation_id = NULL, b.open_hold_until = NULL,
a.balance = a.balance - %s, a.sequence = a.sequence + 1
WHERE s.concert_id = %s AND s.performance_id = %s AND s.seat_id IN (%s, %s)
AND r.concert_id = %s AND r.performance_id = %s AND r.reservation_id = %s
AND b.concert_id = %s AND b.user_id = %s AND a.user_id = %s"""

# New rows, which both write alike.
ADD_PAYMENT = """
INSERT INTO payments (concert_id, performance_id, payment_id, reservation_id, user_id, method, status, points_amount, card_amount,
requested_at, paid_at) VALUES (%s, %s, %s, %s, %s, 'POINTS', 'COMPLETED', %s, 0, %s, %s)"""
ADD_TICKETS = """
INSERT INTO tickets (concert_id, performance_id, ticket_id, seat_id, reservation_id, payment_id, user_id, issued_at, live)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 1), (%s, %s, %s, %s, %s, %s, %s, %s, 1)"""
ADD_LEDGER_ENTRY = """
INSERT INTO point_ledger (user_id, sequence, entry_id, kind, amount, balance_after, source, created_at)
VALUES (%s, %s, %s, 'DEDUCT', %s, %s, %s, %s)"""
ADD_MESSAGE = """
INSERT INTO outbox_messages (shard_key, id, aggregatetype, aggregateid, type, version, sequence, occurred_at, payload, status, attempts)
VALUES (%s, %s, 'reservation', %s, 'PaymentCompleted', 1, 1, %s, %s, 'PENDING', 0)"""
REMEMBER = """
INSERT INTO idempotency_records (shard_key, owner, operation, `key`, fingerprint, result, created_at)
VALUES (%s, %s, 'pay', %s, %s, %s, %s)"""
