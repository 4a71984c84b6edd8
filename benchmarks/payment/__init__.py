"""Payments a second: the pay use case against a bare driver that writes the same rows, in the same run."""
