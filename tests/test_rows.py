"""Rows: a sparse gradient means the dense one, also where a row is named several times."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strict_array import StrictDevice

from minirnn import backend
from minirnn.errors import UsageError
from minirnn.rows import Rows

TABLE = np.zeros((6, 3))


def literal(rows, like=TABLE):
    dense = np.zeros_like(like)
    for i, v in zip(rows.ids, rows.values, strict=True):
        dense[i] += v
    return dense


@st.composite
def gradients(draw):
    ids = draw(st.lists(st.integers(0, 5), max_size=12))
    return Rows(np.array(ids, int), np.random.default_rng(len(ids)).integers(-9, 9, (len(ids), 3)).astype(float))


@given(gradients())
def test_dense_adds_up_repeated_rows(rows):
    np.testing.assert_array_equal(rows.dense(TABLE), literal(rows))


@given(gradients())
def test_unique_names_each_row_once_and_means_the_same(rows):
    unique = rows.unique()
    assert len(set(unique.ids.tolist())) == len(unique.ids)
    assert set(unique.ids.tolist()) == set(rows.ids.tolist())
    np.testing.assert_array_equal(literal(unique), literal(rows))


@given(gradients())
def test_summed_means_the_same_and_has_its_norm(rows):
    summed = rows.summed()
    assert summed.values.shape == rows.values.shape
    np.testing.assert_array_equal(literal(summed), literal(rows))
    assert np.sum(summed.values**2) == np.sum(literal(rows) ** 2)


@given(gradients())
def test_touched_marks_the_named_rows(rows):
    marks = rows.touched(TABLE)
    assert marks.shape == (6, 1)
    assert set(np.flatnonzero(marks).tolist()) == set(rows.ids.tolist())


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64])
@pytest.mark.parametrize("method", ["unique", "summed"])
def test_the_dtype_stays(method, dtype):
    rows = Rows(np.array([1, 1, 2]), np.ones((3, 2), dtype))
    assert getattr(rows, method)().values.dtype == dtype
    assert rows.dense(np.zeros((4, 2), dtype)).dtype == dtype


def test_the_gradient_itself_is_left_as_it_was():
    ids, values = np.array([3, 1, 3]), np.arange(6.0).reshape(3, 2)
    rows = Rows(ids.copy(), values.copy())
    rows.unique(), rows.summed(), rows.dense(np.zeros((4, 2))), rows.touched(np.zeros((4, 2)))
    np.testing.assert_array_equal(rows.ids, ids)
    np.testing.assert_array_equal(rows.values, values)


@pytest.mark.parametrize("method", ["summed", "dense", "touched"])
def test_a_device_does_it_without_saying_how_many_rows_there_are(method):
    rows, like = Rows(np.array([3, 1, 3]), np.ones((3, 2), np.float32)), np.zeros((4, 2), np.float32)
    device = StrictDevice()
    args = () if method == "summed" else (like,)
    wanted = getattr(rows, method)(*args)
    there, device_args = backend.to((rows, args), device)
    found = backend.to(getattr(there, method)(*device_args), "numpy")
    for a, b in zip(np.atleast_1d(*found), np.atleast_1d(*wanted), strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_id_outside_the_table_is_refused():
    with pytest.raises(UsageError, match=r"the ids run from 4 to 4, outside 0\.\.3"):
        Rows(np.array([4]), np.ones((1, 2))).dense(np.zeros((4, 2)))
