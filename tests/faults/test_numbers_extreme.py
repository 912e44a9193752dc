"""Numbers at the ends of their range: what can be computed is, and what cannot is named before anything is lost."""


import numpy as np
import pytest
from fuzzing import SEEDS, examples, fuzz
from hypothesis import strategies as st

from minirnn import catalog, config, unroll
from minirnn.checkpoint import load
from minirnn.errors import RunFailed, UsageError
from minirnn.gates import step_matrices
from minirnn.losses import MeanSquaredError, SoftmaxCrossEntropy
from minirnn.model import walk
from minirnn.optimizers import ClipNorm
from minirnn.runs import CHECKPOINT, Run
from minirnn.tasks.adding import Adding
from minirnn.tasks.base import Batch
from minirnn.trainer import build

MODELS = list(catalog.components("models"))
DTYPES = ["float32", "float64"]
LARGE = {"float32": 1e30, "float64": 1e300}
every_dtype = pytest.mark.parametrize("dtype", DTYPES)


def instances(kind):
    return [(label, f) for label, f in catalog.examples(kind, 4, np.random.default_rng(0))]


def at(values, kind, dtype):
    z = np.array(values, dtype)[:, None] * np.ones(4, dtype)
    return z if kind == "f" else (z * np.array([1, -1, 1j, -1j])).astype(np.result_type(dtype, np.complex64))


def finite_everywhere(f, dtype):
    """h, z̄ and the parameters' gradients are finite for every finite z, and a NaN stays a NaN."""
    info = np.finfo(dtype)
    for name, x in f.params.items():
        f.params[name] = x.astype(dtype)
    for kind in f.kinds:
        ends = [0.0, -0.0, float(info.smallest_subnormal), float(info.tiny), 1e-30, 1e4, 1e-4 * float(info.max) ** 0.5,
                4 * float(info.max) ** 0.5, LARGE[dtype]]
        z = at([*ends, *(-x for x in ends)], kind, dtype)
        with np.errstate(all="ignore"):
            h = f.forward(z)
            found = {"h": h, "z": f.backward(np.ones_like(z), z, h), **f.gradients(np.ones_like(z), z, h)}
            lost = f.forward(at([np.nan], kind, dtype))
        for name, x in found.items():
            assert np.all(np.isfinite(x)), name
        assert np.all(np.isnan(lost))


@pytest.mark.promise("ends-of-range")
@every_dtype
def test_an_activation_is_finite_wherever_its_argument_is(dtype, tried):
    for _, f in instances("activations"):
        finite_everywhere(f, dtype)
        tried(19)


@pytest.mark.promise("ends-of-range")
def test_modrelu_is_off_for_a_denormal_number_and_scales_a_huge_one():
    f = catalog.find("activations", "modrelu")(np.array([-0.2], np.float32))
    for convention in ("exact", "arjovsky", "wisdom", "eunn"):
        f = type(f)(np.array([-0.2], np.float32), convention)
        z = np.array([[1e-40, 1e30]], np.float32)
        h = f.forward(z)
        assert h[0, 0] == 0
        assert h[0, 1] == pytest.approx(1e30, rel=1e-6)
        assert np.array_equal(f.backward(np.ones_like(z), z, h), [[0, 1]])


@pytest.mark.promise("ends-of-range")
@examples(10, 300)
@every_dtype
@pytest.mark.parametrize("name", catalog.components("cells"))
def test_a_cell_takes_huge_and_tiny_inputs(name, dtype, examples, tried):
    def check(size, seed, sign):
        rng = np.random.default_rng(seed)
        for _, cell in catalog.find("cells", name).examples(4, rng):
            if "f" not in cell.kinds:
                continue
            try:
                cell.check(4, dtype)
            except UsageError:
                continue
            w = {k: (rng.standard_normal((4 * r, 4 * c)) / 4).astype(dtype) for k, (r, c) in cell.matrices.items()}
            for _, part in walk("", cell):
                part.params.update({k: x.astype(dtype) for k, x in part.params.items()})
            w, A = step_matrices(cell, w, 2), (sign * size * rng.standard_normal((3, *cell.shape(2, 4)))).astype(dtype)
            state = tuple(np.zeros((2, 4), dtype) for _ in range(cell.states))
            with np.errstate(all="ignore"):
                tape = unroll.forward(cell, A, state, w)
                dA = np.empty_like(A)
                dH = np.ones((3, 2, 4), dtype)
                dstate, _, _ = unroll.backward(cell, dH, tape, w, dA.__setitem__)
            for x in (*tape.states, dA, *dstate):
                assert np.all(np.isfinite(x))

    sizes = st.sampled_from([0.0, float(np.finfo(dtype).smallest_subnormal), 1e-30, 1e4, 1e15, LARGE[dtype] ** 0.5])
    fuzz(tried, examples, check, sizes, SEEDS, st.sampled_from([1, -1]))


