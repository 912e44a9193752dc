"""Update rules against their papers' algorithms number by number; groups, clipping and memory."""

import numpy as np
import oracles
import pytest

from minirnn import catalog, memory
from minirnn.errors import UsageError
from minirnn.linalg import polar
from minirnn.optimizers import (
    SGD,
    Adam,
    ClipElementwise,
    ClipNorm,
    Geodesic,
    Optimizer,
    PlumbleyMultiplicative,
    RMSprop,
)
from minirnn.rows import Rows

STEPS = 200
RULES = {
    "sgd": (lambda: SGD(0.1), lambda x, g: oracles.sgd(x, g, 0.1)),
    "momentum": (lambda: SGD(0.1, 0.9), lambda x, g: oracles.momentum(x, g, 0.1, 0.9)),
    "rmsprop": (lambda: RMSprop(0.01, 0.9), lambda x, g: oracles.rmsprop(x, g, 0.01, 0.9, 1e-8)),
    "rmsprop, lasagne": (
        lambda: RMSprop(0.01, convention="lasagne"), lambda x, g: oracles.rmsprop(x, g, 0.01, 0.9, 0, inside=1e-6)
    ),
    "rmsprop, tensorflow": (
        lambda: RMSprop(0.01, convention="tensorflow"),
        lambda x, g: oracles.rmsprop(x, g, 0.01, 0.9, 0, inside=1e-10, start=1.0),
    ),
    "rmsprop, arjovsky": (
        lambda: RMSprop(0.01, convention="arjovsky"), lambda x, g: oracles.rmsprop(x, g, 0.01, 0.9, 0, start=1e-3)
    ),
    "adam": (lambda: Adam(0.01), lambda x, g: oracles.adam(x, g, 0.01, 0.9, 0.999, 1e-8)),
}
# The rules that move along a manifold take whole matrices; what they promise there is in test_geodesic.py. Every
# convention of RMSprop, by its numbers, is in test_rmsprop.py.
ON_A_MANIFOLD = {
    "geodesic": (lambda: Geodesic(0.1, correct_every=0), lambda M, g: oracles.cayley_steps(M, g, 0.1), "fc", (5, 5)),
    "geodesic, tall": (
        lambda: Geodesic(0.1, correct_every=0), lambda M, g: oracles.cayley_steps(M, g, 0.1), "fc", (7, 3)
    ),
    "geodesic, rms": (
        lambda: Geodesic(0.01, "rms", correct_every=0),
        lambda M, g: oracles.normalised_cayley_steps(M, g, 0.01, 0.9, 1e-8), "fc", (5, 5),
    ),
    "plumbley-multiplicative": (
        lambda: PlumbleyMultiplicative(0.1, correct_every=0), lambda W, g: oracles.exponential_steps(W, g, 0.1), "f",
        (5, 5),
    ),
}
every_rule = pytest.mark.parametrize("make", [make for make, _ in RULES.values()], ids=RULES.keys())


def gradients(shape, steps=STEPS, dtype=np.float64, seed=0):
    """Gradients whose sizes differ by orders of magnitude between entries and over time."""
    rng = np.random.default_rng(seed)
    sizes = 10.0 ** rng.uniform(-3, 3, shape) * 10.0 ** rng.uniform(-1, 1, (steps, *[1] * len(shape)))
    g = rng.standard_normal((steps, *shape)) * sizes
    return (g + 1j * rng.permuted(g, axis=0)).astype(dtype) if np.dtype(dtype).kind == "c" else g.astype(dtype)


def run(rule, x, G, name="x"):
    for g in G:
        rule.step(name, x, g)
    return x


def test_every_rule_is_tested_here():
    tested = {type(make()) for make, *_ in (*RULES.values(), *ON_A_MANIFOLD.values())}
    assert tested == set(catalog.components("rules").values())


@pytest.mark.parametrize(("make", "oracle"), RULES.values(), ids=RULES.keys())
def test_two_hundred_steps_equal_the_papers_algorithm(make, oracle):
    x, G = np.random.default_rng(1).standard_normal((3, 4)), gradients((3, 4))
    wanted = np.array([[oracle(x[i, j], G[:, i, j]) for j in range(4)] for i in range(3)])
    found = run(make(), x.copy(), G)
    assert np.max(np.abs(found - wanted)) <= 1e-14 * np.max(np.abs(wanted))


def on_a_manifold(shape, number, steps=40):
    """A matrix with orthonormal columns, and gradients for it."""
    rng = np.random.default_rng(3)
    G = rng.standard_normal((steps + 1, *shape))
    if number == "c":
        G = G + 1j * rng.standard_normal(G.shape)
    return polar(G[-1]), G[:-1]


