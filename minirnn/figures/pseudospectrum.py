"""How far a small change of W can move its eigenvalues: contours of the resolvent's norm over the unit circle."""

from __future__ import annotations

import numpy as np

from minirnn.figures import style
from minirnn.figures.base import Drawing, Figure
from minirnn.figures.labels import labels
from minirnn.figures.spectrum import eigenvalues
from minirnn.saved_run import SavedRun


class Pseudospectrum(Figure):
    """Contours σ_min(zI − W) = 10⁻ᵏ, one panel per run: inside the k-th, a change of norm 10⁻ᵏ makes z an eigenvalue.

    For a normal W the contours are circles around the eigenvalues, of radius 10⁻ᵏ.
    """

    summary = "pseudospectrum of W: contours of σ_min(zI − W) at powers of ten over the unit circle"
    needs = "a checkpoint"
    sources = ("trefethen2005, ch. 2",)

    def draw(self, runs: list[SavedRun]) -> Drawing:
        found, notes = self.collect(runs, self._measure)
        names, left_out = labels([run for run, _ in found])
        figure, axes = style.panels(len(found), 3, self.stacked, (5.2, 4.4))
        for ax, name, (_, measured) in zip(axes, names, found, strict=True):
            x, y, z = (np.array(measured[key], dtype=float) for key in ("x", "y", "log10_smallest"))
            levels = _levels(z)
            eigenvalues(ax, measured)
            lines = ax.contour(x, y, z, levels=levels, cmap=style.IMAGE, linewidths=1.3, vmin=levels[0] - 0.5,
                               vmax=levels[-1] + 1.5)
            ax.clabel(lines, fmt=lambda level: rf"$10^{{{level:.2g}}}$", fontsize=7)
            ax.set(xlim=(x.min(), x.max()), ylim=(y.min(), y.max()))
            ax.set_title(style.plain(name, 48), fontsize=10)
            style.legend(ax, loc="upper right", fontsize=7.5)
        said = r"Contours: smallest singular value of zI − W."
        style.caption(figure, f"Layer {self.layer}. {said} {style.sources(self.sources)}")
        return Drawing(figure, notes + left_out)

    def _measure(self, run: SavedRun) -> dict:
        from minirnn.diagnostics.pseudospectrum import Pseudospectrum as Measured

        return run.measure(Measured(), self.layer)


def _levels(z: np.ndarray) -> list[float]:
    """Powers of ten that occur, six at most; half powers where there would be fewer than three."""
    low, high = float(np.nanmin(z)), float(np.nanmax(z))
    whole = [float(k) for k in range(int(np.ceil(low)), int(np.floor(high)) + 1)]
    if len(whole) < 3:
        halves = np.arange(np.ceil(2 * low), np.floor(2 * high) + 1) / 2
        whole = [float(k) for k in halves]
    return whole[-6:] or [(low + high) / 2]
