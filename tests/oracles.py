"""Slow, literal transcriptions of the papers' equations: one sample, one column vector, one number at a time.

Nothing here shares a line with the engine, and nothing is vectorised over time or over the batch.
"""

import math

import numpy as np
import scipy.linalg

# Activations, name -> (h of z and p, (dz, dp) of dh, z and p), for one sample: lists of n numbers.
# p is the trained number of each unit, where there is one; dz is ∂L/∂Re z + i ∂L/∂Im z.


def each(f, df, dp=lambda z, p: 0.0):
    """A real f(z, p), ∂f/∂z and ∂f/∂p of one number, applied to each."""
    def forward(z, p):
        return [f(a, q) for a, q in zip(z, p, strict=True)]

    def backward(dh, z, p):
        units = list(zip(dh, z, p, strict=True))
        return [df(a, q) * d for d, a, q in units], [(dp(a, q) * d).real for d, a, q in units]

    return forward, backward


def oplu(z, p):
    """(max, min) of each pair."""
    return [pick(z[k], z[k + 1]) for k in range(0, len(z), 2) for pick in (max, min)]


def oplu_backward(dh, z, p):
    dz = []
    for k in range(0, len(z), 2):
        dz += [dh[k], dh[k + 1]] if z[k] >= z[k + 1] else [dh[k + 1], dh[k]]
    return dz, [0.0] * len(z)


def modrelu(z, b):
    """(|z| + b) z/|z|, or 0 if that length is negative."""
    return [a / abs(a) * max(abs(a) + c, 0.0) for a, c in zip(z, b, strict=True)]


def modrelu_backward(dh, z, b):
    """By Wirtinger's derivatives of z + b z^½ z*^-½: dz = (∂h/∂z)* dh + (∂h/∂z*) dh*, db = Re((∂h/∂b)* dh)."""
    dz, db = [], []
    for d, a, c in zip(dh, z, b, strict=True):
        on = 1.0 if abs(a) + c >= 0 else 0.0
        by_z, by_conjugate = 1 + c / (2 * abs(a)), -c * a * a / (2 * abs(a) ** 3)
        dz.append(on * (by_z * d + by_conjugate * complex(d).conjugate()))
        db.append(on * (complex(a / abs(a)).conjugate() * d).real)
    return dz, db


ACTIVATIONS = {
    "abs": each(lambda z, p: abs(z), lambda z, p: 1.0 if z >= 0 else -1.0),
    "gain": each(                                                   # around tanh, p the gain
        lambda z, p: math.tanh(p * z), lambda z, p: p / math.cosh(p * z) ** 2, lambda z, p: z / math.cosh(p * z) ** 2
    ),
    "identity": each(lambda z, p: z, lambda z, p: 1.0),
    "leaky-relu": each(lambda z, p: z if z > 0 else 0.5 * z, lambda z, p: 1.0 if z > 0 else 0.5),
    "modrelu": (modrelu, modrelu_backward),
    "oplu": (oplu, oplu_backward),
    "prelu": each(
        lambda z, p: z if z > 0 else p * z, lambda z, p: 1.0 if z > 0 else p, lambda z, p: 0.0 if z > 0 else z
    ),
    "relu": each(lambda z, p: max(z, 0.0), lambda z, p: 1.0 if z > 0 else 0.0),
    "tanh": each(lambda z, p: math.tanh(z), lambda z, p: 1.0 - math.tanh(z) ** 2),
}


def elman(X, U, W, b, h0, activation, p=None):
    """h_t = f(W h_{t-1} + U x_t + b) for each sample.  X (T, B, m), h0 (B, n) -> z (T, B, n), h (T + 1, B, n).

    p (n,) are the activation's trained numbers.
    """
    f, _ = ACTIVATIONS[activation]
    T, B, _ = X.shape
    n = len(b)
    p = np.zeros(n) if p is None else p
    z, h = np.zeros((T, B, n), W.dtype), np.zeros((T + 1, B, n), W.dtype)
    for s in range(B):
        h[0, s] = h0[s]
        for t in range(T):
            z[t, s] = W @ h[t, s] + U @ X[t, s] + b
            h[t + 1, s] = f(z[t, s].tolist(), p)
    return z, h