@pytest.mark.parametrize(("make", "oracle", "numbers", "shape"), ON_A_MANIFOLD.values(), ids=ON_A_MANIFOLD.keys())
def test_forty_steps_along_a_manifold_equal_the_papers_formula(make, oracle, numbers, shape):
    for number in numbers:
        M, G = on_a_manifold(shape, number)
        found, wanted = run(make(), M.copy(), G), oracle(M, G)
        assert np.linalg.norm(found - M) > 0.5
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("make", "numbers", "shape"), [
    (lambda: Geodesic(0.1, "rms", correct_every=3), "fc", (5, 5)),
    (lambda: PlumbleyMultiplicative(0.1, correct_every=3), "f", (5, 5)),
], ids=["geodesic", "plumbley-multiplicative"])
def test_a_restored_rule_on_a_manifold_continues_bit_for_bit(make, numbers, shape):
    for number in numbers:
        M, G = on_a_manifold(shape, number)
        whole, half, resumed = make(), make(), make()
        x = run(whole, M.copy(), G)
        y = run(half, M.copy(), G[:17])
        resumed.load_state_dict({key: a.copy() for key, a in half.state_dict().items()})
        assert run(resumed, y, G[17:]).tobytes() == x.tobytes()


@every_rule
def test_a_small_step_lowers_a_quadratic(make):
    x = np.array([3.0, -2.0])
    rule = make()
    for _ in range(20):
        rule.step("x", x, x / 100)
    assert np.linalg.norm(x) < np.linalg.norm([3.0, -2.0])


@every_rule
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_a_parameter_keeps_its_dtype_and_its_memory_that_precision(make, dtype):
    x, rule = np.ones((2, 3), dtype), make()
    run(rule, x, gradients((2, 3), 3, dtype))
    assert x.dtype == dtype
    assert {a.dtype for slots in rule.memory.values() for a in slots.values()} <= {x.real.dtype}


@every_rule
def test_complex_parameters_move_as_pairs_of_reals(make):
    G = gradients((2, 3), dtype=np.complex128)
    z = run(make(), np.ones((2, 3), complex), G)
    np.testing.assert_array_equal(z.real, run(make(), np.ones((2, 3)), G.real))
    np.testing.assert_array_equal(z.imag, run(make(), np.zeros((2, 3)), G.imag))


@every_rule
@pytest.mark.parametrize("shape", [(7, 3), (20,), (3, 2, 4), ()])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_moving_a_few_rows_at_a_time_changes_no_bit(make, shape, dtype, monkeypatch):
    G = gradients(shape, dtype=dtype)
    whole = run(make(), np.ones(shape, dtype), G)
    monkeypatch.setattr(memory, "CACHED", 6)
    rule, sizes = make(), []
    update = rule.update

    def counted(x, *rest):
        sizes.append(x.size)
        update(x, *rest)

    rule.update = counted
    assert run(rule, np.ones(shape, dtype), G).tobytes() == whole.tobytes()
    assert sum(sizes) == whole.size * len(G)
    assert len(sizes) > len(G) or not shape


@every_rule
@pytest.mark.parametrize("dtype", [np.float32, np.complex128])
def test_a_gradient_may_be_laid_out_by_columns(make, dtype):
    G, start = gradients((5, 3), dtype=dtype), np.ones((5, 3), dtype)
    by_columns = run(make(), start.copy(), [np.asfortranarray(g) for g in G])
    assert by_columns.tobytes() == run(make(), start.copy(), G).tobytes()


@every_rule
def test_parameters_of_one_rule_do_not_share_memory(make):
    rule, G, K = make(), gradients((3,)), gradients((3,), seed=2)
    x, y = np.ones(3), np.ones(3)
    for g, k in zip(G, K, strict=True):
        rule.step("x", x, g)
        rule.step("y", y, k)
    np.testing.assert_array_equal(x, run(make(), np.ones(3), G))
    np.testing.assert_array_equal(y, run(make(), np.ones(3), K))


@every_rule
def test_the_gradient_is_left_as_it_was(make):
    g = np.array([1.0, -2.0])
    make().step("x", np.ones(2), g)
    assert g.tolist() == [1.0, -2.0]


@pytest.mark.parametrize(("rule", "options"), [
    (SGD, {"lr": 0}), (SGD, {"lr": -1}), (SGD, {"lr": float("nan")}), (SGD, {"lr": 1, "momentum": 1}),
    (RMSprop, {"lr": 1, "rho": 1}), (Adam, {"lr": 1, "beta1": 1}), (Adam, {"lr": 1, "beta2": -0.1}),
])
def test_options_outside_their_range_are_refused(rule, options):
    with pytest.raises(UsageError, match="got"):
        rule(**options)


# ---- rows


