"""The training loop: batches in, updates and records out; every number is a function of (seed, step)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minirnn import backend, catalog, kernels
from minirnn.bptt import copied
from minirnn.config import Config, model_function
from minirnn.diagnostics.base import ask, ask_or_say
from minirnn.diagnostics.subject import Subject
from minirnn.errors import RunFailed, one_line
from minirnn.layers import Embedding
from minirnn.logbook import Logbook
from minirnn.model import Model
from minirnn.optimizers import Optimizer
from minirnn.optimizers.accumulate import Mean
from minirnn.rows import Rows
from minirnn.updates import make_optimizer, make_schedule
from minirnn.watch import EXAMPLES, Orthogonality, Watch

Array = Any
DROPOUT, INITIAL = 101, 102     # streams of random numbers beside those of the data


@dataclass(frozen=True)
class Event:
    """After one update: its number, and what is worth writing down ("train", "epoch", "valid" or "watch" records)."""

    step: int
    records: tuple[dict[str, Any], ...]


class Trainer:
    """Trains a model on a task. `train()` yields after every update, so that its caller decides when to stop.

    step        updates made
    best        best goal value seen at a validation, at `best_step`, and `waited`, the validations since then
    finished    "", or why training ended: "steps", "stop_at", "stop_at_loss", "patience"
    memory      what is kept of a forward pass for the backward pass
    carried     the last recurrent state of a task whose batches continue one another
    penalty     what the regularizers added to the loss at the last update
    schedule    factor on the learning rate of every group
    logbook     what goes into the records
    watch       diagnostics that are measured on the way
    """

    def __init__(self, config: Config, task: Any, model: Model, optimizer: Optimizer):
        self.config, self.task, self.model, self.optimizer = config, task, model, optimizer
        self.loss = catalog.find("losses", task.loss)()
        self.memory = catalog.find("memories", config.train.memory)()
        self.memory.check(model)
        self.where = "cupy" if any(backend.is_device(x) for x in model.params.values()) else "numpy"
        self.step, self.best, self.waited, self.finished = 0, None, 0, ""
        self.best_step: int | None = None
        self.carried: Any = None
        self.penalty: Array = 0
        self.schedule = make_schedule(config)
        self.rates = [rule.lr for _, rule in optimizer.groups]
        per_epoch = task.batches("train", config.train.batch_size) / config.train.accumulate if task.finite else 0
        self.logbook = Logbook(per_epoch, "sequences" if task.vocabulary is None else "tokens")
        self.watch = Watch(config.train.watch, config.train.watch_every or config.train.evaluate_every)
        self.orthogonality = Orthogonality(model)

    def train(self) -> Iterator[Event]:
        """Update until the steps are done or a stopping rule holds."""
        options = self.config.train
        while self.step < options.steps and not self.finished:
            since = time.monotonic()
            total, count, units = self.update(self.step)
            self.logbook.add(total, count, units, time.monotonic() - since)
            self.step += 1
            last = self.step == options.steps
            records, ends_epoch = [], self.logbook.ends_epoch(self.step)
            if self.step % options.log_every == 0 or last or ends_epoch:
                lr = self.config.optimizer.lr * self.schedule.factor(self.step - 1)
                penalised = any(layer.regularizers for layer in self.model.layers)
                beside = {"penalty": self.penalty} if penalised else {}     # of the last update; not in the task's loss
                records.append(self.logbook.line(self.step, lr, **beside))
                self._require_finite({"the loss": records[-1].get("loss", 0.0)})
            if ends_epoch:
                records.append(self.logbook.epoch(self.step))
            if self.step % options.evaluate_every == 0 or last:
                stamp = {"step": self.step, **self.logbook.stamp(self.step)}
                records.append({"split": "valid", **stamp, **self.evaluate("valid"), **self.orthogonality.record()})
                if self.step % options.evaluate_every == 0:         # an early end must not decide what comes after it
                    self._judge(records[-1])
            if self.watch.due(self.step, last):
                records += self.watched(ask_or_say)                 # an eigenvalue not found: no reason to stop
            yield Event(self.step, tuple(records))
        self.finished = self.finished or "steps"

    def update(self, step: int) -> tuple[Array, Array, int]:
        """One step: (sum of the loss, its count, tokens or sequences seen).

        With `accumulate`, one update from the mean gradient of that many batches; with `bptt`, one update per piece.
        """
        try:
            with np.errstate(all="ignore"):                         # not-a-number is looked for, and named, below
                return self._update(step)
        except np.linalg.LinAlgError as error:
            raise RunFailed(
                f"step {step + 1}: linear algebra found no answer ({one_line(error)}); {self._advice()}"
            ) from None

    def _update(self, step: int) -> tuple[Array, Array, int]:
        options, total, count, units, mean = self.config.train, 0, 0, 0, Mean()
        for rule, lr in zip((rule for _, rule in self.optimizer.groups), self.rates, strict=True):
            rule.lr = lr * self.schedule.factor(step)
        for number in range(step * options.accumulate, (step + 1) * options.accumulate):
            batch = self.task.batch("train", options.batch_size, self.config.run.seed, number)
            units += batch.asked if self.logbook.unit == "tokens" else batch.x.shape[1]
            for loss, N, grads in self._gradients(number, batch):
                total, count = total + loss, count + N
                if options.accumulate == 1:
                    self._move(grads)
                else:
                    mean.add(grads, N)
        if mean.sums:
            self._move(mean.value())
        return total, count, units

    def _gradients(self, number: int, batch: Any) -> Iterator[tuple[Array, Array, dict[str, Any]]]:
        """(sum of the loss, its count, gradients of sum/count) of each piece of a batch that is asked something."""
        options, seed = self.config.train, self.config.run.seed
        state = self.carried if self._continues(number) else None
        for index, piece in enumerate(batch.chunks(options.bptt or None)):
            asked, piece = piece.asked > 0, self._placed(piece)
            rng = np.random.default_rng([seed, DROPOUT, number, index])
            if not asked:                                           # no position counts: only carry the state on
                state = self.carried = copied(self.model.hidden(piece.x, state, rng, read=0, keep=False)[1])
                continue
            total, count, grads, last, self.penalty = self.memory.gradients(self.model, self.loss, piece, state, rng)
            state = self.carried = copied(last)
            if self.where == "numpy":                               # on a device, asking would stop it at every step
                self._require_finite({"the loss": total} | {
                    f"the gradient of {name}": g.values if isinstance(g, Rows) else g for name, g in grads.items()
                })
            yield total, count, grads

    def _move(self, grads: dict[str, Any]) -> None:
        self.optimizer.step(self.model.params, grads)
        self.model.after_update()

    def evaluate(self, split: str) -> dict[str, float]:
        """Loss and metrics over a whole split, Σ/Σ, without dropout."""
        options, seed = self.config.train, self.config.run.seed
        totals: dict[str, list[Array]] = {}
        state = None
        for number in range(self.task.batches(split, options.batch_size)):
            batch = self._placed(self.task.batch(split, options.batch_size, seed, number))
            found, state = self.memory.evaluate(self.model, self.loss, batch, state, self.task.metrics)
            state = state if self.task.stateful else None
            for name, (a, b) in found.items():
                kept = totals.setdefault(name, [0, 0])
                kept[0], kept[1] = kept[0] + a, kept[1] + b
        means = dict(zip(totals, backend.numbers(a / b for a, b in totals.values()), strict=True))
        return means | {name: function(means[source]) for name, (source, function) in self.task.report.items()}

    def watched(self, ask: Callable[..., dict[str, Any]] = ask) -> list[dict[str, Any]]:
        """The records of the watched diagnostics, for the parameters as they are; none where none is watched.

        ask    (diagnostic, subject) -> fields: what to do where there is no answer
        """
        if not self.watch.diagnostics:
            return []
        self.require_finite_parameters()
        return self.watch.records(self.step, [self.subject(k) for k in range(len(self.model.layers))], ask)

    def subject(self, index: int, split: str = "valid", examples: int = EXAMPLES) -> Subject:
        """A recurrent layer with the first sequences of a split, for a diagnostic."""
        seed = self.config.run.seed
        batch = self._placed(self.task.batch(split, examples, seed, 0))
        return Subject(self.model, index, self.loss, batch, self.task, seed)

    def require_finite_parameters(self) -> None:
        """raises RunFailed if a parameter, or what a rule remembers of one, is no longer finite: no checkpoint of that.

        A mean of squares that has overflowed would stop its parameter for ever, without a word.
        """
        memory = {k: x for k, x in self.optimizer.state_dict().items() if not k.endswith("/t")}
        self._require_finite({f"the parameter {name}": x for name, x in self.model.params.items()}
                             | {f"the update rule's memory {name}": x for name, x in memory.items()})

    # -- what a checkpoint holds --------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, Array]:
        """Everything the next step depends on, besides the configuration and `progress`."""
        found = {f"param/{name}": x for name, x in self.model.params.items()}
        found |= {f"buffer/{name}": x for name, x in self.model.buffers.items()}
        found |= {f"rule/{name}": x for name, x in self.optimizer.state_dict().items()}
        if self.carried is not None and self.task.stateful:
            found |= {f"state/{k}/{j}": s for k, layer in enumerate(self.carried) for j, s in enumerate(layer)}
        return found

    def progress(self) -> dict[str, Any]:
        about: dict[str, Any] = {name: getattr(self, name) for name in ("step", "waited", "finished")}
        about |= {"best": self.best, "best_step": self.best_step}
        about |= {"schedule": self.schedule.state_dict(), "epoch": self.logbook.state_dict()}
        return about | ({} if self.task.vocabulary is None else {"vocabulary": self.task.vocabulary.digest})

    def load_progress(self, about: dict[str, Any]) -> None:
        """Undoes `progress`, but for `finished`: whether to go on is the caller's to decide."""
        self.step, self.best, self.waited = about["step"], about["best"], about["waited"]
        self.best_step = about["best_step"]
        self.schedule.load_state_dict(about["schedule"])
        self.logbook.load_state_dict(about["epoch"])

    # -- helpers ------------------------------------------------------------------------------------------------------

    def _judge(self, record: dict[str, Any]) -> None:
        """Apply the stopping rules to a validation, and tell the schedule."""
        options = self.config.train
        name, direction = self.task.goal
        value = record[name]
        sign = 1 if direction == "rise" else -1
        if self.best is None or sign * value > sign * self.best:
            self.best, self.best_step, self.waited = value, self.step, 0
        else:
            self.waited += 1
        if self.schedule.watches:
            self.schedule.observe(record["loss"] if self.schedule.watches == "loss" else -sign * value)
        if options.stop_at is not None and sign * value >= sign * options.stop_at:
            self.finished = "stop_at"
        elif options.stop_at_loss is not None and record["loss"] <= options.stop_at_loss:
            self.finished = "stop_at_loss"
        elif options.patience and self.waited >= options.patience:
            self.finished = "patience"

    def _continues(self, step: int) -> bool:
        """Whether the training batch of that number continues the one before: not at the start of an epoch."""
        return self.task.stateful and step % self.task.batches("train", self.config.train.batch_size) != 0

    def _placed(self, batch: Any) -> Any:
        """The batch where the model is, its numbers known to be symbols and classes: a device would not look."""
        real, moved = self.model.readout.params["b"].real.dtype, batch
        if self.where != "numpy":
            if self.task.symbols:
                backend.check_ids(batch.x, self.task.n_in, "symbols")
            if batch.y.dtype.kind in "iu":
                backend.check_ids(batch.y, self.task.n_out, "classes")
            moved = batch.map(lambda x: backend.to(x, self.where))
        return moved.map(lambda x: x.astype(real) if x.dtype.kind == "f" and x.dtype != real else x)

    def _require_finite(self, arrays: dict[str, Any]) -> None:
        """raises RunFailed with the first name whose array is not finite; one copy from a device for all of them."""
        finite = backend.numbers(np.all(np.isfinite(x)) for x in arrays.values())
        if not all(finite):
            what = next(name for name, good in zip(arrays, finite, strict=True) if not good)
            raise RunFailed(f"step {self.step + 1}: {what} is not finite; {self._advice()}")

    def _advice(self) -> str:
        lr = self.config.optimizer.lr
        return f"the parameters of step {self.step} were still good; try a learning rate below {lr:g} or --clip-norm 1"


def build(config: Config, task: Any) -> Trainer:
    """Model, optimizer and trainer of a configuration, on its backend."""
    place = backend.resolve(config.run.backend, config.run.device)
    if place == "cupy":
        backend.select(config.run.device)
    options = {k: v for k, v in config.model.items() if k != "name"}
    rng = np.random.default_rng([config.run.seed, INITIAL])
    model = model_function(config.model["name"])(
        task.n_in, task.n_out, rng=rng, symbols=task.symbols, dtype=np.dtype(config.run.dtype), **options
    ).to(place)
    if config.run.deterministic and isinstance(model.encoder, Embedding):
        model.encoder.add_at = backend.add_at_in_order              # all else on a device is in order anyway
    kernels.force(config.run.kernel, model.layers, place, config.run.dtype)
    return Trainer(config, task, model, make_optimizer(config, model))
