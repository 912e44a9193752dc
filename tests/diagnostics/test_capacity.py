"""Ranks of ∂W/∂θ against the known dimensions, and its entries against finite differences."""

import re
from pathlib import Path

import numpy as np
import pytest
from strict_array import StrictDevice

from minirnn import catalog
from minirnn.diagnostics.capacity import Capacity, capacity, jacobian
from minirnn.diagnostics.subject import Subject
from minirnn.errors import UsageError
from minirnn.initializers import orthogonal
from minirnn.model import walk
from minirnn.models import network
from minirnn.operators import dense
from minirnn.parametrizations import (
    BlockDiagonal,
    Cayley,
    Dense,
    ExpMap,
    Givens,
    Orthogonal,
    Plumbley,
    Stack,
    SVDMargin,
    Unitary,
    UnitaryProduct,
)

RNG = np.random.default_rng(0)


def numbers(W):
    """The real numbers in W, in the order of the Jacobian's rows."""
    W = dense(W).copy()
    return np.concatenate([W.real.ravel(), W.imag.ravel()]) if np.iscomplexobj(W) else W.ravel()


def difference_quotients(p):
    """∂W/∂θ by central differences, one column per real number."""
    h, columns = 1e-6, []
    for _, part in walk("", p):
        for x in part.params.values():
            for d in (1, 1j) if np.iscomplexobj(x) else (1,):
                for place in np.ndindex(x.shape):
                    kept, ends = x[place], []
                    for sign in (1, -1):
                        x[place] = kept + sign * h * d
                        ends.append(numbers(p.matrix()[0]))
                    x[place] = kept
                    columns.append((ends[0] - ends[1]) / (2 * h))
    return np.stack(columns, axis=1)


EXAMPLES = dict(catalog.examples("parametrizations", 3, np.random.default_rng(0)))
FREE = [label for label, p in EXAMPLES.items() if not any(getattr(part, "manifold", {}) for _, part in walk("", p))]


@pytest.mark.parametrize("label", FREE)
def test_its_columns_are_difference_quotients(label):
    """Compared as J Jᵀ, which does not ask for the order of columns; not on manifolds, which single steps leave."""
    p = EXAMPLES[label].claim()
    J, D = jacobian(p), difference_quotients(p)
    wanted = D @ D.T
    assert pytest.approx(wanted, abs=1e-7 * max(1, np.max(np.abs(wanted)))) == J @ J.T


@pytest.mark.parametrize("n", range(2, 9))
def test_seven_factors_reach_at_most_seven_n_minus_seven_dimensions(n):
    found = capacity(UnitaryProduct.random(n, np.random.default_rng(n)))
    assert (found["parameters"], found["dimension"]) == (7 * n, n * n)
    assert found["rank"] == min(n * n, 7 * n - 7)
    assert found["gap"] > 1e10


