"""How hard Hypothesis tries: `HYPOTHESIS_PROFILE=deep` (make test-deep) for thousands of histories instead of a few."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]

# The quick budget tries the same histories every time, so that a check of unchanged code does not fail by chance; the deep one tries new ones.
# A failure prints the blob that repeats it: paste it as @reproduce_failure(...) above the test.
settings.register_profile("default", deadline=None, derandomize=True, print_blob=True, suppress_health_check=_SLOW)
settings.register_profile("deep", settings.get_profile("default"), derandomize=False, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
