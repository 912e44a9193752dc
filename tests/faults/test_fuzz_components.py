"""Every component of the catalog, at odd sizes and with arrays that lie in memory in odd ways."""

import numpy as np
import pytest
from components import PROBED, gradient_holds, outcome
from fuzzing import LAYOUT, LAYOUTS, SEEDS, examples, fuzz
from hypothesis import strategies as st

from minirnn import catalog
from minirnn.activations import Tanh

COMPONENTS = [(kind, name) for kind in PROBED for name in catalog.components(kind)]
every_component = pytest.mark.parametrize(("kind", "name"), COMPONENTS, ids=lambda x: x)
N, T, B = st.integers(1, 9), st.sampled_from([1, 2, 15, 16, 17, 33]), st.integers(1, 4)


def same_in_any_layout(kind, component, n, steps, batch, seed, dtype, layout):
    """All results are those of arrays in order, to rounding, and no argument is changed (of a cell: but A)."""
    wanted, _ = outcome(kind, component, n, steps, batch, seed, dtype, LAYOUTS["in order"])
    found, changed = outcome(kind, component, n, steps, batch, seed, dtype, LAYOUTS[layout])
    assert found.keys() == wanted.keys()
    assert not changed
    tolerance = {np.float32: 2e-4, np.float64: 1e-11}[dtype]
    for label, x in found.items():
        assert x.dtype == wanted[label].dtype
        scale = max(1, np.max(np.abs(wanted[label]), initial=0))
        assert np.max(np.abs(x - wanted[label]), initial=0) <= tolerance * scale, label


def of_its_type(kind, component, n, steps, batch, seed, dtype):
    """float32 in, float32 (complex64) out; likewise in double."""
    single = {np.float32: ("float32", "complex64"), np.float64: ("float64", "complex128")}[dtype]
    for label, x in outcome(kind, component, n, steps, batch, seed, dtype, LAYOUTS["in order"])[0].items():
        assert x.dtype.name in single, label


@pytest.mark.promise("odd-sizes")
@examples(4, 60)
@every_component
def test_a_gradient_is_the_slope_of_its_function_at_every_size(kind, name, examples, tried):
    component = catalog.find(kind, name)
    fuzz(tried, examples, lambda n, steps, seed: gradient_holds(kind, component, n, steps, seed), N, T, SEEDS)


@pytest.mark.promise("odd-layouts")
@examples(4, 60)
@every_component
def test_it_does_not_matter_how_arrays_lie_in_memory(kind, name, examples, tried):
    component = catalog.find(kind, name)
    dtypes = st.sampled_from([np.float32, np.float64])
    fuzz(tried, examples, lambda *drawn: same_in_any_layout(kind, component, *drawn), N, T, B, SEEDS, dtypes, LAYOUT)


@pytest.mark.promise("types")
@examples(2, 20)
@every_component
def test_the_type_of_a_result_follows_from_its_arguments(kind, name, examples, tried):
    component = catalog.find(kind, name)
    dtypes = st.sampled_from([np.float32, np.float64])
    fuzz(tried, examples, lambda *drawn: of_its_type(kind, component, *drawn), N, T, B, SEEDS, dtypes)


# -- planted violations


class Careless(Tanh):
    """Multiplies into its argument."""

    def backward(self, dh, z, h, out=None):
        dh *= 1 - h * h
        return dh


class Flat(Tanh):
    """Takes an array for one in order."""

    def forward(self, z, out=None):
        return np.tanh(np.ndarray(z.shape, z.dtype, z.base if z.base is not None else z))


class Doubled(Tanh):
    def backward(self, dh, z, h, out=None):
        return np.asarray(dh * (1 - h * h), np.float64)


class AllButOne(Tanh):
    """Right at every size but one."""

    def backward(self, dh, z, h, out=None):
        return dh * (1 - h * h) * (0.5 if z.shape[-1] == 1 else 1)


@pytest.mark.control("odd-layouts")
@pytest.mark.parametrize("planted", [Careless, Flat])
def test_a_backward_that_writes_on_its_argument_or_trusts_its_strides_is_caught(planted):
    def check():
        for layout in LAYOUTS:
            same_in_any_layout("activations", planted, 3, 1, 2, 0, np.float64, layout)

    with pytest.raises((AssertionError, ValueError, TypeError)):
        check()


@pytest.mark.control("types")
def test_a_backward_in_double_precision_is_caught():
    with pytest.raises(AssertionError):
        of_its_type("activations", Doubled, 3, 1, 2, 0, np.float32)


@pytest.mark.control("odd-sizes")
def test_a_gradient_that_is_wrong_for_one_unit_alone_is_caught():
    for n in range(2, 5):
        gradient_holds("activations", AllButOne, n, 1, 0)
    with pytest.raises(AssertionError):
        gradient_holds("activations", AllButOne, 1, 1, 0)
