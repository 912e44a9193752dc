"""Where the time of a training step goes: matrix products, elementwise work, calls, softmax, update, and the rest.

One step runs on arrays that note every NumPy operation with the shapes and strides of what it was given. Each kind of
operation is then timed alone on such arrays, and multiplied by how often it occurred. The loss, and the optimizer, are
timed as they run and left out of the notes.

The operations are timed on data in the cache. What a step waits for memory is therefore in the rest, with Python's own
work, indexing and copies. The parts add up to the step. The step, the loss and the optimizer are timed by the
processor's clock, which leaves out other programs. Everything is the best of several times, because nothing makes an
operation too fast, and a neighbour on the same memory may make it slower for seconds.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .engines import Minirnn
from .worker import WARM_UP, seconds
from .workloads import Workload

PARTS = ("products", "elementwise", "calls", "softmax", "update", "rest")
STEPS = 4       # times the workload's `steps`: how often a step is timed
REPEAT = 30     # of each operation; the best counts


class Noted(np.ndarray):
    """An array whose operations are counted in `notes`, by kind, with one example of each kind in `examples`."""

    notes: Counter[Any] = Counter()
    examples: dict[Any, Callable[[], Any]] = {}
    active = True

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **kwargs: Any) -> Any:
        if out is not None:
            kwargs["out"] = out
        plain, kwargs = _view(inputs, np.ndarray), _view(kwargs, np.ndarray)
        if method != "at":                                          # its indices and its target must not be changed
            Noted.note((ufunc.__name__, method), getattr(ufunc, method), plain, kwargs)
        result = getattr(ufunc, method)(*plain, **kwargs)
        return noted(result) if out is None else out[0]

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function in (np.dot, np.concatenate):                    # the others are made of ufuncs, or only copy
            args, kwargs = _view(args, np.ndarray), _view(kwargs, np.ndarray)
            Noted.note((function.__name__, "__call__"), function, args, kwargs)
            return noted(function(*args, **kwargs))
        if not hasattr(function, "_implementation"):                # NumPy 2.0: what `like=` leads here
            return noted(function(*args, **kwargs))
        return noted(super().__array_function__(function, types, args, kwargs))

    @classmethod
    def note(cls, name: tuple[str, str], function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> None:
        if not cls.active:
            return
        kind = (*name, _layout(args), *((key, _layout(value)) for key, value in kwargs.items()))
        if kind not in cls.notes:
            cls.examples[kind] = _again(function, args, kwargs)
        cls.notes[kind] += 1


def noted(x: Any) -> Any:
    """x, with its arrays noting what is done to them."""
    return _view(x, Noted)


def _view(x: Any, kind: type) -> Any:
    """x with its arrays seen as `kind`, also inside tuples, lists and dicts."""
    if type(x) in (tuple, list):
        return type(x)(_view(part, kind) for part in x)
    if type(x) is dict:
        return {key: _view(part, kind) for key, part in x.items()}
    return x.view(kind) if isinstance(x, np.ndarray) else x


def breakdown(workload: Workload) -> dict[str, float]:
    """{"step", each of PARTS: milliseconds; "products_called", "others_called": how often}, at one thread."""
    engine = Minirnn(workload, 1)
    for _ in range(WARM_UP):
        engine.step()
    step = min(1e3 * seconds(engine.step, time.process_time) for _ in range(STEPS * workload.steps))
    softmax = _timed(engine, engine.loss, ("total", "backward"), STEPS * workload.steps)
    update = _timed(engine, engine.optimizer, ("step",), STEPS * workload.steps)
    Noted.notes, Noted.examples = Counter(), {}
    with _noting(engine):
        engine.gradients()
    parts = dict.fromkeys(("products", "elementwise", "calls"), 0.0)
    called = {"products_called": 0, "others_called": 0}
    for kind, count in Noted.notes.items():
        name, again = kind[0], Noted.examples[kind]
        total = count * 1e3 * min(seconds(again) for _ in range(REPEAT))
        if name in ("matmul", "dot"):
            parts["products"] += total
            called["products_called"] += count
        else:
            call = min(total, count * _call(name, kind[1]))
            parts["calls"] += call
            parts["elementwise"] += total - call
            called["others_called"] += count
    rest = step - sum(parts.values()) - softmax - update
    return {"step": step, **parts, "softmax": softmax, "update": update, "rest": rest, **called}


def _layout(x: Any) -> Any:
    if isinstance(x, (tuple, list)):
        return tuple(map(_layout, x))
    return (x.dtype.char, x.shape, x.strides) if isinstance(x, np.ndarray) else str(x)


def _again(function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Callable[[], Any]:
    """The operation once more, into an array of its own: what it was given does not change by repeating it."""
    if kwargs.get("out") is not None:
        out = kwargs["out"]
        kwargs = kwargs | {"out": tuple(map(np.empty_like, out)) if isinstance(out, tuple) else np.empty_like(out)}
    args = tuple(np.copy(x, order="K") if isinstance(x, np.ndarray) else x for x in args)
    return lambda: function(*args, **kwargs)


def _call(name: str, method: str) -> float:
    """Milliseconds of the operation on one number: what the call costs, whatever the size."""
    function, one = getattr(np, name), np.ones((1, 1), dtype=np.float32)
    inputs: list[Any] = [[one, one]] if name == "concatenate" else [one] * (1 if method == "reduce" else function.nin)
    operation = function if name == "concatenate" else getattr(function, method)
    with np.errstate(all="ignore"):
        return 1e3 * min(seconds(lambda: operation(*inputs)) for _ in range(REPEAT))


def _timed(engine: Minirnn, part: Any, methods: tuple[str, ...], steps: int) -> float:
    """Milliseconds that a step spends in these methods of a part of the engine, the best of so many steps."""

    def one() -> float:
        spent: list[float] = []
        with _replaced(part, methods, lambda method: _clocked(method, spent)):
            engine.step()
        return 1e3 * sum(spent)

    return min(one() for _ in range(steps))


def _clocked(method: Callable[..., Any], spent: list[float]) -> Callable[..., Any]:
    def clocked(*args: Any, **options: Any) -> Any:
        found: list[Any] = []
        spent.append(seconds(lambda: found.append(method(*args, **options)), time.process_time))
        return found[0]

    return clocked


@contextmanager
def _noting(engine: Minirnn) -> Iterator[None]:
    """Parameters and input note what is done with them and what comes of it; the loss is left out."""

    def unnoted(method: Callable[..., Any]) -> Callable[..., Any]:
        def without_notes(*args: Any, **options: Any) -> Any:
            Noted.active = False
            result = method(*args, **options)
            Noted.active = True
            return result

        return without_notes

    owners = [part.params for _, part in engine.model.parts()]
    before = [dict(params) for params in owners]
    for params in owners:
        params.update({name: noted(x) for name, x in params.items()})
    batch, engine.batch = engine.batch, engine.batch.map(noted)
    with _replaced(engine.loss, ("total", "backward"), unnoted):
        yield
    engine.batch = batch
    for params, plain in zip(owners, before, strict=True):
        params.update(plain)


@contextmanager
def _replaced(part: Any, methods: tuple[str, ...], wrap: Callable[[Any], Any]) -> Iterator[None]:
    for name in methods:
        setattr(part, name, wrap(getattr(part, name)))
    yield
    for name in methods:
        delattr(part, name)                                         # the class's own method shows again
