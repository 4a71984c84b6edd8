"""`concert rehearse`: a dress rehearsal of a sale against a running server. A client: it knows the public API and nothing behind it."""
