"""The types of the public API, made from domain objects and nothing else."""