@pytest.mark.promise("ends-of-range")
@examples(20, 500)
@every_dtype
def test_cross_entropy_takes_scores_of_any_size(dtype, examples, tried):
    def check(size, seed):
        rng = np.random.default_rng(seed)
        y = (size * rng.choice([-1.0, 1.0, 0.5], (3, 2, 5))).astype(dtype)
        batch = Batch(None, rng.integers(0, 5, (3, 2)))
        value, cache = SoftmaxCrossEntropy().forward(y, batch)
        dy = SoftmaxCrossEntropy().backward(cache)
        assert 0 <= value <= 2.1 * size + 2
        assert np.all(np.abs(dy) <= 1 / 6 + 1e-6)
        assert np.max(np.abs(np.sum(dy, axis=-1))) <= 1e-6

    fuzz(tried, examples, check, st.sampled_from([0.0, 1e-40, 1e-30, 1.0, 1e4, 1e8, LARGE[dtype]]), SEEDS)


@pytest.mark.promise("ends-of-range")
@examples(20, 500)
@every_dtype
def test_clipping_by_the_norm_gives_a_gradient_of_that_norm_however_large_it_was(dtype, examples, tried):
    def check(power, seed):
        rng, info = np.random.default_rng(seed), np.finfo(dtype)
        scale = float(info.max) ** power / 8
        direction = {"W": rng.standard_normal((3, 3)), "z": rng.standard_normal(4) + 1j * rng.standard_normal(4)}
        kinds = {"f": np.dtype(dtype), "c": np.result_type(dtype, np.complex64)}
        grads = {k: (scale * (x / np.abs(x).max())).astype(kinds[x.dtype.kind]) for k, x in direction.items()}
        clipped = ClipNorm(1.0)(grads)
        norm = np.sqrt(sum(np.sum(np.abs(g.astype(complex)) ** 2) for g in clipped.values()))
        assert norm == pytest.approx(1, rel=1e-5)
        ratio = clipped["W"].astype(float) / norm / (grads["W"].astype(float) / np.abs(grads["W"]).max())
        assert np.ptp(ratio) <= 1e-5 * np.max(ratio)

    fuzz(tried, examples, check, st.floats(0.2, 1), SEEDS)


# -- training


class Spoilt(Adding):
    """The adding problem with features multiplied, and some of them replaced, from an update on."""

    factor, instead, since, evaluation_size = 1.0, None, 0, 3

    def batch(self, split, batch_size, seed, step):
        made = super().batch(split, batch_size, seed, step)
        x = made.x * (self.factor if step >= self.since else 1)
        if self.instead is not None and step >= self.since:
            x[0, 0] = self.instead
        return Batch(x, made.y)


def spoilt(model, dtype, rule="adam", lr=1e-3, steps=4, clip=0.0, **how):
    tables = {"task": {"name": "adding", "length": 4}, "model": {"name": model, "hidden_size": 4},
              "train": {"batch_size": 3, "steps": steps, "evaluate_every": 1000, "log_every": 1},
              "optimizer": {"rule": rule, "lr": lr, "clip_norm": clip}, "run": {"dtype": dtype}}
    settings, _ = config.resolve(tables)
    task = Spoilt(length=4)
    for name, value in how.items():
        setattr(task, name, value)
    return settings, task


