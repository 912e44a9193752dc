"""A model: encoder, recurrent layers, read-out. Its parameters are paths, its gradients are returned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minirnn import backend
from minirnn.errors import UsageError
from minirnn.layers import Dropout, Embedding, Linear, OneHot, Recurrent, SplitLinear, TiedLinear
from minirnn.paths import join

Array = Any


@dataclass(frozen=True)
class Group:
    """How the parameters that match `pattern` (fnmatch, first match wins) are trained.

    rule       name of the update rule; None takes the run's
    lr_scale   factor on the run's learning rate
    options    further keyword arguments of the rule
    """

    pattern: str
    rule: str | None = None
    lr_scale: float = 1.0
    options: dict[str, Any] = field(default_factory=dict)


class Model:
    """encoder → (dropout → recurrent layer)... → dropout → linear read-out.

    encoder     OneHot or Embedding for symbols, None for real features
    layers      recurrent layers, the first nearest to the input
    readout     Linear; SplitLinear after a complex layer; or TiedLinear, which shares the table of the embedding as one
                parameter, embedding.E
    dropout     probability, on the input of every layer and of the read-out
    groups      how the published system trains its parameters; the last group matches everything
    dtype       float32 to train, float64 to check; complex parameters take the matching complex type
    """

    def __init__(
        self,
        encoder: OneHot | Embedding | None,
        layers: Sequence[Recurrent],
        readout: Linear | SplitLinear | TiedLinear,
        *,
        dropout: float = 0.0,
        groups: Sequence[Group] = (Group("*"),),
        dtype: Any = np.float32,
    ):
        self.encoder, self.layers, self.readout = encoder, list(layers), readout
        self.dropout = Dropout(dropout)
        self.groups = list(groups)
        self.updates = 0                                            # how often `after_update` was called
        self.astype(dtype)

    # -- the training step ------------------------------------------------------------------------------------------

    def forward(
        self, x: Array, state: Any = None, rng: np.random.Generator | None = None, *, read: int | None = None,
        keep: bool = True,
    ) -> tuple[Array, tuple[Any, ...], Any]:
        """(y (K, B, n_out), last state, tape).

        x       (T, B) symbols or (T, B, m) features
        state   one tuple per layer, or None for the layers' initial state
        rng     draws the dropout masks; None means evaluation
        read    K, how many of the last steps the read-out speaks at; None: all T
        keep    False keeps no tape
        """
        H, last, tape = self.hidden(x, state, rng, read=read, keep=keep)
        y, readout_cache = self.readout.forward(H)
        return y, last, (*tape, readout_cache)

    def hidden(
        self, x: Array, state: Any = None, rng: np.random.Generator | None = None, *, read: int | None = None,
        keep: bool = True,
    ) -> tuple[Array, tuple[Any, ...], Any]:
        """(H (K, B, n), last state, tape): all of `forward` but the read-out, for those who read out in pieces."""
        def run(k: int, X: Array) -> tuple[Array, Any, Any]:
            return self.layers[k].forward(X, None if state is None else state[k], keep)

        H, last, tape = self.through(x, run, [rng] * (len(self.layers) + 1), read)
        return H, last, (*tape, self.updates)

    def through(
        self, x: Array, run: Callable[[int, Array], tuple[Array, Any, Any]], rngs: Sequence[Any],
        read: int | None = None,
    ) -> tuple[Array, tuple[Any, ...], Any]:
        """`hidden` with run(k, X), (H, a state, tape), for the forward pass of layer k.

        rngs    what draws the dropout masks at the input of every layer and at that of the read-out
        """
        X, encoder_cache = (x, None) if self.encoder is None else self.encoder.forward(x)
        states, caches = [], []
        for k, rng in enumerate(rngs[:-1]):
            X, mask = self.dropout.forward(X, rng)
            X, layer_state, cache = run(k, X)
            states.append(layer_state)
            caches.append((mask, cache))
        H = X if read is None else X[len(X) - read:]
        H, mask = self.dropout.forward(H, rngs[-1])
        return H, tuple(states), (encoder_cache, caches, mask)

    def backward(self, dy: Array, tape: Any) -> dict[str, Any]:
        """Gradients {path: array or Rows} from ∂L/∂y.

        raises   UsageError if the parameters have been updated since the tape was made, in place
        """
        return self._backward(dy, tape, isinstance(self.encoder, Embedding))[1]

    def input_gradient(self, dy: Array, tape: Any) -> Array:
        """∂L/∂x (T, B, m); for symbols, the gradient of their vectors."""
        return self._backward(dy, tape, True)[0]

    def backward_hidden(self, dH: Array, found: dict[str, Array], tape: Any) -> dict[str, Any]:
        """Gradients from ∂L/∂H and those of the read-out, {name: array}: undoes `hidden`."""
        return self._backward_hidden(dH, found, tape, isinstance(self.encoder, Embedding))[1]

    def undo(
        self, dH: Array, tape: Any, sums: Any, dstates: Any = None, input_gradient: bool = True
    ) -> tuple[Array, list[Any]]:
        """(dX (T, B, m), ∂L/∂(first state) per layer): undoes `through`, for a sequence or a piece of it.

        dH (K, B, n) is an array, or makes its segments when it is asked for them, as `scoring.ReadoutAdjoint` does.
        What it adds to the other gradients goes to `sums`, two dicts per layer (see `Recurrent.undo`).
        dstates   ∂L/∂(last state) per layer, through the pieces that come after; None: there are none
        """
        _, caches, mask = tape
        dH, _ = self.dropout.backward(dH if mask is None else dH[:], mask)
        firsts: list[Any] = []
        for k in reversed(range(len(self.layers))):
            mask, cache = caches[k]
            dstate = None if dstates is None else dstates[k]
            dH, first = self.layers[k].undo(dH, cache, sums[k], input_gradient or k > 0, dstate)
            firsts.insert(0, first)
            if dH is not None:
                dH, _ = self.dropout.backward(dH, mask)
        return dH, firsts

    def finish(
        self, sums: Any, dstates: Any, made: Any, carried: bool, found: dict[str, Array], rows: Any
    ) -> dict[str, Any]:
        """Gradients {path: array or Rows} from the sums over the sequence: what comes after the last `undo`.

        dstates       ∂L/∂(first state) per layer; carried: that state was a value, not the initial state
        made          what each layer's `prepare` gave
        found, rows   the gradients of the read-out and of the embedding; None if there is none
        """
        grads = {join("readout", name): d for name, d in found.items()}
        for k in reversed(range(len(self.layers))):
            own = self.layers[k].finish(sums[k], dstates[k], made[k], carried)
            grads.update({f"rnn.{k}.{name}": d for name, d in own.items()})
        if rows is not None:
            grads[join(self._encoder_name, "E")] = rows
        if isinstance(self.readout, TiedLinear):                    # the table is used twice: add both gradients
            E, dE_out = self.params["embedding.E"], grads.pop("readout.E")
            grads["embedding.E"] = grads["embedding.E"].dense(E) + dE_out
        return grads

    def _backward(self, dy: Array, tape: Any, input_gradient: bool) -> tuple[Array, dict[str, Any]]:
        *tape, readout_cache = tape
        dH, found = self.readout.backward(dy, readout_cache)
        return self._backward_hidden(dH, found, tape, input_gradient)

    def _backward_hidden(
        self, dH: Array, found: dict[str, Array], tape: Any, input_gradient: bool
    ) -> tuple[Array, dict[str, Any]]:
        *tape, made_at = tape
        if made_at != self.updates:
            raise UsageError(
                f"the tape was made before update {self.updates} (got one of update {made_at}), which changed the "
                "parameters; call forward again"
            )
        sums = self.sums()
        dH, dstates = self.undo(dH, tape, sums, None, input_gradient)
        rows = self.encoder.backward(dH, tape[0])[1]["E"] if isinstance(self.encoder, Embedding) else None
        made, carried = [made for _, (_, made, _, _) in tape[1]], tape[1][0][1][3]
        return dH, self.finish(sums, dstates, made, carried, found, rows)

    def sums(self) -> list[tuple[dict[str, Array], dict[str, Array]]]:
        """Empty sums for `undo`, one per layer."""
        return [({}, {}) for _ in self.layers]

    def penalty(self, tape: Any) -> Array:
        """The sum of what the layers' regularizers add to the loss, on the tape of a forward pass; 0 without any."""
        return sum(layer.penalty(cache) for layer, (_, cache) in zip(self.layers, tape[1], strict=True))

    def encode(self, x: Array) -> Array:
        """What the first recurrent layer sees: (T, B, m)."""
        return x if self.encoder is None else self.encoder.forward(x)[0]

    def after_update(self) -> None:
        """Let every parametrization re-base, re-orthogonalise or advance, usually nothing; older tapes are void."""
        self.updates += 1
        for _, part in self.parts():
            if hasattr(part, "after_update"):
                part.after_update()

    # -- parameters -------------------------------------------------------------------------------------------------

    def parts(self) -> Iterator[tuple[str, Any]]:
        """(path, part) of everything that can hold arrays, depth first."""
        if self.encoder is not None:
            yield from walk(self._encoder_name, self.encoder)
        for k, layer in enumerate(self.layers):
            yield from walk(f"rnn.{k}", layer)
        yield from ((path, part) for path, part in walk("readout", self.readout) if part is not self.encoder)

    @property
    def params(self) -> dict[str, Array]:
        """{path: array}, the arrays themselves: update rules change them in place."""
        return {join(path, name): x for path, part in self.parts() for name, x in part.params.items()}

    @property
    def buffers(self) -> dict[str, Array]:
        """{path: array} of what is saved but not trained."""
        return {
            join(path, name): x for path, part in self.parts() for name, x in getattr(part, "buffers", {}).items()
        }

    @property
    def manifold(self) -> dict[str, str]:
        """{path: tag} of the parameters that live on a manifold."""
        return {
            join(path, name): tag for path, part in self.parts() for name, tag in getattr(part, "manifold", {}).items()
        }

    @property
    def size(self) -> int:
        """The number of trained real numbers (a skew-symmetric n x n parameter is counted as stored, n²)."""
        return sum(x.size * (2 if x.dtype.kind == "c" else 1) for x in self.params.values())

    def map(self, function: Callable[[Array], Array]) -> Model:
        """Replace every parameter and buffer by its image, in this model, and return the model."""
        for _, part in self.parts():
            for arrays in (part.params, getattr(part, "buffers", {})):
                for name, x in arrays.items():
                    arrays[name] = function(x)
        return self

    def astype(self, dtype: Any) -> Model:
        """Cast the parameters, real ones to `dtype` and complex ones to the complex type of the same precision."""
        kinds = {"f": np.dtype(dtype), "c": np.result_type(dtype, np.complex64)}
        return self.map(lambda x: x.astype(kinds[x.dtype.kind]) if x.dtype.kind in kinds else x)

    def to(self, target: Any) -> Model:
        """Move parameters and buffers to "numpy" or "cupy"; batches moved there too are computed there."""
        return self.map(lambda x: backend.to(x, target))

    @property
    def _encoder_name(self) -> str:
        return "embedding" if isinstance(self.encoder, Embedding) else "encoder"


def walk(path: str, part: Any) -> Iterator[tuple[str, Any]]:
    """(path, part) of a part and of all its children, depth first."""
    yield path, part
    for name, child in getattr(part, "children", {}).items():
        yield from walk(join(path, name), child)

