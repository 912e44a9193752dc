"""Slow, literal transcriptions of the papers' equations: one sample, one column vector, one number at a time.

Nothing here shares a line with the engine, and nothing is vectorised over time or over the batch.
"""

import math

import numpy as np
import scipy.linalg

# name -> (f, f'), functions of one number
ACTIVATIONS = {
    "abs": (abs, lambda z: 1.0 if z >= 0 else -1.0),
    "identity": (lambda z: z, lambda z: 1.0),
    "leaky-relu": (lambda z: z if z > 0 else 0.5 * z, lambda z: 1.0 if z > 0 else 0.5),
    "relu": (lambda z: max(z, 0.0), lambda z: 1.0 if z > 0 else 0.0),
    "tanh": (math.tanh, lambda z: 1.0 - math.tanh(z) ** 2),
}


def elman(X, U, W, b, h0, activation):
    """h_t = f(W h_{t-1} + U x_t + b) for each sample.  X (T, B, m), h0 (B, n) -> z (T, B, n), h (T + 1, B, n)."""
    f, _ = ACTIVATIONS[activation]
    T, B, _ = X.shape
    n = len(b)
    z, h = np.zeros((T, B, n)), np.zeros((T + 1, B, n))
    for s in range(B):
        h[0, s] = h0[s]
        for t in range(T):
            z[t, s] = W @ h[t, s] + U @ X[t, s] + b
            h[t + 1, s] = [f(zi) for zi in z[t, s]]
    return z, h


def elman_bptt(X, U, W, b, h0, activation, dH):
    """Backpropagation through time as the textbooks write it: for each sample, from t = T down to 1, outer products.

    dH (T, B, n) is ∂L/∂h_t as seen from above.  Returns the gradients by name, with the shapes of the arguments.
    """
    _, df = ACTIVATIONS[activation]
    z, h = elman(X, U, W, b, h0, activation)
    g = {"X": np.zeros_like(X), "U": np.zeros_like(U), "W": np.zeros_like(W), "b": np.zeros_like(b)}
    g["h0"] = np.zeros_like(h0)
    for s in range(X.shape[1]):
        carry = np.zeros(len(b))
        for t in reversed(range(len(X))):
            delta = np.array([df(zi) for zi in z[t, s]]) * (dH[t, s] + carry)
            g["W"] += np.outer(delta, h[t, s])
            g["U"] += np.outer(delta, X[t, s])
            g["b"] += delta
            g["X"][t, s] = U.T @ delta
            carry = W.T @ delta
        g["h0"][s] = carry
    return g


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


def rmsprop(x, gradients, lr, rho, eps):
    s = 0.0
    for g in gradients:
        s = rho * s + (1 - rho) * g**2
        x = x - lr * g / (math.sqrt(s) + eps)
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