@every_rule
def test_rows_equal_the_dense_gradient_where_every_row_is_read(make):
    E, dense = np.ones((4, 2)), np.ones((4, 2))
    rows, rule = make(), make()
    rng = np.random.default_rng(0)
    for _ in range(20):
        g = Rows(np.array([2, 0, 3, 1, 0, 2]), rng.standard_normal((6, 2)))
        rows.step("E", E, g)
        rule.step("E", dense, g.dense(dense))
    np.testing.assert_array_equal(E, dense)


@every_rule
def test_rows_move_only_what_was_read_and_its_memory(make):
    rule, E = make(), np.ones((5, 2))
    run(rule, E, [np.full((5, 2), 0.5)] * 3, "E")
    before, memory = E.copy(), {slot: a.copy() for slot, a in rule.memory["E"].items()}
    rule.step("E", E, Rows(np.array([1, 3, 1]), np.ones((3, 2))))
    unread = [0, 2, 4]
    np.testing.assert_array_equal(E[unread], before[unread])
    assert (E[[1, 3]] != before[[1, 3]]).all()
    for slot, a in rule.memory["E"].items():
        np.testing.assert_array_equal(a[unread], memory[slot][unread])
        assert (a[[1, 3]] != memory[slot][[1, 3]]).all()


def test_a_repeated_row_moves_by_the_sum():
    E = np.zeros((3, 1))
    SGD(1.0).step("E", E, Rows(np.array([1, 1, 2]), np.array([[1.0], [2.0], [5.0]])))
    assert E.ravel().tolist() == [0, -3, -5]


# ---- clipping


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


# ---- groups


PARAMS = {"rnn.0.W.A": np.ones(2), "rnn.0.b": np.ones(2), "readout.W": np.ones(2)}
ONES = {name: np.ones(2) for name in PARAMS}


def test_the_first_pattern_that_matches_decides():
    params = {name: x.copy() for name, x in PARAMS.items()}
    Optimizer(params, [("rnn.*.W.*", SGD(0.1)), ("rnn.*", SGD(0.2)), ("*", SGD(0.3))]).step(params, ONES)
    assert [float(x[0]) for x in params.values()] == pytest.approx([0.9, 0.8, 0.7])


def test_a_parameter_without_a_rule_is_refused_at_construction():
    with pytest.raises(UsageError, match=r"no update rule for parameter 'readout.W'; patterns: \['rnn.\*'\]; end with"):
        Optimizer(PARAMS, [("rnn.*", SGD(0.1))])


def test_a_straight_line_off_a_manifold_is_refused_at_construction():
    with pytest.raises(UsageError, match=r"SGD moves 'rnn\.0\.W\.A' along a straight line and would leave the stiefel"):
        Optimizer(PARAMS, [("*", SGD(0.1))], {"rnn.0.W.A": "stiefel"})


def test_a_rule_for_the_manifold_is_welcome():
    class Geodesic(SGD):
        manifolds = frozenset({"stiefel"})

    Optimizer(PARAMS, [("*.A", Geodesic(0.1)), ("*", SGD(0.1))], {"rnn.0.W.A": "stiefel"})


def test_clips_act_in_order_before_the_rules():
    params = {"x": np.zeros(2)}
    clips = [ClipElementwise(3.0), ClipNorm(1.0)]
    Optimizer(params, [("*", SGD(1.0))], clips=clips).step(params, {"x": np.array([30.0, 4.0])})
    np.testing.assert_allclose(params["x"], [-1 / np.sqrt(2)] * 2, rtol=1e-6)


# ---- memory


@every_rule
def test_a_restored_optimizer_continues_bit_for_bit(make, tmp_path):
    G = gradients((3, 2), 40)

    def optimizer(params):
        return Optimizer(params, [("x", make()), ("*", make())])

    params = {"x": np.ones((3, 2)), "a.b/c": np.ones((3, 2))}
    whole = optimizer(params)
    for k, g in enumerate(G):
        if k == 17:
            np.savez(tmp_path / "kept", **whole.state_dict())
            resumed = {name: x.copy() for name, x in params.items()}
        whole.step(params, dict.fromkeys(params, g))
    second = optimizer(resumed)
    with np.load(tmp_path / "kept.npz", allow_pickle=False) as kept:
        second.load_state_dict(dict(kept))
    for g in G[17:]:
        second.step(resumed, dict.fromkeys(resumed, g))
    for name, x in params.items():
        assert x.tobytes() == resumed[name].tobytes(), name


def test_state_names_group_path_and_slot():
    params = {"x": np.ones(2), "y": np.ones(2)}
    optimizer = Optimizer(params, [("x", SGD(0.1, 0.9)), ("*", Adam(0.1))])
    optimizer.step(params, params)
    assert set(optimizer.state_dict()) == {"0/x/v", "0/x/t", "1/y/m", "1/y/v", "1/y/t"}
