"""What fails on a device: one sentence, exit code 1, and a checkpoint from before that is good."""

import json
import sys

import fake_cupy
import numpy as np
import pytest
from twins import tables, twins

from minirnn import backend, config
from minirnn.backend import device as device_module
from minirnn.cli import _run
from minirnn.errors import RunFailed
from minirnn.optimizers import Adam
from minirnn.runs import CHECKPOINT, Run, checkpoint
from minirnn.trained import load_model
from minirnn.trainer import Trainer

OUT = fake_cupy.OutOfMemoryError(3 * 2**30, 2**20)
LOST = fake_cupy.CUDARuntimeError("cudaErrorLaunchFailure: unspecified\nlaunch failure")
BUSY = fake_cupy.CUDARuntimeError("cudaErrorMemoryAllocation: out of memory")
MIXED = ValueError("The device where the array resides (1) is different from the current device (0). Peer access is no")
FAULTS = {
    "memory": (OUT, r"the device's memory ran out: 3\.0 GiB were asked for, 5\.0 GiB of 8\.0 GiB are free, and this "
                    r"run holds 3\.0 MiB; try a smaller --batch-size with --accumulate"),
    "memory, without a size": (BUSY, r"the device's memory ran out: cudaErrorMemoryAllocation: out of memory, 5\.0 G"),
    "lost": (LOST, r"the device failed \(cudaErrorLaunchFailure: unspecified launch failure\); see with nvidia-smi"),
    "two devices": (MIXED, r"arrays of two devices met \(The device where .* move all of them to one, with backend\."),
}


def failing(monkeypatch, error, at):
    """Let the optimizer fail in the middle of an update: one parameter has moved, the next has not."""
    step, calls = Adam.step, []

    def broken(self, name, x, g):
        calls.append(name)
        if len(calls) == at:
            raise error
        step(self, name, x, g)

    monkeypatch.setattr(Adam, "step", broken)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_one_sentence_and_the_checkpoint_of_before_is_good(device, monkeypatch, tmp_path, name):
    error, sentence = FAULTS[name]
    given = tables(run={"backend": "cupy"}, train={"steps": 6, "evaluate_every": 2})
    settings, task = config.resolve(given)
    whole = Run.create(tmp_path / "whole", settings, task)
    list(whole.train())
    run = Run.create(tmp_path / "a", settings, task)
    with monkeypatch.context() as patch:
        failing(patch, error, at=5 * len(run.trainer.model.params) - 1)
        with pytest.raises(RunFailed, match=sentence) as caught:
            list(run.train())
    said = str(caught.value)
    assert said.startswith("after step 4, ")
    assert said.endswith(f"the checkpoint of step 4 is good: minirnn run --resume {tmp_path / 'a'}")
    assert "\n" not in said
    list(Run.resume(tmp_path / "a", {}).train())
    arrays, wanted = (checkpoint.load(tmp_path / f / CHECKPOINT)[0] for f in ("a", "whole"))
    assert all(arrays[key].tobytes() == wanted[key].tobytes() for key in wanted)


def test_an_error_that_is_none_of_the_devices_stays_what_it_is(device, monkeypatch, tmp_path):
    settings, task = config.resolve(tables(run={"backend": "cupy"}))
    run = Run.create(tmp_path / "a", settings, task)
    failing(monkeypatch, ZeroDivisionError("a bug"), at=1)
    with pytest.raises(ZeroDivisionError):
        list(run.train())
    for error in (ValueError("plain"), MemoryError(), RuntimeError("torch"), KeyError("x")):
        assert backend.fault(error) == ""


