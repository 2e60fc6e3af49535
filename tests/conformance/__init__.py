"""What every connector has to pass. `suite.py` holds the tests; a connector's file says how to set up its world."""

import pytest

pytest.register_assert_rewrite("tests.conformance.suite")
