"""Where `concert` begins: what it imports lives as long as the process, and is not looked through for garbage."""

import gc
import sys

gc.disable()

from entrypoints.cli import main  # noqa: E402 -- of a start and an end, a third was the collector's, which found nothing

gc.freeze()
gc.enable()

if __name__ == "__main__":
    sys.exit(main())
