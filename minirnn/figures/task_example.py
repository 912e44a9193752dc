"""One sequence as a run's network sees it: input, what is asked, what it answers, and its hidden states."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirnn.figures import style
from minirnn.figures.base import Drawing, Figure
from minirnn.saved_run import SavedRun

FEW = 50            # classes that fit on an axis
LETTERS = 64        # symbols of a text that fit under an axis


class TaskExample(Figure):
    """The first sequence of the validation split, by the parameters of the best validation.

    The time axis is common to input, hidden states and, where the read-out speaks at several steps, the answer.
    """

    summary = "one sequence: input, target, prediction, and the hidden states as an image"
    needs = "a checkpoint, and the data of the task"

    def draw(self, runs: list[SavedRun]) -> Drawing:
        found, notes = self.collect(runs, lambda run: (run, *_answer(run, self.layer)))
        run, batch, y, H = found[0][1]
        notes += [f"a picture shows one sequence of one run; left out: {other.name}" for other, _ in found[1:]]
        figure, (top, middle, bottom) = style.panels(3, 1, size=(5.2 if self.stacked else 7.6, 2.15))
        T, K = len(batch.x), len(batch.y)
        _input(top, run.task, batch.x[:, 0])
        _states(figure, bottom, H[:, 0], self.layer)
        (_classes if run.task.loss == "softmax-cross-entropy" else _numbers)(middle, run.task, batch, y[:, 0], T)
        for ax in (top, bottom, *([middle] if K > 1 else [])):
            ax.set_xlim(0.5, T + 0.5)
        top.set_title(style.plain(f"{run.title}, update {run.trainer.step:,}", 60), fontsize=10.5)
        style.caption(figure, f"{run.name}: first sequence of the validation split; the task: {run.task.summary}.")
        return Drawing(figure, notes)


def _answer(run: SavedRun, layer: str) -> tuple[Any, np.ndarray, np.ndarray]:
    """(batch of one sequence, what the read-out says (K, 1, n_out), hidden states of the layer (T, 1, n))."""
    subject = run.subject(layer, 1)
    batch = subject.batch
    y, _, _ = subject.model.forward(batch.x, read=len(batch.y), keep=False)
    return batch, y, subject.layer.forward(subject.X, keep=False)[0]


def _input(ax: Any, task: Any, x: np.ndarray) -> None:
    """Symbols as points or letters, features as lines."""
    t = np.arange(1, len(x) + 1)
    if task.vocabulary is not None and len(x) <= LETTERS:
        _letters(ax, t, [task.vocabulary.symbols[k] for k in x], task.vocabulary.words)
    elif task.symbols:
        ax.plot(t, x, "o" if len(x) <= 150 else ".", color=style.COLOURS[0], ms=3.5)
        ax.set(xlabel="time step t", ylabel="input symbol")
        style.whole(ax, "x", "y")
        if task.n_in <= 20:
            ax.set_ylim(-0.7, task.n_in - 0.3)
    else:
        for k in range(min(x.shape[1], 8)):
            ax.plot(t, x[:, k], label=f"feature {k + 1}", **{**style.line(k), "linewidth": 1.1})
        ax.set(xlabel="time step t", ylabel="input")
        if 1 < x.shape[1] <= 8:
            style.legend(ax, loc="upper right", ncols=2)


def _letters(ax: Any, t: np.ndarray, symbols: list[str], words: bool) -> None:
    for step, symbol in zip(t, symbols, strict=True):
        shown = {" ": "␣", "\n": "↵"}.get(symbol, symbol)
        ax.text(step, 0, style.plain(shown), ha="center", va="center", rotation=90 if words else 0, fontsize=7)
    ax.set(xlabel="time step t", ylabel="input", yticks=[], ylim=(-1, 1))


def _classes(ax: Any, task: Any, batch: Any, y: np.ndarray, T: int) -> None:
    """Probabilities of all classes where they fit, targets ringed; else of the target alone, beside a uniform guess."""
    p = np.exp(y - y.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)                              # (K, n_out)
    target, K = batch.y[:, 0], len(p)
    asked = np.ones(K, bool) if batch.mask is None else batch.mask[:, 0] > 0
    t = np.arange(T - K + 1, T + 1)
    right = np.mean((p.argmax(axis=1) == target)[asked]) if asked.any() else float("nan")
    said = f"{100 * right:.0f} % of {int(asked.sum())} right" if K > 1 else ("right" if right else "wrong")
    if K == 1 and task.n_out <= FEW:
        colours = [style.COLOURS[1] if k == target[0] else style.COLOURS[5] for k in range(task.n_out)]
        ax.bar(np.arange(task.n_out), p[0], color=colours)
        ax.annotate("target", (target[0], p[0, target[0]]), ha="center", va="bottom", fontsize=8)
        ax.set(xlabel=f"class at the last step ({said})", ylabel="probability", ylim=(0, 1.15))
        style.whole(ax, "x")
    elif task.n_out <= FEW:
        style.picture(ax)
        image = ax.imshow(p.T, aspect="auto", origin="lower", cmap="Blues", vmin=0, vmax=1, interpolation="nearest",
                          extent=(t[0] - 0.5, t[-1] + 0.5, -0.5, task.n_out - 0.5))
        size = 22 if T <= 80 else 6
        ax.scatter(t[asked], target[asked], s=size, facecolors="none", edgecolors=style.COLOURS[1], linewidths=1,
                   label="target")
        ax.figure.colorbar(image, ax=ax, pad=0.01, label="probability")
        ax.set(xlabel=f"time step t ({said})", ylabel="predicted class")
        style.whole(ax, "x", "y")
        style.legend(ax, loc="upper left")
    else:
        ax.semilogy(t[asked], p[np.arange(K), target][asked], "o", color=style.COLOURS[0], ms=4)
        ax.axhline(1 / task.n_out, **style.CHANCE, label=f"uniform, 1/{task.n_out:,}")
        ax.set(xlabel=f"time step t ({said})", ylabel="probability\nof the target", ylim=(None, 1.5))
        style.legend(ax, loc="upper right")


def _numbers(ax: Any, task: Any, batch: Any, y: np.ndarray, T: int) -> None:
    """Real targets and predictions: on a line of numbers, or against time where there are several steps."""
    target, K = batch.y[:, 0], len(y)
    if K > 1:
        t = np.arange(T - K + 1, T + 1)
        ax.plot(t, target, **style.line(1), label="target")
        ax.plot(t, y, **{**style.line(0), "linestyle": "--"}, label="prediction")
        ax.set(xlabel="time step t", ylabel="output")
    else:
        ax.plot(target[0], np.full(task.n_out, 1.0), "o", color=style.COLOURS[1], ms=9, mfc="none", label="target")
        ax.plot(y[0], np.full(task.n_out, 1.0), "x", color=style.COLOURS[0], ms=8, label="prediction")
        values = np.concatenate([target[0], y[0]])
        room = max(0.25, 0.4 * float(np.ptp(values)))
        said = f"output at the last step: {_listed(y[0])}, target {_listed(target[0])}"
        ax.set(xlabel=said, yticks=[], ylim=(0.5, 1.9), xlim=(values.min() - room, values.max() + room))
    style.legend(ax, loc="upper right", ncols=2)


def _listed(values: np.ndarray) -> str:
    return ", ".join(f"{x:.3g}" for x in values[:4])


def _states(figure: Any, ax: Any, H: np.ndarray, layer: str) -> None:
    """One row per unit, one column per step; complex states by their modulus."""
    style.picture(ax)
    if np.iscomplexobj(H):
        H, limits, colours, label = np.abs(H), (0.0, float(np.abs(H).max()) or 1.0), style.IMAGE, "|h|"
    elif H.min() >= 0:
        limits, colours, label = (0.0, float(H.max()) or 1.0), style.IMAGE, "h"
    else:
        reach = float(np.nanmax(np.abs(H))) or 1.0
        limits, colours, label = (-reach, reach), "PuOr", "h"
    image = ax.imshow(H.T, aspect="auto", origin="lower", cmap=colours, vmin=limits[0], vmax=limits[1],
                      interpolation="nearest", extent=(0.5, len(H) + 0.5, 0.5, H.shape[1] + 0.5))
    figure.colorbar(image, ax=ax, pad=0.01, label=label)
    ax.set(xlabel="time step t", ylabel=f"hidden unit\nof {layer}")
    style.whole(ax, "x", "y")
