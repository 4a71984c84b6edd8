"""Look-alikes of the providers, over real HTTP, with switches for everything that goes wrong there."""