def elman_bptt(X, U, W, b, h0, activation, dH, p=None):
    """Backpropagation through time as the textbooks write it: for each sample, from t = T down to 1, outer products.

    dH (T, B, n) is ∂L/∂h_t as seen from above.  Returns the gradients by name, with the shapes of the arguments; "p"
    is there where p was given.
    """
    _, backward = ACTIVATIONS[activation]
    z, h = elman(X, U, W, b, h0, activation, p)
    g = {"X": np.zeros_like(X), "U": np.zeros_like(U), "W": np.zeros_like(W), "b": np.zeros_like(b)}
    g["h0"] = np.zeros_like(h0)
    dp = np.zeros(len(b))
    for s in range(X.shape[1]):
        carry = np.zeros(len(b))
        for t in reversed(range(len(X))):
            dz, dp_t = backward((dH[t, s] + carry).tolist(), z[t, s].tolist(), np.zeros(len(b)) if p is None else p)
            delta = np.array(dz) if np.iscomplexobj(W) else np.array(dz).real
            g["W"] += np.outer(delta, h[t, s].conj())
            g["U"] += np.outer(delta, X[t, s].conj())
            g["b"] += delta
            dp += dp_t
            g["X"][t, s] = U.conj().T @ delta
            carry = W.conj().T @ delta
        g["h0"][s] = carry
    return g if p is None else {**g, "p": dp}


def sigmoid(z):
    return 1.0 / (1.0 + math.exp(-z))


def lstm(X, U, W, b, h0, c0):
    """Gates i, f, g, o for each sample and each unit alone.  Returns h, c, each (T + 1, B, n)."""
    T, B, _ = X.shape
    n = h0.shape[1]
    h, c = np.zeros((T + 1, B, n)), np.zeros((T + 1, B, n))
    h[0], c[0] = h0, c0
    for s in range(B):
        for t in range(T):
            z = W @ h[t, s] + U @ X[t, s] + b
            for k in range(n):
                i, f, g, o = sigmoid(z[k]), sigmoid(z[n + k]), math.tanh(z[2 * n + k]), sigmoid(z[3 * n + k])
                c[t + 1, s, k] = f * c[t, s, k] + i * g
                h[t + 1, s, k] = o * math.tanh(c[t + 1, s, k])
    return h, c


def expm(A):
    """exp(B), B the skew-symmetric matrix with the strict upper triangle of A, by Padé approximation."""
    n = len(A)
    B = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1, n):
            B[i, j], B[j, i] = A[i, j], -A[i, j]
    return scipy.linalg.expm(B)


def softmax_cross_entropy(y, classes, mask=None):
    """−(1/N) Σ m ln(e^{y_c} / Σ e^y), the plain formula; large y would overflow."""
    total, count = 0.0, 0.0
    for k, s in np.ndindex(classes.shape):
        m = 1.0 if mask is None else float(mask[k, s])
        e = [math.exp(v) for v in y[k, s]]
        total -= m * math.log(e[classes[k, s]] / sum(e))
        count += m
    return total / count


def mean_squared_error(y, target, mask=None):
    """(1/N) Σ m (y − t)², N the number of unmasked numbers."""
    total, count = 0.0, 0.0
    for index in np.ndindex(y.shape):
        m = 1.0 if mask is None else float(mask[index[:2]])
        total += m * (y[index] - target[index]) ** 2
        count += m
    return total / count


# Update rules, one number at a time: x0 and its gradients g_1, g_2, ... to x.


def sgd(x, gradients, lr):
    for g in gradients:
        x = x - lr * g
    return x


def momentum(x, gradients, lr, mu):
    v = 0.0
    for g in gradients:
        v = mu * v + g
        x = x - lr * v
    return x


def rmsprop(x, gradients, lr, rho, eps, inside=0.0, start=0.0):
    s = start
    for g in gradients:
        s = rho * s + (1 - rho) * g**2
        root = math.sqrt(s + inside) + eps
        x = x - lr * g / root
    return x


def adam(x, gradients, lr, beta1, beta2, eps):
    """Algorithm 1 of the paper, line by line."""
    m = v = 0.0
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        x = x - lr * m_hat / (math.sqrt(v_hat) + eps)
    return x


# Update rules of matrices with orthonormal columns, written with inverses and Padé exponentials.


def cayley_steps(M, gradients, lr):
    """M ← (I + η/2 A)⁻¹ (I − η/2 A) M with A = G Mᴴ − M Gᴴ."""
    identity = np.identity(len(M))
    for G in gradients:
        A = G @ M.conj().T - M @ G.conj().T
        M = np.linalg.inv(identity + lr / 2 * A) @ (identity - lr / 2 * A) @ M
    return M


def normalised_cayley_steps(M, gradients, lr, rho, eps):
    """The same with G divided by its running root mean square, real and imaginary parts apart."""
    s = np.zeros((2, *M.shape))
    for G in gradients:
        parts = [G.real, G.imag]
        for k in range(2):
            s[k] = rho * s[k] + (1 - rho) * parts[k] ** 2
        divided = [parts[k] / (np.sqrt(s[k]) + eps) for k in range(2)]
        M = cayley_steps(M, [divided[0] + 1j * divided[1] if np.iscomplexobj(M) else divided[0]], lr)
    return M


def exponential_steps(W, gradients, lr):
    """W ← exp(−η P) W with P = G Wᵀ − W Gᵀ."""
    for G in gradients:
        W = scipy.linalg.expm(-lr * (G @ W.T - W @ G.T)) @ W
    return W
