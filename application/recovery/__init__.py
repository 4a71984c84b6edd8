"""What makes up for lost time and lost hints."""
