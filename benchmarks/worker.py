"""An engine in a process of its own: the BLAS pools of two libraries spoil each other's timings in one process.

Its arguments are ENGINE, WORKLOAD as JSON, and a file REFERENCE (.npz). An engine of minirnn writes its weights, loss
and gradients there; a peer reads them, starts from the same weights, and shows that it computes the same before it is
timed. Then each line on stdin is a request, and each line on stdout its answer in JSON:

    round STEPS    {"ms": [...]}          that many training steps
    gemm SIZE      {"ms": [...], "flops_per_s": ...}   a large square product in single precision
    memory         {"mib": ...}           the most memory held so far

The first line on stdout is {"ready": versions, "mib_before": memory held before the first step, "worst": relative
difference, "where": its tensor}, the last two of a peer, or
{"skip": reason} where the engine is not installed, or {"wrong": sentence} where the two do not agree.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .engines import Gradients, Minirnn
from .jax_peer import Jax
from .torch_peers import Torch, TorchLoop, orthogonal_by, orthogonal_by_geotorch
from .workloads import GEMM_LIMIT, Workload

AGREE = 1e-4     # float32 over some hundred steps, summed in another order: 1e-6 to 1e-5 is usual, a mistake is 1e-1
WARM_UP = 3

PEERS: dict[str, Callable[[Workload, int, Gradients], Any]] = {
    "torch": Torch,
    "torch matrix_exp": partial(TorchLoop, orthogonal_by("matrix_exp")),
    "torch cayley": partial(TorchLoop, orthogonal_by("cayley")),
    "geotorch": partial(TorchLoop, orthogonal_by_geotorch),
    "jax": Jax,
    "jax expm": partial(Jax, exponential=True),
}


def write_reference(path: str, weights: Gradients, L: float, grads: Gradients) -> None:
    """What a peer needs: the weights, and the loss and gradients there."""
    arrays: dict[str, Any] = {"loss": np.asarray(L)}
    arrays |= {f"weight/{name}": x for name, x in weights.items()}
    arrays |= {f"gradient/{name}": g for name, g in grads.items()}
    np.savez(path, **arrays)


def read_reference(path: str) -> tuple[Gradients, float, Gradients]:
    """(weights, loss, gradients)."""
    with np.load(path, allow_pickle=False) as file:
        weights, grads = (
            {key.removeprefix(kind): file[key] for key in file if key.startswith(kind)}
            for kind in ("weight/", "gradient/")
        )
        return weights, float(file["loss"]), grads


def worst_difference(L: float, grads: Gradients, L_ref: float, grads_ref: Gradients) -> tuple[float, str]:
    """(largest relative difference, where): |L − L'| / |L'| for the loss, ‖g − g'‖ / ‖g'‖ for each gradient.

    Every gradient of the engine must have its counterpart, and together they must determine all of the reference's: a
    matrix may be compared by itself or by its coordinates.
    """
    missing = {name for name in grads_ref if not any(name == k or name.startswith(f"{k}.") or k.startswith(f"{name}.")
                                                     for k in grads)}
    if missing or not grads.keys() <= grads_ref.keys():
        raise ValueError(f"gradients of {sorted(grads)} cannot be compared with those of {sorted(grads_ref)}")
    found = {"the loss": abs(L - L_ref) / abs(L_ref)}
    for name, g in grads.items():
        difference, size = np.linalg.norm(g - grads_ref[name]), np.linalg.norm(grads_ref[name])
        found[name] = float(difference / size) if size > 0 else float(difference)
    where = max(found, key=lambda name: np.nan_to_num(found[name], nan=np.inf))
    return found[where], where


def check_agreement(engine: Any, L_ref: float, grads_ref: Gradients) -> dict[str, Any]:
    """The worker's first answer: ready, with the worst difference, or wrong."""
    L, grads = engine.loss_and_gradients()
    worst, where = worst_difference(L, grads, L_ref, grads_ref)
    if not worst <= AGREE:
        return {"wrong": f"{where} differs from minirnn's by {worst:.1e}, relative, which is more than {AGREE:.0e}"}
    return {"ready": engine.versions, "worst": worst, "where": where}


def gemm_seconds(size: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of A @ B in single precision; the best of three, since nothing makes a product too fast."""
    rng = np.random.default_rng(2)
    A, B = rng.standard_normal((2, size, size), dtype=np.float32)
    C = np.empty_like(A)
    return min(seconds(lambda: np.matmul(A, B, out=C), clock) for _ in range(3))


def seconds(work: Callable[[], Any], clock: Callable[[], float] = time.perf_counter) -> float:
    start = clock()
    work()
    return clock() - start


def most_memory() -> float:
    """MiB: the most that this process has held in memory so far.

    Linux's VmHWM, because getrusage's ru_maxrss there starts at the size of the process that started this one.
    """
    status = Path("/proc/self/status")
    for line in status.read_text(encoding="ascii").splitlines() if status.exists() else ():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 2**10
    try:
        import resource
    except ImportError:                                             # Windows does not say
        return 0.0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 2**10)


def start(name: str, workload: Workload, reference: str) -> tuple[Any, dict[str, Any]]:
    """(engine, first answer); the engine is None where the answer is not "ready"."""
    threads = int(os.environ["OMP_NUM_THREADS"])
    if name == GEMM_LIMIT:
        from threadpoolctl import threadpool_limits

        return threadpool_limits(threads), {"ready": f"numpy {np.__version__}"}
    if name.startswith("minirnn"):
        own = Minirnn(workload, threads, name.removeprefix("minirnn").strip())
        before = most_memory()
        write_reference(reference, *own.reference())
        return own, {"ready": own.versions, "mib_before": before}
    weights, L, grads = read_reference(reference)
    try:
        peer = PEERS[name](workload, threads, weights)
    except ImportError as error:
        return None, {"skip": f"{sys.executable} cannot import it ({error})"}
    before = most_memory()
    answer = check_agreement(peer, L, grads)
    return (peer if "ready" in answer else None), answer | {"mib_before": before}


def serve(name: str, workload: Workload, reference: str) -> None:
    """Start the engine, then answer requests until stdin ends."""
    engine, answer = start(name, workload, reference)
    if hasattr(engine, "step"):
        for _ in range(WARM_UP):
            engine.step()
    print(json.dumps(answer), flush=True)
    for line in sys.stdin if engine is not None else ():
        what, *count = line.split()
        if what == "gemm":
            took = gemm_seconds(int(count[0]))
            answer = {"ms": [1e3 * took], "flops_per_s": 2 * int(count[0]) ** 3 / took}
        elif what == "memory":
            answer = {"mib": most_memory()}
        else:
            answer = {"ms": [1e3 * seconds(engine.step) for _ in range(int(count[0]))]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve(sys.argv[1], Workload(**json.loads(sys.argv[2])), sys.argv[3])
