"""Write fixtures/torch_parity.npz: losses and gradients of torch's own recurrent networks on small fixed weights.

    python tests/make_torch_fixtures.py

Needs torch; the tests that read the file do not. `parity` is shared with the live comparison in test_oracle_torch.py.
"""

from pathlib import Path

import numpy as np

FIXTURE = Path(__file__).parent / "fixtures" / "torch_parity.npz"
T, B, M, N, OUT = 20, 2, 3, 4, 3            # more than one segment of the time loop
CASES = ("lstm", "tanh", "relu")


def weights(case, seed=0):
    """Weights, initial state, inputs and classes of one case, drawn in float64."""
    rng = np.random.default_rng([seed, CASES.index(case)])
    G, states = (4, 2) if case == "lstm" else (1, 1)
    arrays = {
        "x": rng.standard_normal((T, B, M)),
        "U": rng.standard_normal((G * N, M)),
        "W": rng.standard_normal((G * N, N)) / np.sqrt(N),
        "b": rng.standard_normal(G * N),
        "readout.W": rng.standard_normal((OUT, N)),
        "readout.b": rng.standard_normal(OUT),
        "h0": rng.standard_normal((B, N)),
        "y": rng.integers(0, OUT, (T, B)),
    }
    return arrays | ({"c0": rng.standard_normal((B, N))} if states == 2 else {})


def parity(case, arrays):
    """{"loss": ..., "grad/name": ...} as torch computes them."""
    import torch

    torch.set_num_threads(1)
    if case == "lstm":
        net = torch.nn.LSTM(M, N, dtype=torch.float64)
        state = tuple(torch.tensor(arrays[name])[None] for name in ("h0", "c0"))
    else:
        net = torch.nn.RNN(M, N, nonlinearity=case, dtype=torch.float64)
        state = torch.tensor(arrays["h0"])[None]
    readout = torch.nn.Linear(N, OUT, dtype=torch.float64)
    tensors = {"U": net.weight_ih_l0, "W": net.weight_hh_l0, "b": net.bias_ih_l0}
    tensors |= {"readout.W": readout.weight, "readout.b": readout.bias}
    with torch.no_grad():
        for name, tensor in tensors.items():
            tensor.copy_(torch.tensor(arrays[name]))
        net.bias_hh_l0.zero_()
    x = torch.tensor(arrays["x"], requires_grad=True)
    H, _ = net(x, state)
    logits = readout(H).reshape(-1, OUT)
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(arrays["y"]).reshape(-1))
    loss.backward()
    grads = {f"grad/{name}": tensor.grad.numpy() for name, tensor in {**tensors, "x": x}.items()}
    return {"loss": np.array(loss.item()), **grads}


if __name__ == "__main__":
    found = {}
    for case in CASES:
        arrays = weights(case)
        found |= {f"{case}/{name}": a for name, a in {**arrays, **parity(case, arrays)}.items()}
    FIXTURE.parent.mkdir(exist_ok=True)
    np.savez_compressed(FIXTURE, **found)
    print(f"{FIXTURE}: {FIXTURE.stat().st_size} bytes")
