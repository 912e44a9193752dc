"""The optimizer: which rule moves which parameter, checked when it is built."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from minirnn.errors import UsageError
from minirnn.optimizers.base import Rule, as_real

Array = Any


class Optimizer:
    """A list of (name pattern, rule); the first pattern that matches a parameter's path decides.

    params      {path: array}, as `model.params`
    groups      (fnmatch pattern, rule) pairs
    manifold    {path: tag}, as `model.manifold`; untagged parameters are "euclidean"
    clips       functions of the gradients, applied in order before the rules: see `minirnn.optimizers.clip`
    raises      UsageError if a parameter has no rule, or a rule for another manifold than its own
    """

    def __init__(
        self,
        params: dict[str, Array],
        groups: Sequence[tuple[str, Rule]],
        manifold: dict[str, str] | None = None,
        clips: Iterable[Any] = (),
    ):
        self.groups, self.clips = list(groups), list(clips)
        self.shapes = {name: as_real(x).shape for name, x in params.items()}
        self.rules = {name: self._rule_for(name) for name in params}
        tags = manifold or {}
        for name, rule in self.rules.items():
            tag = tags.get(name, "euclidean")
            if tag in rule.manifolds:
                continue
            if name in tags and "euclidean" in rule.manifolds:
                raise UsageError(
                    f"{type(rule).__name__} moves {name!r} along a straight line and would leave the {tag} manifold; "
                    f"put a rule for {tag} parameters first: (\"{name}\", Geodesic(lr=1e-3))"
                )
            raise UsageError(
                f"{type(rule).__name__} moves parameters tagged {sorted(rule.manifolds)}, and {name!r} is {tag}; "
                f"put another rule first: (\"{name}\", ...)"
            )
        for clip in self.clips:
            clip.check(list(params))

    def step(self, params: dict[str, Array], grads: dict[str, Any]) -> None:
        """Move every parameter in place."""
        for clip in self.clips:
            grads = clip(grads)
        for name, x in params.items():
            self.rules[name].step(name, x, grads[name])

    def state_dict(self) -> dict[str, Array]:
        """{"group number/path/slot": array}."""
        return {
            f"{k}/{key}": array for k, (_, rule) in enumerate(self.groups) for key, array in rule.state_dict().items()
        }

    def load_state_dict(self, state: dict[str, Array]) -> None:
        """Undoes `state_dict`.  raises UsageError if it is not the whole memory of these rules for these parameters"""
        expected: dict[str, tuple[int, ...]] = {}
        for k, (_, rule) in enumerate(self.groups):
            for name in (name for name, moving in self.rules.items() if moving is rule):
                slots = {f"{k}/{name}/{slot}": self.shapes[name] for slot in rule.slots} | {f"{k}/{name}/t": ()}
                expected |= slots if any(key in state for key in slots) else {}
        for key in sorted(state.keys() | expected.keys()):
            fits = key in expected and key in state and expected[key] == np.shape(state[key])
            if not fits or state[key].dtype.kind not in ("iu" if key.endswith("/t") else "f"):
                raise UsageError(
                    f"the memory of the update rules does not fit: {key!r} is missing, unknown or of another shape; "
                    "take the checkpoint of a run with these rules"
                )
        for k, (_, rule) in enumerate(self.groups):
            prefix = f"{k}/"
            rule.load_state_dict({key[len(prefix):]: x for key, x in state.items() if key.startswith(prefix)})

    def _rule_for(self, name: str) -> Rule:
        for pattern, rule in self.groups:
            if fnmatchcase(name, pattern):
                return rule
        patterns = [pattern for pattern, _ in self.groups]
        raise UsageError(f"no update rule for parameter {name!r}; patterns: {patterns}; end with one for '*'")
