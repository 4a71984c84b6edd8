"""The booking flow and its refusals."""

import pytest
from pytest_bdd import scenarios

pytestmark = [pytest.mark.usefixtures("world"), pytest.mark.timeout(300)]

scenarios("booking")
