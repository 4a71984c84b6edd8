"""The report's failures, injected and survived, in each world: ``make matrix`` runs them, ``make test`` leaves them out."""

import pytest
from pytest_bdd import scenarios

pytestmark = [pytest.mark.usefixtures("world"), pytest.mark.failures, pytest.mark.timeout(300)]

scenarios("failures")
