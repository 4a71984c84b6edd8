"""The rules of selling a concert ticket, in plain Python: no clock, no chance, no loop, no library."""
