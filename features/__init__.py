"""What fans and operators see, in their own words; its steps explain a failed assertion as tests do."""

import pytest

pytest.register_assert_rewrite("features.steps")
