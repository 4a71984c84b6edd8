"""Whether tests notice that a safeguard is gone: each is taken out of a copy of the tree, and tests that it is for have to fail."""
