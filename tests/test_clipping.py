"""Clipping: each entry or the norm of all, in dense gradients and in rows, and the gradients left as they were."""

import numpy as np
import pytest

from minirnn.errors import UsageError
from minirnn.optimizers import SGD, ClipElementwise, ClipNorm, Optimizer
from minirnn.rows import Rows


def test_elementwise_clipping_cuts_each_entry():
    clipped = ClipElementwise(1.0)({"x": np.array([-3.0, 0.5, 2.0])})
    assert clipped["x"].tolist() == [-1, 0.5, 1]


def test_elementwise_clipping_leaves_what_the_pattern_does_not_name():
    grads = {"rnn.0.W": np.full(2, 9.0), "readout.W": np.full(2, 9.0)}
    clipped = ClipElementwise(1.0, "rnn.*")(grads)
    assert clipped["rnn.0.W"].tolist() == [1, 1]
    assert clipped["readout.W"] is grads["readout.W"]


def test_elementwise_clipping_cuts_real_and_imaginary_parts_apart():
    assert ClipElementwise(1.0)({"x": np.array([3 - 0.5j])})["x"].tolist() == [1 - 0.5j]


def test_a_clipping_pattern_that_names_nothing_is_refused():
    with pytest.raises(UsageError, match="no parameter matches 'rn'"):
        Optimizer({"rnn.0.W": np.ones(2)}, [("*", SGD(1))], clips=[ClipElementwise(1.0, "rn")])


def test_norm_clipping_scales_all_gradients_together():
    clipped = ClipNorm(1.0)({"x": np.array([3.0, 0.0]), "y": np.array([[4.0]])})
    np.testing.assert_allclose(clipped["x"], [0.6, 0], rtol=1e-6)
    np.testing.assert_allclose(clipped["y"], [[0.8]], rtol=1e-6)


def test_norm_clipping_leaves_small_gradients_bit_for_bit():
    grads = {"x": np.array([0.3, 0.1]), "y": np.array([0.2], np.float32)}
    for name, g in ClipNorm(1.0)(grads).items():
        assert g.tobytes() == grads[name].tobytes()
        assert g.dtype == grads[name].dtype


def test_norm_clipping_of_zero_is_zero():
    assert not ClipNorm(1.0)({"x": np.zeros(3)})["x"].any()


@pytest.mark.parametrize("dtype", [np.float32, np.complex64, np.float64])
@pytest.mark.parametrize("share", [0.4, 0.9, 1.5])
def test_norm_clipping_of_squares_that_overflow_together_or_alone(dtype, share):
    size = np.sqrt(share) * np.sqrt(np.finfo(dtype).max)
    clipped = ClipNorm(1.0)({name: np.array([size, 0], dtype) for name in "xyz"})
    for g in clipped.values():
        assert g.dtype == dtype
        np.testing.assert_allclose(g, [1 / np.sqrt(3), 0], rtol=1e-6)


def test_norm_clipping_counts_complex_entries_by_modulus():
    np.testing.assert_allclose(ClipNorm(1.0)({"x": np.array([3 + 4j])})["x"], [0.6 + 0.8j], rtol=1e-6)


@pytest.mark.parametrize("clip", [ClipNorm(1.0), ClipElementwise(0.5)], ids=["norm", "elementwise"])
def test_clipping_rows_with_repetition_equals_clipping_the_dense_gradient(clip):
    if isinstance(clip, ClipElementwise):
        rows = Rows(np.array([0, 2]), np.array([[3.0], [-4.0]]))
    else:
        rows = Rows(np.array([2, 0, 2]), np.array([[-1.0], [3.0], [-3.0]]))
    E = np.zeros((3, 1))
    sparse, dense = clip({"E": rows})["E"].dense(E), clip({"E": rows.dense(E)})["E"]
    np.testing.assert_allclose(sparse, dense, rtol=1e-15)


@pytest.mark.parametrize("clip", [ClipNorm(1.0), ClipElementwise(0.5)], ids=["norm", "elementwise"])
def test_clipping_does_not_write_into_the_gradients(clip):
    rows = Rows(np.array([1, 1]), np.array([[3.0], [4.0]]))
    grads = {"x": np.array([3.0]), "E": rows}
    clip(grads)
    assert grads["x"].tolist() == [3]
    assert rows.values.tolist() == [[3], [4]]


@pytest.mark.parametrize("clip", [ClipNorm, ClipElementwise])
@pytest.mark.parametrize("limit", [0, -1, float("nan")])
def test_a_limit_that_is_not_positive_is_refused(clip, limit):
    with pytest.raises(UsageError, match="must be positive"):
        clip(limit)


def test_clips_act_in_order_before_the_rules():
    params = {"x": np.zeros(2)}
    clips = [ClipElementwise(3.0), ClipNorm(1.0)]
    Optimizer(params, [("*", SGD(1.0))], clips=clips).step(params, {"x": np.array([30.0, 4.0])})
    np.testing.assert_allclose(params["x"], [-1 / np.sqrt(2)] * 2, rtol=1e-6)