def test_a_lost_device_is_not_asked_for_its_memory(device, monkeypatch):
    def lost(number):
        raise LOST

    monkeypatch.setattr(sys.modules["cupy"].cuda, "Device", lost)
    assert backend.fault(OUT).startswith("the device's memory ran out: 3.0 GiB were asked for; try a smaller")


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("words", [["evaluate"], ["generate"], ["inspect"]])
def test_every_command_ends_with_the_sentence_and_code_1(device, monkeypatch, tmp_path, capsys, name, words):
    settings, task = config.resolve(tables(run={"backend": "cupy"}))
    list(Run.create(tmp_path / "a", settings, task).train())
    error, _ = FAULTS[name]

    def broken(*args, **kwargs):
        raise error

    monkeypatch.setattr("minirnn.trained.build", broken)
    capsys.readouterr()
    assert _run([*words, str(tmp_path / "a")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("Error: ")
    assert said.count("\n") == 1
    assert backend.fault(error) in said


def test_host_memory_is_not_taken_for_the_devices(monkeypatch, tmp_path, capsys):
    def broken(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr("minirnn.trained.load_model", broken)
    assert _run(["evaluate", str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        "Error: memory ran out; try a smaller --batch-size, --hidden-size or --length\n"
    )


def test_linear_algebra_that_fails_in_training_names_the_step(device, monkeypatch):
    for trainer in twins(tables("network", parametrization="expmap-eigh")):
        def broken(M):
            raise np.linalg.LinAlgError("Eigenvalues did not converge")

        with monkeypatch.context() as patch:
            patch.setattr(backend, "eigh", broken)
            with pytest.raises(RunFailed, match=r"step 1: linear algebra found no answer \(Eigenvalues did not"):
                trainer.update(0)


# ---- the command line on a device


@pytest.fixture
def minirnn(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MINIRNN_BACKEND", raising=False)

    def call(*words):
        capsys.readouterr()
        code = _run([str(word) for word in words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


SMALL = ("recall", "--length", 5, "--model", "rnn", "--hidden-size", 4, "--steps", 2, "--evaluate-every", 2, "--quiet")


def test_a_run_ends_with_what_the_device_held(device, minirnn):
    code, out, err = minirnn("run", *SMALL, "--backend", "cupy", "--dir", "a")
    assert (code, err) == (0, "")
    assert "At most 3.0 MiB of the device's 8.0 GiB were held" in out
    code, out, _ = minirnn("run", *SMALL, "--backend", "cupy", "--dir", "b", "--json")
    assert json.loads(out)["device_bytes"] == 3 * 2**20
    code, out, _ = minirnn("run", *SMALL, "--dir", "c", "--json")
    assert "device_bytes" not in json.loads(out)


def test_a_device_is_chosen_on_the_command_line_and_kept_in_the_run(monkeypatch, minirnn, tmp_path):
    first, second = fake_cupy.install(monkeypatch, devices=2)
    assert minirnn("run", *SMALL, "--backend", "cupy", "--device", 1, "--dir", "a")[0] == 0
    assert (first.to_device, second.to_device > 0) == (0, True)
    assert "device = 1" in (tmp_path / "a" / "config.toml").read_text()
    assert minirnn("evaluate", "a", "--device", 0)[0] == 0
    assert first.to_device > 0
    before = first.to_device, second.to_device
    assert minirnn("evaluate", "a", "--backend", "numpy")[0] == 0
    assert (first.to_device, second.to_device) == before


@pytest.mark.parametrize(("words", "sentence"), [
    (("--backend", "cupy", "--device", 1), "there is no device 1: 0 is GPU 0; name one of 0..0 with --device"),
    (("--backend", "auto", "--device", 7), "there is no device 7: 0 is GPU 0; name one of 0..0 with --device"),
    (("--backend", "cupy", "--device", -1), "run.device must be zero or positive (got -1)"),
    (("--device", 1), "run.device names a CUDA device (got 1) and run.backend is numpy; add --backend cupy, or leave"),
])
def test_a_device_that_cannot_be_is_refused_and_nothing_is_written(device, minirnn, tmp_path, words, sentence):
    code, out, err = minirnn("run", *SMALL, *words, "--dir", "a")
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(("slowdown", "hint"), [(2, False), (64, True)])
def test_doctor_says_what_is_free_and_what_double_precision_costs(monkeypatch, minirnn, slowdown, hint):
    fake_cupy.install(monkeypatch, devices=2, slowdown=slowdown)
    code, out, _ = minirnn("doctor", "--json")
    assert code == 0
    said = json.loads(out)["CUDA"]
    assert said["usable"] == "yes"
    for k in range(2):
        wanted = f"GPU {k}, 5.0 GiB free of 8.0 GiB"
        assert said[f"device {k}"] == wanted + "; float64 at 1/64 of the speed: train in float32" * hint


@pytest.mark.parametrize(("slowdown", "dtype", "said"), [
    (64, "float64", "float64 is computed at 1/64 of the speed of float32 on this device: train in float32\n"),
    (64, "float32", ""), (2, "float64", ""),
])
def test_a_run_in_double_precision_on_a_consumer_card_says_what_it_costs(monkeypatch, minirnn, slowdown, dtype, said):
    fake_cupy.install(monkeypatch, slowdown=slowdown)
    code, _, err = minirnn("run", *SMALL, "--backend", "cupy", "--dtype", dtype, "--dir", "a")
    assert (code, err) == (0, said)


def test_doctor_goes_on_where_another_device_does_not_answer(monkeypatch, minirnn):
    fake_cupy.install(monkeypatch, devices=2)
    cuda = sys.modules["cupy"].cuda
    working = cuda.Device

    def device(number):
        if number == 1:
            raise LOST
        return working(number)

    monkeypatch.setattr(cuda, "Device", device)
    said = json.loads(minirnn("doctor", "--json")[1])["CUDA"]
    assert said["device 0"].startswith("GPU 0, 5.0 GiB free")
    assert said["device 1"] == "GPU 1, does not answer: cudaErrorLaunchFailure: unspecified launch failure"


def test_a_compilers_pages_become_a_sentence(device):
    error = fake_cupy.CUDARuntimeError("line\n" * 1000)
    assert len(backend.fault(error)) < 500


def test_doctor_does_not_ask_a_device_that_cannot_compute(monkeypatch, minirnn):
    def broken(shape, dtype):
        raise LOST

    fake_cupy.install(monkeypatch, ones=broken)
    code, out, _ = minirnn("doctor", "--json")
    assert code == 0
    assert json.loads(out)["CUDA"]["device 0"] == "GPU 0"


@pytest.mark.parametrize(("count", "said"), [
    (0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (3 * 2**30, "3.0 GiB"), (2**50, "1024.0 TiB"),
])
def test_bytes_are_read_in_the_unit_that_fits(count, said):
    assert device_module.readable_bytes(count) == said


def test_a_model_loaded_from_the_library_is_on_the_chosen_device(monkeypatch, tmp_path):
    _, second = fake_cupy.install(monkeypatch, devices=2)
    settings, task = config.resolve(tables(run={"backend": "cupy", "device": 1}))
    Run.create(tmp_path / "a", settings, task)
    trainer, _ = load_model(tmp_path / "a", "latest")
    assert isinstance(trainer, Trainer)
    assert all(x.device is second for x in trainer.model.params.values())
