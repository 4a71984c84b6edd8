import subprocess
import sys


def test_garbage_is_looked_for_again_once_all_is_imported() -> None:
    """Except in what was imported, which stays."""
    asked = "import gc, entrypoints.command; print(gc.isenabled(), gc.get_freeze_count() > 100_000)"
    assert subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=60).stdout == "True True\n"
