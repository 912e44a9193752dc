"""Other systems: where the papers' programs differ from the page, or from one another."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from minirnn import unroll
from minirnn.activations import ModReLU
from minirnn.cells import Elman
from minirnn.errata.erratum import OPEN, Erratum, Numbers
from minirnn.linalg import generator, outer_sum
from minirnn.optimizers import RMSprop
from minirnn.optimizers.rmsprop import CONVENTIONS
from minirnn.parametrizations import UnitaryProduct
from minirnn.tasks.adding import Adding
from minirnn.tasks.copy import Copy


def half_of_a_complex_gradient() -> Numbers:
    """A random unitary W, n = 16, modReLU, 20 steps, batch 4, random inputs and ∂L/∂h_20."""
    rng = np.random.default_rng(0)

    def normal(*shape):
        return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)

    cell, w = Elman(ModReLU(rng.uniform(-0.1, 0, 16))), SimpleNamespace(W=UnitaryProduct.random(16, rng).matrix()[0])
    tape, parts = unroll.forward(cell, normal(20, 4, 16), (normal(4, 16),), w), []

    def take(steps, dA):
        h = tape.states[0][steps.start : steps.stop]                # h_{t−1}
        parts.append([outer_sum(w.W, dA, h), outer_sum(w.W, dA, h.real)])

    unroll.backward(cell, normal(1, 4, 16), tape, w, take)
    G, half = np.sum(parts, axis=0)
    A, A_half = generator(G, w.W), generator(half, w.W)
    size, size_half = np.linalg.norm(A), np.linalg.norm(A_half)
    return {
        "‖2 G_Re − G‖_F / ‖G‖_F": np.linalg.norm(2 * half - G) / np.linalg.norm(G),
        "cosine of the directions of W": np.sum(A.conj() * A_half).real / size / size_half,
        "length of the direction, G_Re over G": size_half / size,
    }


def small_constants_over_many_steps() -> Numbers:
    """b = 0, where modReLU is the identity: a state of 128 units and length 1 after 1,000 steps, W unitary."""
    found: Numbers = {}
    for label, convention in (
        ("the formula", "exact"), ("uRNN", "arjovsky"), ("full-capacity uRNN", "wisdom"), ("EUNN, complex", "eunn"),
    ):
        f, h = ModReLU(np.zeros(128), convention), np.full((1, 128), 1 / np.sqrt(128), dtype=complex)
        for _ in range(1000):
            h = f.forward(h)                                        # a diagonal W of phases would change nothing
        found[f"‖h_1000‖ / ‖h_0‖, {label}"] = float(np.linalg.norm(h))
    return found


def first_steps_of_rmsprop() -> Numbers:
    """Learning rate 0.001, a gradient of 0.001 at every step: how far a weight is after 1 and after 100 steps."""
    found: Numbers = {}
    for convention in CONVENTIONS:
        rule, x = RMSprop(1e-3, convention=convention), np.zeros(1)
        for t in range(1, 101):
            rule.step("x", x, np.array([1e-3]))
            if t in (1, 100):
                found[f"distance after {t}, {convention}"] = -x[0]
    return found


def when_the_first_answer_is_due() -> Numbers:
    """Copying with T = 100, in the layouts arjovsky and exprnn; and the steps of adding's first part, T = 200."""
    found: Numbers = {}
    for variant in ("arjovsky", "exprnn"):
        batch = Copy(100, variant).batch("train", 1, 0, 0)
        delimiter, answer = np.argmax(batch.x[:, 0] == 9), np.argmax(batch.y[:, 0] > 0)
        found[f"blanks before the delimiter, {variant}"] = float(delimiter - 10)
        found[f"steps from the delimiter to the first answer, {variant}"] = float(answer - delimiter)
    return found | {f"steps in the first part, {m}": float(Adding(200, m).cut) for m in ("halves", "scornn")}


ERRATA = (
    Erratum(
        "[wisdom2016, released program]",
        "Is the gradient of a complex W built from the whole state?",
        "“… we show how a complete, full-capacity unitary recurrence matrix can be optimized.” The program stores W as "
        "a real matrix of four blocks, and takes its gradient from the two that Re(h) meets: G_Re = Σ z̄ Re(h)ᵀ.",
        "G = Σ z̄ hᴴ, the whole state; it takes all four blocks to form it.",
        "The part that is left out is that of Im h. The step stays on the unitary group in any case, so nothing shows "
        "that its direction differs; it is still correlated with the right one. Learning rates do not carry over.",
        half_of_a_complex_gradient,
        OPEN,
    ),
    Erratum(
        "[arjovsky2016, released program; wisdom2016, released program; jing2017, released program]",
        "Which small constants does modReLU have?",
        "h = z/|z| relu(|z| + b). The programs add 1e-5 to the divisor (uRNN), 1e-5 under the root and to the divisor "
        "(full-capacity uRNN), or 0.01 to the modulus (EUNN).",
        "The formula itself; `modrelu` has the others as conventions, and each model takes that of its program.",
        "At b = 0 the formula is the identity. 1e-5 added to the divisor alone shrinks a modulus of 0.09 by 1e-4 per "
        "step, which adds up. What is added to the modulus, under the root or not, enters dividend and divisor alike: "
        "it cancels at b = 0, and else makes b act less on a small modulus.",
        small_constants_over_many_steps,
        OPEN,
    ),
    Erratum(
        "[tieleman2012; arjovsky2016, released program; helfrich2018, released program; vorontsov2017, sec. 3.1]",
        "Which RMSprop?",
        "“RMSprop”, with a learning rate and sometimes a decay. The lecture gives no ε, and not the first mean square.",
        "The lecture's form; `rmsprop` has the programs' as conventions, and models and presets take those.",
        "The first step is lr/√(1 − ρ) from s = 0, whatever the gradient, and nearly lr g from s = 1. The start is "
        "forgotten as ρ^t, after tens of steps; ε inside the root matters while g² is not far above it.",
        first_steps_of_rmsprop,
        OPEN,
    ),
    Erratum(
        "[vorontsov2017, sec. 3; arjovsky2016, released program; lezcano2019, released program; helfrich2018, released "
        "program]",
        "Where do the delimiter and the markers stand?",
        "T − 1 blanks, “terminated at step T by a delimiter”, then 10 blanks; the program of [lezcano2019] has T "
        "blanks and asks for the first symbol at the delimiter itself. Markers in the two halves; the program of "
        "[helfrich2018] shortens the first by one step if T is even.",
        "T is counted from the first blank: the delimiter is step T + 10 of all. The other layouts are variants of "
        "the tasks `copy` and `adding`.",
        "All layouts have T + 20 steps and the same baseline, 10 ln 8/(T + 20). They differ in one step between being "
        "told and having to answer, which a network without memory of that step feels.",
        when_the_first_answer_is_due,
        OPEN,
    ),
)
