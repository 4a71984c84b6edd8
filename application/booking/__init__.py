"""Holding seats, paying for them, letting go of them."""
