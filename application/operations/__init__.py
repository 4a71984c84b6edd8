"""Looking after the system: is it well, what does it hold back."""
