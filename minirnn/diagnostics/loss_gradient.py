"""‖∂L/∂h_t‖: what reaches an early state of all that the loss has to say."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirnn import scoring, unroll
from minirnn.backend import to_host
from minirnn.diagnostics.base import Diagnostic
from minirnn.diagnostics.double import in_double
from minirnn.diagnostics.norms import norm, over_examples
from minirnn.diagnostics.subject import Subject
from minirnn.errors import UsageError

Array = Any


class LossGradient(Diagnostic):
    """‖∂L_s/∂h_t‖₂ of each sequence s, for t = 0 .. T, along all paths.  [vorontsov2017, Figure 2]

    L_s is the loss of sequence s alone, the mean over its unmasked positions; the gradient of a batch's loss
    L = (1/P) Σ_s P_s L_s is P_s/P times that, so that it would shrink as the batch grows. The fields "last_..." are for
    the loss at the last step alone, as in the figure: what they show at t has crossed all steps in between.

        ∂L_s/∂H = (P/P_s) ∂L/∂H            what the read-out and the layers above say, as in training
        h̄_t     = (∂L_s/∂H)_t + Jᵀ h̄_{t+1}    J by the cell's own `step_backward`; of an LSTM, together with c̄_t

    examples   of the batch, the first ones; fields are the geometric mean, the least and the largest over those that
               are asked anything; "last_spread" is max_t/min_t of "last_mean", 1 where the norm does not depend on t
    Double precision, no dropout, without regularizers.   Cost: one training step and two further backward sweeps.
    raises     UsageError if examples is not positive
    """

    summary = "‖∂L/∂h_t‖ over t, of the whole loss and of the loss at the last step alone"
    watchable = True

    def __init__(self, examples: int = 32):
        if examples < 1:
            raise UsageError(f"loss-gradient needs at least one example (got {examples})")
        self.examples = examples

    def measure(self, subject: Subject) -> dict[str, Any]:
        subject = in_double(subject, self.examples)
        whole, last = (to_host(norms) for norms in hidden_gradients(subject))
        K, mask = len(subject.batch.y), subject.batch.mask
        asked = np.ones((K, whole.shape[1])) if mask is None else to_host(mask).astype(float)
        counts, ends = asked.sum(axis=0), asked[-1] > 0
        if not counts.any():
            raise UsageError(f"loss-gradient: the batch asks nothing of its first {len(counts)} sequences; take more")
        own = counts > 0
        found: dict[str, Any] = {"t": list(range(len(whole)))}
        found |= {**over_examples(whole[:, own] * counts.sum() / counts[own]), "examples": int(own.sum())}
        if ends.any():
            found |= {f"last_{name}": v for name, v in over_examples(last[:, ends] * counts.sum()).items()}
            found["last_spread"] = float(np.divide(np.max(found["last_mean"]), np.min(found["last_mean"])))
        return found


def hidden_gradients(subject: Subject) -> tuple[Array, Array]:
    """‖∂L/∂h_t‖ (T + 1, B) of the batch's loss, and of that part of it which the last step contributes."""
    model, batch = subject.model, subject.batch
    H, _, (_, caches, *_) = model.hidden(batch.x, read=len(batch.y))
    dH = scoring.train(model.readout, subject.loss, H, batch)[2][:]
    found = []
    for d in (dH, dH[-1:]):
        for k in range(len(model.layers) - 1, subject.index, -1):
            d, _ = model.layers[k].backward(d, caches[k][1])
        _, made, tape, _ = caches[subject.index][1]
        rest = tuple(np.zeros_like(S[0]) for S in tape.states)
        norms = [norm(dstate[0], axis=-1) for _, dstate in unroll.adjoints(subject.layer.cell, rest, tape, made.w, d)]
        found.append(np.stack(norms[::-1]))
    return found[0], found[1]