def finite_or_named(model, dtype, updates=4, **how):
    """Every update leaves finite parameters and memories, or is refused by name; whether one was."""
    trainer, said = build(*spoilt(model, dtype, steps=updates, **how)), ""
    for step in range(updates):
        before = {name: x.copy() for name, x in trainer.model.params.items()}
        try:
            trainer.update(step)
            trainer.require_finite_parameters()
        except RunFailed as error:
            said = str(error)
            break
    assert all(np.all(np.isfinite(x)) for x in before.values())
    if not said:
        assert all(np.all(np.isfinite(x)) for x in trainer.model.params.values())
    assert not said or "is not finite" in said or "found no answer" in said
    return bool(said)


@pytest.mark.promise("diverging-runs")
@every_dtype
@pytest.mark.parametrize("model", [m if k % 4 == 0 else pytest.param(m, marks=pytest.mark.many)
                                   for k, m in enumerate(MODELS)])
def test_data_of_any_size_give_finite_parameters_or_an_error_that_names_them(model, dtype, tried):
    cases = [{"factor": x} for x in (1e30, -1e30, 1e-30, 1e-40, 1e15)]
    cases += [{"factor": 1e30, "clip": 1.0}, {"lr": 1e30}, {"lr": 1e6}, {"lr": 1e3, "rule": "rmsprop"},
              {"lr": 1e10, "rule": "sgd"}]
    for how in cases:
        finite_or_named(model, dtype, **how)
    for instead in (np.nan, np.inf, -np.inf):
        saturated = np.isinf(instead) and model in ("lstm", "gru")  # a gate that is 0 or 1 bears an infinity
        assert finite_or_named(model, dtype, instead=instead, since=1) or saturated
    tried(len(cases) + 3)


@pytest.mark.promise("diverging-runs")
@every_dtype
def test_a_run_that_diverges_keeps_the_checkpoint_of_before(tmp_path, dtype):
    ways = {"instead": np.nan, "since": 3}, {"lr": 1e30, "rule": "sgd"}, {"factor": LARGE[dtype]}
    for number, how in enumerate(ways):
        settings, task = spoilt("urnn" if number == 2 else "rnn", dtype, steps=50, **how)
        run = Run.create(tmp_path / str(number), settings, task)
        try:
            for _ in run.train():
                pass
            said = "nothing"
        except RunFailed as error:
            said = str(error)
        assert "is not finite" in said
        assert "try a learning rate below" in said
        arrays, _ = load(tmp_path / str(number) / CHECKPOINT)
        assert all(np.all(np.isfinite(x)) for x in arrays.values())


@pytest.mark.promise("diverging-runs")
def test_a_mean_of_squares_that_overflows_is_named_and_not_saved(tmp_path):
    """Adam would stop without a word: g² is inf from g = 2e19 on, and every step after it g/inf = 0."""
    trainer = build(*spoilt("rnn", "float32"))
    trainer.update(0)
    next(rule for _, rule in trainer.optimizer.groups).memory["rnn.0.W"]["v"][0, 0] = np.inf
    with pytest.raises(RunFailed, match=r"the update rule's memory 0/rnn\.0\.W/v is not finite"):
        trainer.require_finite_parameters()


# -- planted violations


@pytest.mark.control("ends-of-range")
def test_a_modulus_that_is_squared_is_caught():
    class Squaring(catalog.find("activations", "tanh")):
        def forward(self, z, out=None):
            return z * z * z / (1 + z * z)

    with pytest.raises(AssertionError):
        finite_everywhere(Squaring(), "float32")


@pytest.mark.control("diverging-runs")
def test_a_trainer_that_does_not_look_is_caught(monkeypatch):
    monkeypatch.setattr("minirnn.trainer.Trainer._require_finite", lambda self, arrays: None)
    with pytest.raises(AssertionError):
        finite_or_named("rnn", "float32", instead=np.nan, since=1)


@pytest.mark.control("ends-of-range")
def test_a_mean_squared_error_of_huge_numbers_is_seen_to_overflow():
    y = np.full((1, 1, 1), 1e30, np.float32)
    with np.errstate(all="ignore"):
        assert np.isinf(MeanSquaredError().forward(y, Batch(None, -y))[0])
