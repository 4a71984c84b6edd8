"""The waiting queue: joining, watching, admission, leaving."""