@pytest.mark.parametrize("n", range(3, 9))
def test_each_packed_rotation_adds_half_of_n_dimensions_of_rotations(n):
    for K in range(1, n + n % 2):
        found = capacity(Givens(RNG.uniform(-np.pi, np.pi, (K, n // 2)), n))
        assert found["rank"] == found["parameters"] == K * (n // 2), K
        assert found["dimension"] == n * (n - 1) // 2
    assert found["rank"] == found["dimension"]


@pytest.mark.parametrize("Skew", [ExpMap, Cayley, Plumbley])
def test_skew_coordinates_reach_all_rotations_without_redundancy(Skew):
    found = capacity(Skew(RNG.standard_normal((6, 6))))
    assert found["rank"] == found["parameters"] == found["dimension"] == 15
    assert found["gap"] is None


def test_a_matrix_on_a_manifold_counts_by_its_tangent_space():
    W = orthogonal((5, 5), RNG)
    found = capacity(Orthogonal(W))
    assert (found["rank"], found["parameters"], found["dimension"]) == (10, 25, 10)
    assert found["condition"] == pytest.approx(1, rel=1e-12)
    Q = np.linalg.qr(RNG.standard_normal((4, 4)) + 1j * RNG.standard_normal((4, 4)))[0]
    assert (capacity(Unitary(Q))["rank"], capacity(Unitary(Q))["dimension"]) == (16, 16)
    tall = capacity(Orthogonal(orthogonal((5, 2), RNG)))
    assert tall["rank"] == 5 * 2 - 2 * 3 // 2                       # the Stiefel manifold's dimension


def test_singular_vectors_and_values_reach_every_matrix():
    found = capacity(SVDMargin(orthogonal((4, 4), RNG), orthogonal((4, 4), RNG), 0.1, np.array([0.3, -0.2, 0.5, 0.1])))
    assert (found["rank"], found["dimension"]) == (16, 16)


def test_free_and_structured_matrices_have_as_many_directions_as_numbers():
    assert capacity(Dense(RNG.standard_normal((3, 4)))) == {
        "rank": 12, "parameters": 12, "dimension": 12, "condition": 1.0, "gap": None,
    }
    found = capacity(BlockDiagonal(RNG.standard_normal((1, 2, 3, 3))))
    assert (found["rank"], found["dimension"], found["condition"]) == (18, 36, 1.0)


def smallest_and_largest(theta, n):
    s = np.linalg.svd(jacobian(Givens(theta, n)), compute_uv=False) / np.sqrt(2)    # a plane turns two entries per row
    return s[-1], s[0]


@pytest.mark.parametrize("n", [8, 16])
def test_packed_rotations_are_best_conditioned_at_zero_and_worst_at_uniform_angles(n):
    rng, shape = np.random.default_rng(0), (n - 1, n // 2)
    least = [smallest_and_largest(rng.uniform(-a, a, shape), n)[0] for a in (0.0, 0.1, 0.3, np.pi)]
    assert least[0] == pytest.approx(1, rel=1e-12)
    assert least[0] > least[1] > least[2] > 10 * least[3]
    assert capacity(Givens(np.zeros(shape), n))["condition"] == pytest.approx(1, rel=1e-12)


def about(model, index=0):
    return Subject(model, index, None, None, None, 0)


def test_the_gates_of_a_stack_are_counted_one_by_one():
    model = network(2, 3, 5, rng=np.random.default_rng(0), cell="gru", parametrization="cayley")
    found = Capacity().measure(about(model))
    assert found["rank"] == found["parameters"] == found["dimension"] == 3 * 10
    assert found["matrices"].keys() == {"W.0", "W.1", "W_h"}
    assert found["condition"] == max(part["condition"] for part in found["matrices"].values())


def test_it_measures_a_layer_in_double_precision_and_leaves_it_as_it_was():
    model = network(2, 3, 6, rng=np.random.default_rng(0), parametrization="givens", layers=2)
    kept = {name: x.copy() for name, x in model.params.items()}
    found = Capacity().measure(about(model, 1))
    assert (found["rank"], found["dimension"]) == (15, 15)
    assert all(model.params[name].dtype == np.float32 for name in kept)
    assert all(model.params[name].tobytes() == x.tobytes() for name, x in kept.items())


def test_on_a_device_it_is_the_same():
    model = network(2, 3, 5, rng=np.random.default_rng(0), parametrization="unitary-product", activation="modrelu")
    wanted = Capacity().measure(about(model))
    assert Capacity().measure(about(model.to(StrictDevice()))) == wanted


def test_a_layer_that_is_too_large_is_refused_before_the_work():
    model = network(2, 3, 64, rng=np.random.default_rng(0), parametrization="expmap")
    said = r"rnn\.0\.W would have 4096 x 4096 entries .* raise the limit with --option capacity\.limit=16777216"
    with pytest.raises(UsageError, match=said):
        Capacity().measure(about(model))
    with pytest.raises(UsageError, match="positive limit"):
        Capacity(limit=0)


def test_a_nested_stack_is_taken_apart():
    inner = Stack([Cayley(RNG.standard_normal((3, 3))), Dense(RNG.standard_normal((3, 3)))])
    p = Stack({"u": inner, "r": Orthogonal(orthogonal((3, 3), RNG))})
    model = network(2, 3, 3, rng=np.random.default_rng(0), cell="gru")
    name = next(name for name, part in model.layers[0].matrices.items())
    model.layers[0].matrices = {name: p}
    found = Capacity().measure(about(model))
    assert {key: part["rank"] for key, part in found["matrices"].items()} == {
        f"{name}.u.0": 3, f"{name}.u.1": 9, f"{name}.r": 3,
    }


def test_the_table_of_conditions_in_the_guide_is_what_is_measured():
    page = (Path(__file__).parents[2] / "docs" / "guides" / "diagnostics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", page, re.MULTILINE)
    assert [n for n, _ in rows] == ["8", "16"]
    for n, shown in ((int(n), shown) for n, shown in rows):
        rng, shape = np.random.default_rng(0), (n - 1, n // 2)
        angles = np.zeros(shape), *(rng.uniform(-a, a, shape) for a in (0.1, 0.3, np.pi))
        assert shown.split(" | ") == [f"{capacity(Givens(theta, n))['condition']:.2g}" for theta in angles]
