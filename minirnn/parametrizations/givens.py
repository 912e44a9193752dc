"""Orthogonal matrices as products of packed plane rotations, with a backward pass that stores nothing."""

import numpy as np

from minirnn import backend
from minirnn.errors import UsageError
from minirnn.initializers import uniform
from minirnn.linalg import rotate
from minirnn.operators import Operator
from minirnn.parametrizations.base import Parametrization


def round_robin(n, K):
    """Planes (p, q) of the first K rounds of a tournament: in round k, units (k + i, k − i) modulo the rounds meet.

    Even n has n − 1 rounds of n/2 pairs, odd n has n rounds of (n − 1)/2; each pair meets exactly once.
    """
    rounds = n - 1 + n % 2
    if n < 2 or not 1 <= K <= rounds:
        raise UsageError(f"round_robin has 1 to {rounds} rounds for n = {n} (got K = {K}); choose K in that range")
    k, i = np.arange(K)[:, None], np.arange(1, (rounds + 1) // 2)
    first, second = (k + i) % rounds, (k - i) % rounds
    if n % 2 == 0:                                                  # unit n − 1 meets the one who would sit out
        first, second = np.hstack([first, k]), np.hstack([second, np.full_like(k, n - 1)])
    return np.minimum(first, second), np.maximum(first, second)


def butterfly(n, K):
    """Planes (p, q) at distance 1, 2, 4, .. 2^(K−1), as in a fast Fourier transform; K = log2 n mixes all units."""
    if n < 2 or n & (n - 1):
        raise UsageError(f"butterfly needs n a power of two (got {n}); use round_robin")
    if not 1 <= K <= n.bit_length() - 1:
        raise UsageError(f"butterfly has 1 to {n.bit_length() - 1} rounds for n = {n} (got K = {K}); choose K there")
    unit = np.arange(n)
    p = np.stack([unit[unit & (1 << k) == 0] for k in range(K)])
    return p, p + (1 << np.arange(K))[:, None]


def orders(p, q, n):
    """(there, back), each (K + 1, n): before round k take the rows there[k], before undoing the round k − 1 back[k].

    In round k they then stand in the order p, q, the rest; there[K] brings them back into their own.
    """
    paired = np.concatenate([p, q], axis=1)
    order = np.stack([*(np.concatenate([a, np.setdiff1d(np.arange(n), a)]) for a in paired), np.arange(n)])
    place = np.argsort(order, axis=1)                               # where each unit stands in round k
    there = np.stack([order[0], *(place[k][order[k + 1]] for k in range(len(p)))])
    return there, np.argsort(there, axis=1)


class Givens(Parametrization):
    """W = R_K ⋯ R_1 D, each R_k a packed rotation: ⌊n/2⌋ disjoint planes turned at once.  [dorobantu2016, sec. 4.2]

    D is a fixed diagonal of ±1, I by default; det W = det D. Start from X_0 = D, and turn the rows p and q of round k
    (before each round the rows are put in the order all p, all q, the rest: one copy, and none is looked up after it):

        c = cos θ, s = sin θ                                        (G1)
        X_0 = D                                                     (G2)
        X_k = R_k X_{k-1}:  row p: c x_p − s x_q,  row q: s x_p + c x_q    (G3)  W = X_K

    Backward. A rotation is undone by the opposite one, so X_{k-1} is recovered from X_k instead of having been stored,
    and ∂R/∂θ is R followed by a quarter turn, so the angle's gradient needs the outputs alone. With Ḡ = ∂L/∂X_k:

        θ̄_k     = Σ (ḡ_q x_p − ḡ_p x_q), over columns, x = X_k      (G4)  undoes (G3) in θ
        X_{k-1} = R_k(−θ) X_k                                       (G5)  reverses (G3)
        X̄_{k-1} = R_k(−θ) X̄_k                                       (G6)  undoes (G3) in X
        θ̄       = Σ_j θ̄_j                                           (G10) over groups of columns, which fit the cache

    With per_step=True no matrix is formed: `matrix()` is an operator, X_0 = D Hᵀ holds the rows h of H as columns, the
    rotations are applied at every time step, and z̄ is taken back by

        X̄_{k-1} = R_k(−θ) X̄_k                                       (G7)  undoes (G3) in X, from X̄_K = Z̄ᵀ
        H̄ = X̄_0ᵀ D                                                  (G8)  undoes (G2)
        X_K = R_K ⋯ R_1 D Hᵀ                                        (G9)  once more, for (G4) to (G6) to walk back from

    params    theta (K, ⌊n/2⌋), one angle per plane
    n         units;  schedule  round_robin or butterfly, (n, K) -> planes;  signs  the diagonal of D, (n,)
    pullback  W̄ (n, n) -> {"theta": ...}     cost: 2Kn² multiplications forward, 5Kn² backward, once per sequence;
              per step 2Kn per row forward, 9Kn backward, and no n x n array anywhere
    raises    UsageError if theta, n, signs and schedule do not fit, or theta is not real
    Derivation: docs/derivations/givens.md
    """

    summary = "orthogonal W as K packed rotations, reversible backward"
    orthogonal = True

    def __init__(self, theta, n, schedule=round_robin, signs=None, per_step=False):
        if theta.ndim != 2 or theta.shape[1] != n // 2 or np.iscomplexobj(theta):
            given = f"{theta.dtype}, shape {theta.shape}"
            raise UsageError(f"givens needs real angles theta (K, {n // 2}) for n = {n} (got {given})")
        super().__init__(theta=theta)
        signs = np.ones(n) if signs is None else signs
        if signs.shape != (n,) or np.any(np.abs(signs) != 1):
            raise UsageError(f"givens needs {n} signs of ±1 (got {signs}); leave them out for det W = +1")
        p, q = schedule(n, len(theta))
        for planes in (p, q):
            backend.check_ids(planes, n, "axes of the schedule's planes")
        there, back = orders(p, q, n)
        self.buffers = {"there": there, "back": back, "signs": signs}
        self.n, self.per_step = n, per_step

    def matrix(self):
        theta, signs = self.params["theta"], self.buffers["signs"]
        turns = self.turns()
        if self.per_step:
            return Operator(self, (turns, signs), (self.n, self.n), theta), None
        D = np.identity(self.n, dtype=theta.dtype, like=theta) * signs   # (G2)
        W = np.concatenate([self.turned(D[:, j], turns) for j in _groups(self.n)], axis=1)
        return W, (W, turns)

    def pullback(self, dW, cache):
        if cache is None:                                           # the operator's gradient is the angles' already
            return {"theta": dW}
        W, turns = cache
        dtheta = sum(self.backward(W[:, j], dW[:, j], turns)[1] for j in _groups(self.n))     # (G10)
        return {"theta": dtheta}

    def turns(self):
        """[(there, back, c, s)], one entry per round, and the order that follows the last one."""
        theta, there, back = self.params["theta"], self.buffers["there"], self.buffers["back"]
        c, s = np.cos(theta)[..., None], np.sin(theta)[..., None]   # (G1)
        return [(there[k], back[k], c[k], s[k]) for k in range(len(theta))], there[-1], back[-1]

    def turned(self, X, turns):
        """R_K ⋯ R_1 X, for any number of columns."""
        rounds, last, _ = turns
        for there, _, c, s in rounds:
            X = rotate(X[there], c, s)                              # (G3)
        return X[last]

    def backward(self, X, dX, turns):
        """(X̄_0, θ̄, X_0) from X = X_K and dX = X̄_K, storing nothing in between."""
        rounds, _, last = turns
        X, dX, found = X[last], dX[last], []
        p, q = slice(self.n // 2), slice(self.n // 2, self.n // 2 * 2)
        for _, back, c, s in reversed(rounds):
            d = np.sum(dX[q] * X[p] - dX[p] * X[q], axis=1)         # (G4) undoes (G3) in θ
            X = rotate(X, c, -s)[back]                              # (G5) reverses (G3)
            dX = rotate(dX, c, -s)[back]                            # (G6) undoes (G3) in X
            found.append(d)
        return dX, np.stack(found[::-1]), X

    def apply(self, H, made):
        turns, signs = made
        X = self.turned(_columns(H * signs), turns)
        return X.T.reshape(H.shape)

    def apply_adjoint(self, dZ, made):
        (rounds, _, last), signs = made
        dX = _columns(dZ)[last]
        for _, back, c, s in reversed(rounds):
            dX = rotate(dX, c, -s)[back]                            # (G7) undoes (G3) in X
        dH = dX.T.reshape(dZ.shape) * signs                         # (G8) undoes (G2)
        return dH

    def gradients(self, dZ, H, made):
        turns, signs = made
        X = self.turned(_columns(H * signs), turns)                 # (G9)
        return self.backward(X, _columns(dZ), turns)[1]

    @classmethod
    def sized(cls, n, rng):
        K = min(8, n - 1 + n % 2)
        return cls(uniform((K, n // 2), 0.35, rng), n)

    @classmethod
    def examples(cls, n, rng):
        for label, size, K, schedule in (
            ("round robin, odd n", 5, 5, round_robin), ("round robin, even n", 6, 3, round_robin),
            ("butterfly", 8, 3, butterfly),
        ):
            for per_step in (False, True):
                theta = rng.uniform(-np.pi, np.pi, (K, size // 2))
                yield f"{label}{', per step' if per_step else ''}", cls(theta, size, schedule, per_step=per_step)
        flipped = np.array([-1.0, 1, 1, 1])
        yield "det W = −1", cls(rng.standard_normal((3, 2)), 4, signs=flipped)
        yield "det W = −1, per step", cls(rng.standard_normal((3, 2)), 4, signs=flipped, per_step=True)
        yield "angles 0", cls(np.zeros((3, 2)), 4)


def _groups(n):
    """Slices that cover n columns: 128 rows of X and of X̄ with their images fit a processor's second cache."""
    return [slice(j, j + 128) for j in range(0, n, 128)]


def _columns(H):
    """The rows of H, over all its leading axes, as the columns of a new matrix."""
    return H.reshape(-1, H.shape[-1]).T.copy()
