"""Every CUDA kernel is compiled for the architectures it is meant for, without a device."""

import re
import shutil
import subprocess

import numpy as np
import pytest

from minirnn import catalog
from minirnn.cells import GRU, LSTM, Elman, PeepholeLSTM
from minirnn.kernels import budget, programs

ARCHITECTURES = (pytest.param(80, marks=pytest.mark.slow), 90)
CELLS = {
    **{f"elman {label}": Elman(f) for label, f in catalog.examples("activations", 4, np.random.default_rng(0))
       if programs.program(Elman(f)) is not None},
    "lstm": LSTM(), "gru": GRU("after", np.zeros(4)), "peephole_lstm": PeepholeLSTM.sized(4),
}
ONE_OF_EACH_CELL = [next(iter(CELLS)), "lstm", "gru", "peephole_lstm"]


def with_nvrtc(nvrtc):
    def compile(source, architecture, options):
        made = nvrtc.createProgram(source, "kernel.cu", [], [])
        try:
            told = [f"--gpu-architecture=sm_{architecture}", "-std=c++14", "--ptxas-options=-v", *options]
            nvrtc.compileProgram(made, told)
            assert len(nvrtc.getCUBIN(made)) > 0
        except nvrtc.NVRTCError as error:
            raise AssertionError(f"{error}: {nvrtc.getProgramLog(made)}") from error
        return nvrtc.getProgramLog(made)

    return compile


def with_nvcc(nvcc, folder):
    def compile(source, architecture, options):
        path = folder / "kernel.cu"
        path.write_text(source, encoding="utf-8")
        command = [nvcc, f"-arch=sm_{architecture}", "-std=c++14", "-cubin", "-Xptxas", "-v", *options, "-o",
                   str(folder / "kernel.cubin"), str(path)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stderr

    return compile


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """compile(source, architecture, options) -> what the assembler reports, by NVRTC or by nvcc."""
    try:
        from cupy_backends.cuda.libs import nvrtc

        nvrtc.getVersion()
        return with_nvrtc(nvrtc)
    except (ImportError, RuntimeError, OSError):
        nvcc = shutil.which("nvcc")
        if nvcc is None:
            pytest.skip("needs CUDA's compiler: NVRTC through CuPy (the extras cuda12, cuda13), or nvcc on the PATH")
        return with_nvcc(nvcc, tmp_path_factory.mktemp("cubin"))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("walk", ["elementwise", "sequence"])
@pytest.mark.parametrize("label", CELLS)
def test_a_kernel_compiles_for_the_device(label, walk, architecture, compiled):
    """With the most rows per block, which takes the most registers; none may be spilled to memory."""
    program = programs.program(CELLS[label])
    report = compiled(program.source(walk), architecture, program.options(np.float32, rows=budget.ROWS[-1]))
    registers = [int(k) for k in re.findall(r"Used (\d+) registers", report)]
    assert len(registers) == 2
    assert max(registers) * budget.THREADS <= 65536
    assert re.findall(r"(\d+) bytes spill stores, (\d+) bytes spill loads", report) == [("0", "0")] * 2


@pytest.mark.parametrize("rows", budget.ROWS)
@pytest.mark.parametrize("label", ONE_OF_EACH_CELL)
def test_every_number_of_rows_compiles(label, rows, compiled):
    program = programs.program(CELLS[label])
    compiled(program.source("sequence"), 90, program.options(np.float32, rows=rows))


@pytest.mark.parametrize("label", ONE_OF_EACH_CELL)
def test_double_precision_compiles(label, compiled):
    program = programs.program(CELLS[label])
    compiled(program.source("elementwise"), 90, program.options(np.float64))


def test_a_wrong_source_does_not_compile(compiled):
    """The control: the compiler is really asked."""
    program = programs.program(LSTM())
    with pytest.raises(AssertionError, match="undefined"):
        compiled(program.source("sequence").replace("tanh(c)", "tanh(nothing)"), 90, program.options(np.float32))
