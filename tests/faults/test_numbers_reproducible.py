"""What is equal bit for bit, and what up to rounding: docs/guides/reproducibility.md, tried."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from digests import digest, trained
from threadpoolctl import threadpool_limits

MODELS = ["rnn", "lstm", "urnn-exp", "urnn"]
PROGRAM = Path(__file__).with_name("digests.py")


def in_another_process(seed, dtype="float32", threads=1):
    """The digests as a new process finds them, with another order of hashes and in another folder."""
    environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
    done = subprocess.run([sys.executable, str(PROGRAM), str(threads), dtype, *MODELS], capture_output=True, text=True,
                          env=environment, cwd=Path(__file__).parent.parent, timeout=300, check=True)
    return json.loads(done.stdout)


def same_bits(found, wanted):
    assert found == wanted


def close(a, b, tolerance):
    """Every array, relative to its largest entry."""
    assert a.keys() == b.keys()
    for name, x in a.items():
        if x.dtype.kind in "fc":
            scale = max(float(np.max(np.abs(x), initial=0)), 1e-12)
            assert float(np.max(np.abs(b[name] - x), initial=0)) <= tolerance * scale, name


@pytest.mark.promise("same-bits")
@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.many)])
def test_another_process_finds_the_same_bits(dtype, tried):
    here = {model: digest(trained(model, dtype)) for model in MODELS}
    for seed in (0, 1):
        same_bits(in_another_process(seed, dtype), here)
    tried(2 * len(MODELS))


@pytest.mark.promise("same-bits")
def test_what_was_computed_before_in_the_same_process_changes_no_bit(tried):
    first = digest(trained("rnn", "float32"))
    for model in MODELS:
        trained(model, "float64", hidden=17)
    same_bits(digest(trained("rnn", "float32")), first)
    tried(1)


@pytest.mark.promise("equal-to-rounding")
@pytest.mark.parametrize("hidden", [64, pytest.param(200, marks=pytest.mark.many)])
@pytest.mark.parametrize("model", ["rnn", "urnn", pytest.param("lstm", marks=pytest.mark.many)])
def test_two_threads_give_the_numbers_of_one_up_to_rounding(model, hidden):
    """In double precision; 5 updates multiply the rounding of a product by some thousands at most (Adam divides)."""
    with threadpool_limits(1):
        one = trained(model, "float64", hidden)
    with threadpool_limits(2):
        two = trained(model, "float64", hidden)
    close(one, two, 1e-9)


# -- planted violations


@pytest.mark.control("same-bits")
def test_a_draw_that_depends_on_the_process_is_caught(monkeypatch):
    honest = {model: digest(trained(model, "float32")) for model in MODELS[:1]}
    real, drawn = np.random.default_rng, iter(range(10**6))
    monkeypatch.setattr(np.random, "default_rng", lambda seed=None: real([os.getpid(), next(drawn)]))
    with pytest.raises(AssertionError):
        same_bits({model: digest(trained(model, "float32")) for model in MODELS[:1]}, honest)


@pytest.mark.control("equal-to-rounding")
def test_single_precision_is_seen_to_be_another_result():
    with pytest.raises(AssertionError):
        close(trained("rnn", "float64"), trained("rnn", "float32"), 1e-9)
