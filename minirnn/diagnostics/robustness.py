"""What a network still gets right when its input or its recurrent matrix is not quite what it was trained with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minirnn.backend import to_host
from minirnn.diagnostics.base import Diagnostic
from minirnn.diagnostics.perturbed import Perturbed, with_arrays
from minirnn.diagnostics.subject import Subject
from minirnn.errors import UsageError
from minirnn.linalg import polar

Array = Any
SIZES = 0.01, 0.03, 0.1, 0.3


class Robustness(Diagnostic):
    """Loss and metrics under perturbations of the input X and of the recurrent matrix W, of growing size ε.

        noise            X + ε N, with standard normal N: ε is the deviation of every entry
        fgsm             X + ε sign ∂L/∂X: the worst case to first order within |δ| <= ε  [goodfellow2015, sec. 4]
        pgd              several such steps, each brought back to |δ| <= ε  [madry2018, sec. 2.1]
        weights          W + ε U Vᴴ, with ∂L/∂W = U S Vᴴ: the worst case to first order within ‖ΔW‖₂ <= ε
        weights_random   W + ε N/‖N‖₂

    X (T, B, m) is the input of the first recurrent layer: features as they are, for symbols the encoder's vectors. L is
    the mean loss of the batch; a sequence's own gradient has the same signs. Every entry of "noise" .. is a table
    {"eps": [...], "loss": [...], metric: [...]}; a value that is not finite is null.
    A cell with two matrices (the GRU) has both changed, by ε each.

    eps          sizes for the input;  weight_eps   sizes for W
    steps        of pgd
    examples     of the batch, the first ones
    In the model's precision, where the model is. No dropout, no regularizers.
    Cost: about (steps + 3) training steps per size.
    Differs: no range of valid inputs is known here, so nothing is clipped to one.
    raises   UsageError if a size is negative, a count not positive, or the unperturbed loss not finite
    """

    summary = "loss and accuracy under noise, FGSM and PGD on the input, and under ‖ΔW‖₂ = ε"

    def __init__(
        self, eps: Sequence[float] = SIZES, weight_eps: Sequence[float] = SIZES, steps: int = 7, examples: int = 32
    ):
        for size in (*eps, *weight_eps):
            if not (math.isfinite(size) and size >= 0):
                raise UsageError(f"the sizes of perturbations must be zero or larger (got {size}); try 0.1")
        if steps < 1 or examples < 1:
            raise UsageError(f"robustness needs at least one step and one example (got {steps} and {examples})")
        self.eps, self.weight_eps, self.steps, self.examples = list(eps), list(weight_eps), steps, examples

    def measure(self, subject: Subject) -> dict[str, Any]:
        batch, model = subject.batch.map(lambda x: x[:, : self.examples]), subject.model
        X = model.encode(batch.x)
        network = Perturbed(model.layers, model.readout, subject.loss, batch)
        rng = np.random.default_rng(subject.seed)

        def scores(tried: Perturbed, X: Array) -> dict[str, float | None]:
            return _scores(tried, X, subject.task.metrics)

        def moved(dW: dict[str, Array], eps: float) -> Perturbed:
            layers = list(model.layers)
            layers[subject.index] = with_arrays(subject.layer, **{name: eps * d for name, d in dW.items()})
            return Perturbed(layers, model.readout, subject.loss, batch)

        with np.errstate(over="ignore", invalid="ignore"):          # a perturbed network may well explode
            clean = scores(network, X)
            if clean["loss"] is None:
                raise UsageError("the loss is not finite before anything is perturbed; look at an earlier checkpoint")
            _, dX, grads = network.gradients(X)
            N = np.asarray(rng.standard_normal(X.shape).astype(X.dtype), like=X)
            worst = worst_directions(network, grads[subject.index], subject.index)
            chance = random_directions(network, subject.index, rng)
            return {
                "clean": clean,
                "noise": _table(self.eps, lambda e: scores(network, X + e * N)),
                "fgsm": _table(self.eps, lambda e: scores(network, fgsm(X, dX, e))),
                "pgd": _table(self.eps, lambda e: scores(network, pgd(network, X, fgsm(X, dX, e), e, self.steps))),
                "weights": _table(self.weight_eps, lambda e: scores(moved(worst, e), X)),
                "weights_random": _table(self.weight_eps, lambda e: scores(moved(chance, e), X)),
            }


def fgsm(X: Array, dX: Array, eps: float) -> Array:
    """X + ε sign X̄, which maximises ⟨X̄, δ⟩ over |δ| <= ε: the fast gradient sign method.  [goodfellow2015, sec. 4]"""
    return X + eps * np.sign(dX)


def pgd(network: Perturbed, X: Array, start: Array, eps: float, steps: int) -> Array:
    """The worst input met in `steps` steps δ ← clip(δ + α sign X̄, −ε, ε), α = 2.5 ε/steps.  [madry2018, sec. 2.1]

    Differs: it begins at `start`, a point of the ball (of FGSM) and not a random one, and every sequence keeps the
    point of its own largest loss, `start` included. So the result is never weaker than `start`.
    """
    delta, worst, most = start - X, start, None
    for step in range(steps + 1):
        y, dX, _ = network.gradients(X + delta)
        found = network.example_losses(y)
        if most is None:
            most = found
        worst = np.where((found > most)[:, None], X + delta, worst)
        most = np.maximum(found, most)
        if step < steps:
            delta = np.clip(delta + 2.5 * eps / steps * np.sign(dX), -eps, eps)
    return worst


def worst_directions(network: Perturbed, grads: dict[str, Array], index: int) -> dict[str, Array]:
    """{name: U Vᴴ} from ∂L/∂W = U S Vᴴ: L grows fastest along it among all ΔW with ‖ΔW‖₂ <= 1.

    The slope Re tr(W̄ᴴ ΔW) is at most Σ s_k ‖ΔW‖₂ (von Neumann; the nuclear norm is the spectral norm's dual), and
    U Vᴴ attains Σ s_k. All its singular values are 1: no rank-one ΔW of this norm does as well, unless W̄ has rank 1.
    [horn2013, thm. 7.4.1.1]
    """
    return {name: polar(grads[name]) for name in network.layers[index].matrices}


def random_directions(network: Perturbed, index: int, rng: np.random.Generator) -> dict[str, Array]:
    """{name: N/‖N‖₂} with standard normal N, complex for a complex matrix; drawn on the host."""
    found = {}
    for name, p in network.layers[index].matrices.items():
        W, _ = p.matrix()
        N = rng.standard_normal(W.shape)
        N = N + 1j * rng.standard_normal(W.shape) if W.dtype.kind == "c" else N
        found[name] = np.asarray((N / np.linalg.norm(N, 2)).astype(W.dtype), like=W)
    return found


def _scores(network: Perturbed, X: Array, metrics: dict[str, Any]) -> dict[str, float | None]:
    """{"loss" and every metric: its mean}, None where it is not finite."""
    y = network.outputs(X)
    sums = {"loss": network.loss.total(y, network.batch)[:2]}
    sums |= {name: metric(y, network.batch) for name, metric in metrics.items()}
    means = {name: float(to_host(total)) / max(float(to_host(count)), 1.0) for name, (total, count) in sums.items()}
    return {name: mean if math.isfinite(mean) else None for name, mean in means.items()}


def _table(sizes: list[float], score: Any) -> dict[str, list]:
    """{"eps": sizes, name: its score at each of them}."""
    rows = [score(size) for size in sizes]
    return {"eps": list(sizes), **{name: [row[name] for row in rows] for name in (rows[0] if rows else ())}}
