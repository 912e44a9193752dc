"""Write fixtures/torch_gru.npz: loss and gradients of torch.nn.GRU on small fixed weights.

    python tests/make_torch_gru_fixture.py

Needs torch; the test that reads the file does not. Arrays and gradients are under torch's names and in torch's gate
order r, z, n; `test_gru_torch.py` translates.
"""

from pathlib import Path

import numpy as np

FIXTURE = Path(__file__).parent / "fixtures" / "torch_gru.npz"
T, B, M, N = 20, 2, 3, 4            # more than one segment of the time loop


def weights(seed=0):
    """Torch's parameters, one initial state, inputs, and C of the loss L = Σ C ⊙ H, drawn in float64."""
    rng = np.random.default_rng(seed)
    return {
        "weight_ih": rng.standard_normal((3 * N, M)),
        "weight_hh": rng.standard_normal((3 * N, N)) / np.sqrt(N),
        "bias_ih": rng.standard_normal(3 * N),
        "bias_hh": rng.standard_normal(3 * N),
        "x": rng.standard_normal((T, B, M)),
        "h0": rng.standard_normal(N),
        "C": rng.standard_normal((T, B, N)),
    }


def parity(arrays):
    """{"loss": ..., "H": ..., "grad/name": ...} as torch computes them."""
    import torch

    torch.set_num_threads(1)
    net = torch.nn.GRU(M, N, dtype=torch.float64)
    tensors = {name: getattr(net, f"{name}_l0") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
    with torch.no_grad():
        for name, tensor in tensors.items():
            tensor.copy_(torch.tensor(arrays[name]))
    tensors |= {name: torch.tensor(arrays[name], requires_grad=True) for name in ("x", "h0")}
    H, _ = net(tensors["x"], tensors["h0"].expand(1, B, N))
    loss = (torch.tensor(arrays["C"]) * H).sum()
    loss.backward()
    grads = {f"grad/{name}": tensor.grad.numpy() for name, tensor in tensors.items()}
    return {"loss": np.array(loss.item()), "H": H.detach().numpy(), **grads}


if __name__ == "__main__":
    arrays = weights()
    FIXTURE.parent.mkdir(exist_ok=True)
    np.savez_compressed(FIXTURE, **arrays, **parity(arrays))
    print(f"{FIXTURE}: {FIXTURE.stat().st_size} bytes")
