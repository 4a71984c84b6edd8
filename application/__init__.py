"""The use cases: what the system does, spoken in the report's sentences, to ports only."""
