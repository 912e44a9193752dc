"""A model: encoder, recurrent layers, read-out. Its parameters are paths, its gradients are returned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minirnn import backend
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
        self.astype(dtype)

    # -- the training step ------------------------------------------------------------------------------------------

    def forward(self, x, state=None, rng=None, *, read=None, keep=True):
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

    def hidden(self, x, state=None, rng=None, *, read=None, keep=True):
        """(H (K, B, n), last state, tape): all of `forward` but the read-out, for those who read out in pieces."""
        X, encoder_cache = (x, None) if self.encoder is None else self.encoder.forward(x)
        last, caches = [], []
        for k, layer in enumerate(self.layers):
            X, mask = self.dropout.forward(X, rng)
            X, layer_state, cache = layer.forward(X, None if state is None else state[k], keep)
            last.append(layer_state)
            caches.append((mask, cache))
        H = X if read is None else X[len(X) - read:]
        H, mask = self.dropout.forward(H, rng)
        return H, tuple(last), (encoder_cache, caches, mask)

    def backward(self, dy, tape):
        """Gradients {path: array or Rows} from ∂L/∂y."""
        return self._backward(dy, tape, isinstance(self.encoder, Embedding))[1]

    def input_gradient(self, dy, tape):
        """∂L/∂x (T, B, m); for symbols, the gradient of their vectors."""
        return self._backward(dy, tape, True)[0]

    def backward_hidden(self, dH, found, tape):
        """Gradients from ∂L/∂H and those of the read-out, {name: array}: undoes `hidden`."""
        return self._backward_hidden(dH, found, tape, isinstance(self.encoder, Embedding))[1]

    def _backward(self, dy, tape, input_gradient):
        *tape, readout_cache = tape
        dH, found = self.readout.backward(dy, readout_cache)
        return self._backward_hidden(dH, found, tape, input_gradient)

    def _backward_hidden(self, dH, found, tape, input_gradient):
        encoder_cache, caches, mask = tape
        grads = {join("readout", name): d for name, d in found.items()}
        dH, _ = self.dropout.backward(dH, mask)
        for k in reversed(range(len(self.layers))):
            mask, cache = caches[k]
            dH, found = self.layers[k].backward(dH, cache, input_gradient or k > 0)
            grads.update({f"rnn.{k}.{name}": d for name, d in found.items()})
            if dH is not None:
                dH, _ = self.dropout.backward(dH, mask)
        if isinstance(self.encoder, Embedding):
            _, found = self.encoder.backward(dH, encoder_cache)
            grads.update({join(self._encoder_name, name): d for name, d in found.items()})
        if isinstance(self.readout, TiedLinear):                    # the table is used twice: add both gradients
            E, dE_out = self.params["embedding.E"], grads.pop("readout.E")
            grads["embedding.E"] = grads["embedding.E"].dense(E) + dE_out
        return dH, grads

    def penalty(self, tape):
        """The sum of what the layers' regularizers add to the loss, on the tape of a forward pass; 0 without any."""
        return sum(layer.penalty(cache) for layer, (_, cache) in zip(self.layers, tape[1], strict=True))

    def encode(self, x):
        """What the first recurrent layer sees: (T, B, m)."""
        return x if self.encoder is None else self.encoder.forward(x)[0]

    def after_update(self) -> None:
        """Let every parametrization re-base, re-orthogonalise or advance; usually nothing."""
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

