"""How far W is from normal, and what that allows its powers to do before its eigenvalues have their say."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirnn.diagnostics import resolvent
from minirnn.diagnostics.base import Diagnostic
from minirnn.diagnostics.subject import Subject

Array = Any

CLOSEST = 1e-3      # |z| − 1 of the innermost points that the Kreiss bound looks at
FURTHEST = 3.0      # and of the outermost
ROUNDS = 10         # of refinement, each at half the spacing


class NonNormality(Diagnostic):
    """Departure from normality, numerical range, Kreiss constant and powers of W.  [trefethen2005; sengupta2018]

    A normal W has ‖W^k‖ = ρ(W)^k, so its eigenvalues say all. Otherwise ‖W^k‖ may grow first, and with K the Kreiss
    constant and e Euler's number  [kreiss1962; trefethen2005, ch. 18]

        K = sup_{|z|>1} (|z| − 1) / σ_min(zI − W),    K <= sup_k ‖W^k‖ <= e n K

    angles   of the numerical range's boundary, around the circle
    powers   the largest k of ‖W^k‖; fewer if the norms leave the range of numbers

    A cell with several square blocks gets the values of their direct sum, diag(W_1, W_2, ..), and each block's own
    under "matrices". "kreiss_lower" is null where ρ(W) > 1: then K is infinite.
    In double precision, on the host.   Cost: about angles · 25n³ + 1000 points of the resolvent + powers · 10n³.
    """

    summary = "departure from normality, numerical radius, Kreiss constant, and the transient growth of powers"

    def __init__(self, angles: int = 64, powers: int = 100):
        self.angles, self.powers = angles, powers

    def measure(self, subject: Subject) -> dict[str, Any]:
        blocks = {name: non_normality(W, self.angles, self.powers) for name, W in subject.square_matrices().items()}
        found = _direct_sum(list(blocks.values()))
        return found if len(blocks) == 1 else {**found, "matrices": blocks}


def non_normality(W: Array, angles: int = 64, powers: int = 100) -> dict[str, Any]:
    """The fields of one square matrix (n, n) on the host."""
    T = resolvent.schur(W)
    radius = float(np.max(np.abs(np.diag(T))))
    edge = numerical_range(W, angles)
    norms = power_norms(W, powers)
    return {
        "henrici": departure(T),
        "spectral_radius": radius,
        "numerical_radius": float(np.max(np.abs(edge))),
        "numerical_abscissa": float(edge[0].real),
        "numerical_range": np.stack([edge.real, edge.imag], axis=1).tolist(),
        "kreiss_lower": kreiss_lower_bound(T) if radius <= 1 + CLOSEST / 2 else None,
        "power_norms": norms,
        "max_power_norm": max(norms),
        "max_power_step": int(np.argmax(norms)),
    }


def departure(T: Array) -> float:
    """Henrici's departure from normality, (‖W‖_F² − Σ|λ|²)^½ = ‖T − diag T‖_F, zero for normal W.  [henrici1962]

    T from `resolvent.schur`: its strict upper triangle says it without the cancellation of the difference.
    """
    return float(np.linalg.norm(np.triu(T, 1)))


def numerical_range(W: Array, angles: int = 64) -> Array:
    """Boundary points of {xᴴWx : ‖x‖ = 1}, a convex set that contains the eigenvalues; (angles,).  [johnson1978]

    For every θ, x_θ is a leading eigenvector of the Hermitian H_θ = (e^{−iθ}W + e^{iθ}Wᴴ)/2, and x_θᴴ W x_θ is the
    point of the set that lies furthest in the direction e^{iθ}. θ = 0 comes first: its real part is the numerical
    abscissa. Between two points the boundary is outside their chord, so a radius that is read off is short by a
    factor of at least cos(π/angles): 0.1 % for 64.
    Cost: one Hermitian eigenvalue problem per angle, half as many for a real W.
    """
    W = np.asarray(W, dtype=np.result_type(W, np.float64))
    real = not np.iscomplexobj(W)
    points = []
    for k in range(angles // 2 + 1 if real else angles):
        turned = np.exp(-2j * np.pi * k / angles) * W
        x = np.linalg.eigh((turned + turned.conj().T) / 2)[1][:, -1]
        points.append(x.conj() @ W @ x)
    if real:                                                        # symmetric about the real axis
        points += [z.conj() for z in points[1 : angles - len(points) + 1][::-1]]
    return np.asarray(points)


def kreiss_lower_bound(T: Array) -> float:
    """A lower bound on K = sup_{|z|>1} (|z| − 1)/σ_min(zI − T), the largest of many points: K itself, nearly.

    T from `resolvent.schur`, with eigenvalues in the closed unit disk.  At least 1, the limit for |z| → ∞, and 1 for
    a normal matrix. The points have CLOSEST <= |z| − 1 <= FURTHEST, logarithmically spaced, on 48 rays; then smaller
    and smaller meshes lie around the four best.  [kreiss1962]
    """
    rays, steps = 48, 13
    low, high = np.log(CLOSEST), np.log(FURTHEST)
    log_distance = np.tile(np.linspace(low, high, steps), rays)
    angle = np.repeat(2 * np.pi * np.arange(rays) / rays, steps)
    da, dl = 2 * np.pi / rays, (high - low) / (steps - 1)
    mesh = np.linspace(-1, 1, 3)
    best = 1.0
    for _ in range(ROUNDS + 1):
        distance = np.exp(np.clip(log_distance, low, high))
        sigma = resolvent.smallest_singular_values(T, (1 + distance) * np.exp(1j * angle))
        quotient = distance / sigma
        best = max(best, float(np.max(quotient)))
        first, da, dl = np.argsort(-quotient)[:4], da / 2, dl / 2
        log_distance = np.add.outer(log_distance[first], np.repeat(dl * mesh, len(mesh))).ravel()
        angle = np.add.outer(angle[first], np.tile(da * mesh, len(mesh))).ravel()
    return best


def power_norms(W: Array, powers: int = 100) -> list[float]:
    """‖W^k‖₂ for k = 0 .. powers: how much k linear steps can stretch a state. Ends early above 1e150."""
    W = np.asarray(W, dtype=np.result_type(W, np.float64))
    P, norms = W, [1.0]
    for _ in range(powers):
        norms.append(float(np.linalg.norm(P, 2)))
        if norms[-1] > 1e150:
            break
        P = P @ W
    return norms


def _direct_sum(blocks: list[dict[str, Any]]) -> dict[str, Any]:
    """The fields of diag(W_1, W_2, ..) from those of its blocks."""
    if len(blocks) == 1:
        return blocks[0]
    edges = np.asarray([block["numerical_range"] for block in blocks])           # (blocks, angles, 2)
    turn = 2 * np.pi * np.arange(edges.shape[1]) / edges.shape[1]
    reach = edges[..., 0] * np.cos(turn) + edges[..., 1] * np.sin(turn)          # how far each goes in its direction
    edge = np.take_along_axis(edges, np.argmax(reach, axis=0)[None, :, None], axis=0)[0]
    steps = min(len(block["power_norms"]) for block in blocks)
    norms = np.max([block["power_norms"][:steps] for block in blocks], axis=0)
    kreiss = [block["kreiss_lower"] for block in blocks]
    largest = "spectral_radius", "numerical_radius", "numerical_abscissa"
    return {
        "henrici": float(np.linalg.norm([block["henrici"] for block in blocks])),
        **{key: max(block[key] for block in blocks) for key in largest},
        "numerical_range": edge.tolist(),
        "kreiss_lower": None if None in kreiss else max(kreiss),
        "power_norms": norms.tolist(),
        "max_power_norm": float(np.max(norms)),
        "max_power_step": int(np.argmax(norms)),
    }
