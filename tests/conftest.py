"""What every test shares: one BLAS thread, for parallel processes not to fight over cores, no deadline, own numbers."""

import numpy as np
import pytest
from hypothesis import settings
from threadpoolctl import threadpool_limits

settings.register_profile("a busy machine", deadline=None)          # how long an example takes says nothing here
settings.load_profile("a busy machine")


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    with threadpool_limits(1):
        yield


@pytest.fixture(autouse=True)
def _same_numbers_in_any_order(request):
    """A module's generator RNG starts anew for each test, so that no test's numbers depend on which ran before."""
    generator = getattr(request.module, "RNG", None)
    if isinstance(generator, np.random.Generator):
        start = request.module.__dict__.setdefault("_RNG_STARTS_AT", generator.bit_generator.state)
        generator.bit_generator.state = start
