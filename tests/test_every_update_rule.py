"""What every update rule keeps: the dtype, other parameters' memory, the rows not read, and the bits when restored."""

import numpy as np
import pytest
from update_rules import every_rule, gradients, run

from minirnn import memory
from minirnn.errors import UsageError
from minirnn.optimizers import SGD, Adam, Optimizer, RMSprop
from minirnn.rows import Rows


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
