"""The booking flow and its refusals, told in Korean and run against a server."""
