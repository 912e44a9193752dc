"""How every picture looks: colours told apart by everyone, dashes for print in grey, axes, a caption, PNG and SVG."""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minirnn.checkpoint import replace
from minirnn.errors import UsageError

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")   # [okabe2008]
DASHES = ("-", "--", ":", "-.")
CHANCE = {"color": "0.45", "linewidth": 1, "linestyle": (0, (1, 1.5))}
IMAGE = "cividis"           # even in lightness, and the same to those who do not see red and green apart [nunez2018]
FORMATS = ("png", "svg")
RECIPE: dict[Any, Any] = {"svg.hashsalt": "minirnn", "savefig.facecolor": "white"}     # the same bytes each time


def available() -> bool:
    """Whether matplotlib can be imported."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return False
    return True


def line(k: int) -> dict[str, Any]:
    """The look of the k-th line: 28 pairs of a colour and a dash before one comes again."""
    n = len(COLOURS)
    return {"color": COLOURS[k % n], "linestyle": DASHES[(k % n + k // n) % len(DASHES)], "linewidth": 1.7}


def panels(count: int, columns: int = 2, stacked: bool = False, size: tuple[float, float] = (5.2, 3.7)) -> tuple:
    """(figure, list of `count` axes), in rows of `columns`; stacked: one below another, as a telephone shows them."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError("pictures need matplotlib: pip install 'minirnn[plot]'") from None
    columns = 1 if stacked else min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in grid[count:]:
        ax.remove()
    for ax in grid[:count]:
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(alpha=0.25, linewidth=0.6)
    return figure, list(grid[:count])


def picture(ax: Any) -> None:
    """Prepare axes for an image: no grid over it, a frame around it."""
    ax.grid(False)
    ax.spines[["top", "right"]].set_visible(True)


def whole(ax: Any, *axes: str) -> None:
    """Ticks at whole numbers on "x" or "y", thousands apart: updates, steps of time, symbols, units."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    for name in axes:
        axis = getattr(ax, f"{name}axis")
        axis.set_major_locator(MaxNLocator(7 if name == "x" else 6, integer=True, steps=(1, 2, 5, 10)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def decades(axis: Any, low: float, high: float) -> None:
    """Plain numbers on a logarithmic axis of less than two decades, where powers of ten would leave it empty."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    if high / low < 100:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def legend(ax: Any, **options: Any) -> None:
    """A legend, if anything in the axes has a label."""
    handles, labels = ax.get_legend_handles_labels()
    if handles:
        ax.legend(handles, labels, frameon=False, **{"fontsize": 8.5, **options})


def caption(figure: Any, text: str) -> None:
    """A small line below everything: what was run, and where the picture is from."""
    width = int(figure.get_figwidth() * 16.5)
    figure.supxlabel("\n".join(textwrap.wrap(plain(text), width)), fontsize=7, color="0.35", x=0.01, ha="left")


def plain(text: str, width: int = 0) -> str:
    """Text that matplotlib shows as it is: no formula between dollars, and no label hidden by an underscore."""
    text = "".join(c if c.isprintable() else "\ufffd" for c in text)
    text = text.replace("$", r"\$")
    text = f" {text}" if text.startswith("_") else text
    return "\n".join(textwrap.wrap(text, width)) if width else text


def render(figure: Any, kind: str) -> bytes:
    """The picture's bytes, "png" or "svg"."""
    import matplotlib

    if kind not in FORMATS:
        raise UsageError(f"pictures are written as {' or '.join(FORMATS)} (got {kind!r}); name a file that ends so")
    file = io.BytesIO()
    about = {"Date": None} if kind == "svg" else {"Software": None}
    with matplotlib.rc_context(RECIPE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")          # a folder's name in a script the font lacks
        figure.savefig(file, format=kind, dpi=150, metadata=about)
    return file.getvalue()


def suffix(path: Path) -> str:
    """The format that a file's name asks for.  raises UsageError unless it is png or svg"""
    kind = path.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise UsageError(f"cannot draw {path}: pictures are written as .png or .svg; give the file such an ending")
    return kind


def save(figure: Any, path: Path) -> None:
    """Write the picture, whole or not at all."""
    content = render(figure, suffix(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, lambda file: file.write(content))
    except OSError as error:
        raise UsageError(f"cannot write {path} ({error.strerror}); name another file with --out") from None


def sources(keys: Sequence[str]) -> str:
    """The sources of a picture, for its caption."""
    return "After " + ", ".join(f"[{key}]" for key in keys) + "." if keys else ""
