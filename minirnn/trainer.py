"""The training loop: batches in, updates and records out; every number is a function of (seed, step)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minirnn import backend, catalog
from minirnn.config import Config, check_call, model_function
from minirnn.errors import RunFailed
from minirnn.model import Group, Model
from minirnn.optimizers import ClipElementwise, ClipNorm, Optimizer
from minirnn.rows import Rows

Array = Any
DROPOUT, INITIAL = 101, 102     # streams of random numbers beside those of the data


@dataclass(frozen=True)
class Event:
    """After one update: its number, and what is worth writing down ("train", "valid" or "test" records)."""

    step: int
    records: tuple[dict[str, Any], ...]


class Trainer:
    """Trains a model on a task. `train()` yields after every update, so that its caller decides when to stop.

    step        updates made
    best        best goal value seen at a validation, and `waited`, the validations since then
    finished    "", or why training ended: "steps", "stop_at", "stop_at_loss", "patience"
    carried     the last recurrent state of a task whose batches continue one another
    penalty     what the regularizers added to the loss at the last update
    """

    def __init__(self, config: Config, task: Any, model: Model, optimizer: Optimizer):
        self.config, self.task, self.model, self.optimizer = config, task, model, optimizer
        self.loss = catalog.find("losses", task.loss)()
        self.where = "cupy" if any(backend.is_device(x) for x in model.params.values()) else "numpy"
        self.step, self.best, self.waited, self.finished = 0, None, 0, ""
        self.carried: Any = None
        self.penalty: Array = 0

    def train(self) -> Iterator[Event]:
        """Update until the steps are done or a stopping rule holds."""
        options = self.config.train
        sums: list[Array] = []
        while self.step < options.steps and not self.finished:
            sums.append(self.update(self.step))
            self.step += 1
            last = self.step == options.steps
            records = []
            if self.step % options.log_every == 0 or last:
                loss = float(sum(sums) / len(sums))
                self._require_finite("the loss", loss)
                records.append({"split": "train", "step": self.step, "loss": loss})
                if any(layer.regularizers for layer in self.model.layers):
                    records[-1]["penalty"] = float(self.penalty)    # beside the task's loss, of the last update
                sums.clear()
            if self.step % options.evaluate_every == 0 or last:
                records.append({"split": "valid", "step": self.step, **self.evaluate("valid")})
                if self.step % options.evaluate_every == 0:         # an early end must not decide what comes after it
                    self._judge(records[-1])
            yield Event(self.step, tuple(records))
        self.finished = self.finished or "steps"

    def update(self, step: int) -> Array:
        """One batch: forward, backward and an optimizer step for each of its pieces. Returns the mean loss."""
        with np.errstate(all="ignore"):                             # not-a-number is looked for, and named, below
            return self._update(step)

    def _update(self, step: int) -> Array:
        options, seed = self.config.train, self.config.run.seed
        batch = self._placed(self.task.batch("train", options.batch_size, seed, step))
        state = self.carried if getattr(self.task, "stateful", False) else None
        losses = []
        for number, piece in enumerate(batch.chunks(options.bptt or None)):
            rng = np.random.default_rng([seed, DROPOUT, step, number])
            y, state, tape = self.model.forward(piece.x, state, rng, read=len(piece.y), keep=len(piece.y) > 0)
            state = tuple(tuple(s.copy() for s in layer) for layer in state)
            if len(piece.y) == 0:                                   # nothing is asked of these steps: only carry on
                continue
            value, cache = self.loss.forward(y, piece)
            self.penalty = self.model.penalty(tape)
            grads = self.model.backward(self.loss.backward(cache), tape)
            if self.where == "numpy":                               # on a device, asking would stop it at every step
                self._require_finite("the loss", value)
                for name, g in grads.items():
                    self._require_finite(f"the gradient of {name}", g.values if isinstance(g, Rows) else g)
            self.optimizer.step(self.model.params, grads)
            self.model.after_update()
            losses.append(value)
        self.carried = state
        return sum(losses) / len(losses)

    def evaluate(self, split: str) -> dict[str, float]:
        """Loss and metrics over a whole split, Σ/Σ, without dropout."""
        options, seed = self.config.train, self.config.run.seed
        totals: dict[str, list[Array]] = {}
        state = None
        for number in range(self.task.batches(split, options.batch_size)):
            batch = self._placed(self.task.batch(split, options.batch_size, seed, number))
            y, state, _ = self.model.forward(batch.x, state, read=len(batch.y), keep=False)
            state = state if getattr(self.task, "stateful", False) else None
            total, count, _ = self.loss.total(y, batch)
            found = {"loss": (total, count)}
            found |= {name: metric(y, batch) for name, metric in self.task.metrics.items()}
            for name, (a, b) in found.items():
                kept = totals.setdefault(name, [0, 0])
                kept[0], kept[1] = kept[0] + a, kept[1] + b
        return {name: float(a / b) for name, (a, b) in totals.items()}

    def require_finite_parameters(self) -> None:
        """raises RunFailed if a parameter is no longer finite: such a state must not become a checkpoint."""
        for name, x in self.model.params.items():
            self._require_finite(f"the parameter {name}", x)

    # -- what a checkpoint holds --------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, Array]:
        """Everything the next step depends on, besides the configuration and `progress`."""
        found = {f"param/{name}": x for name, x in self.model.params.items()}
        found |= {f"buffer/{name}": x for name, x in self.model.buffers.items()}
        found |= {f"rule/{name}": x for name, x in self.optimizer.state_dict().items()}
        if self.carried is not None and getattr(self.task, "stateful", False):
            found |= {f"state/{k}/{j}": s for k, layer in enumerate(self.carried) for j, s in enumerate(layer)}
        return found

    def progress(self) -> dict[str, Any]:
        return {"step": self.step, "best": self.best, "waited": self.waited, "finished": self.finished}

    # -- helpers ------------------------------------------------------------------------------------------------------

    def _judge(self, record: dict[str, Any]) -> None:
        """Apply the stopping rules to a validation."""
        options = self.config.train
        name, direction = self.task.goal
        value = record[name]
        sign = 1 if direction == "rise" else -1
        if self.best is None or sign * value > sign * self.best:
            self.best, self.waited = value, 0
        else:
            self.waited += 1
        if options.stop_at is not None and sign * value >= sign * options.stop_at:
            self.finished = "stop_at"
        elif options.stop_at_loss is not None and record["loss"] <= options.stop_at_loss:
            self.finished = "stop_at_loss"
        elif options.patience and self.waited >= options.patience:
            self.finished = "patience"

    def _placed(self, batch: Any) -> Any:
        real = self.model.readout.params["W"].real.dtype
        moved = batch if self.where == "numpy" else batch.map(lambda x: backend.to(x, self.where))
        return moved.map(lambda x: x.astype(real) if x.dtype.kind == "f" and x.dtype != real else x)

    def _require_finite(self, what: str, x: Any) -> None:
        if not bool(np.all(np.isfinite(x))):
            lr = self.config.optimizer.lr
            raise RunFailed(
                f"step {self.step + 1}: {what} is not finite; the parameters of step {self.step} were still good; "
                f"try a learning rate below {lr:g} or --clip-norm 1"
            )


def build(config: Config, task: Any) -> Trainer:
    """Model, optimizer and trainer of a configuration, on its backend."""
    place = backend.resolve(config.run.backend)
    options = {k: v for k, v in config.model.items() if k != "name"}
    rng = np.random.default_rng([config.run.seed, INITIAL])
    model = model_function(config.model["name"])(
        task.n_in, task.n_out, rng=rng, symbols=task.symbols, dtype=np.dtype(config.run.dtype), **options
    ).to(place)
    return Trainer(config, task, model, make_optimizer(config, model))


def make_optimizer(config: Config, model: Model) -> Optimizer:
    """The configured rule for every parameter, varied per group as the model's paper does."""
    options = config.optimizer
    clips: list[Any] = []
    if options.clip:
        clips.append(ClipElementwise(options.clip, options.clip_pattern))
    if options.clip_norm:
        clips.append(ClipNorm(options.clip_norm))
    groups = [(group.pattern, _rule(group, config)) for group in model.groups]
    return Optimizer(model.params, groups, model.manifold, clips)


def _rule(group: Group, config: Config) -> Any:
    options = config.optimizer
    Rule = catalog.find("rules", group.rule or options.rule)
    given = group.options if group.rule else {**options.options, **group.options}
    return Rule(lr=options.lr * group.lr_scale, **check_call(Rule, given, "optimizer.options"))
