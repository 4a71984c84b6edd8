"""The report's failures, injected and survived; and that none of its rows is forgotten."""

import pytest
from pytest_bdd import scenarios

pytestmark = pytest.mark.usefixtures("world")

scenarios("failures")
