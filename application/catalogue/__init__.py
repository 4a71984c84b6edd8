"""Putting concerts on sale."""
