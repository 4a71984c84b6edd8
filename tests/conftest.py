"""What all tests share; the real servers' fixtures come from `tests.servers.fixtures`."""
