"""Singular values and eigenvalues against matrices whose own are known."""

import json

import numpy as np
import pytest

from minirnn import models
from minirnn.diagnostics.spectrum import Spectrum, spectrum
from minirnn.diagnostics.subject import Subject


def subject(build, n=6, **options):
    return Subject(build(2, 3, n, rng=np.random.default_rng(0), **options), 0, None, None, None, 0)


def test_a_diagonal_matrix_has_its_entries():
    found = spectrum(np.diag([0.5, -2.0, 1.0]))
    assert found["singular_values"] == pytest.approx([2, 1, 0.5])
    assert found["eigenvalues"] == [[-2, 0], [1, 0], [0.5, 0]]
    assert found["spectral_radius"] == 2
    assert (found["singular_min"], found["singular_max"]) == pytest.approx((0.5, 2))
    assert found["singular_mean"] == pytest.approx(3.5 / 3)
    assert found["singular_std"] == pytest.approx(np.std([2, 1, 0.5]))
    assert found["orthogonality_error"] == pytest.approx(np.sqrt(0.75**2 + 9))


def test_a_rotation_has_unit_singular_values_and_its_angle():
    c, s = np.cos(0.3), np.sin(0.3)
    found = spectrum(np.array([[c, -s], [s, c]]))
    assert found["singular_values"] == pytest.approx([1, 1])
    assert sorted(found["eigenvalues"]) == pytest.approx(np.array([[c, -s], [c, s]]))
    assert found["orthogonality_error"] < 1e-15


def test_a_matrix_far_from_normal_has_singular_values_far_from_its_eigenvalues():
    found = spectrum(np.array([[0.5, 10], [0, 0.4]]))
    assert found["spectral_radius"] == pytest.approx(0.5)
    assert found["singular_max"] > 10


@pytest.mark.parametrize("build", [models.urnn_exp, models.scornn, models.urnn, models.full_urnn, models.dizzy_rnn])
def test_orthogonal_and_unitary_networks_have_unit_spectra(build):
    found = Spectrum().measure(subject(build))
    assert found["singular_values"] == pytest.approx([1] * 6, abs=1e-5)
    assert found["spectral_radius"] == pytest.approx(1, abs=1e-5)
    assert found["orthogonality_error"] < 1e-5
    assert "matrices" not in found


def test_the_matrix_is_the_one_the_layer_multiplies_by():
    asked = subject(models.rnn)
    wanted = np.linalg.svd(asked.model.params["rnn.0.W"].astype(float), compute_uv=False)
    assert Spectrum().measure(asked)["singular_values"] == pytest.approx(wanted, rel=1e-12)


def test_each_gate_has_its_own_block_and_all_are_joined():
    asked = subject(models.lstm)
    found, W = Spectrum().measure(asked), asked.matrix().astype(float)
    assert list(found["matrices"]) == ["i", "f", "g", "o"]
    for k, block in enumerate(found["matrices"].values()):
        wanted = np.linalg.svd(W[6 * k : 6 * k + 6], compute_uv=False)
        assert block["singular_values"] == pytest.approx(wanted, rel=1e-12)
    assert len(found["singular_values"]) == len(found["eigenvalues"]) == 24
    assert found["singular_values"] == sorted(found["singular_values"], reverse=True)
    assert found["spectral_radius"] == max(block["spectral_radius"] for block in found["matrices"].values())


def test_an_operator_is_measured_as_the_matrix_it_stands_for():
    asked = subject(models.sparse_rnn, structure="diagonal", cell="elman")
    found = Spectrum().measure(asked)
    assert found["singular_values"] == pytest.approx(sorted(np.abs(np.diag(asked.matrix())), reverse=True), rel=1e-6)


def test_it_can_be_written_down_as_json():
    assert json.loads(json.dumps(Spectrum().measure(subject(models.urnn))))["spectral_radius"] == pytest.approx(1)
