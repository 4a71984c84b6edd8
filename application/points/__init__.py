"""Points: buying them by card."""
