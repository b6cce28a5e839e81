"""What every test shares."""

import os

from hypothesis import HealthCheck, settings

# The same examples in every run, so that a red build is red again; `HYPOTHESIS_PROFILE=wide` looks further.
settings.register_profile("fast", max_examples=100, derandomize=True, deadline=None, database=None)
settings.register_profile(
    "wide", max_examples=3000, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))
