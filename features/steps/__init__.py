"""What the sentences of the features mean."""
