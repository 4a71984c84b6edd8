"""Toss Payments over HTTP: a PaymentGateway, and the table that says what each of its answers amounts to."""
