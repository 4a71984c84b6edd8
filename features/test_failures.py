"""The report's failures, injected and survived. ``make test`` has each in one world: what breaks a real server in the real
one, the rest in the embedded one; ``make matrix`` has all that can be in both.
"""

import pytest
from pytest_bdd import scenarios

pytestmark = [pytest.mark.usefixtures("world"), pytest.mark.failures, pytest.mark.timeout(300)]

scenarios("failures")
