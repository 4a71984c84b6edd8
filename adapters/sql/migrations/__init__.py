"""The steps by which the tables came to be; ``adapters.sql.migrate`` takes them."""
