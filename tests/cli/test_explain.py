"""minirnn explain: every component, and the control that scales one line."""

import pytest

from minirnn import catalog, perturb
from minirnn.cli.explain import EXPLAINED, PAGES

NAMED = [(kind, name) for kind in EXPLAINED for name in catalog.components(kind)]


@pytest.mark.parametrize(("kind", "name"), NAMED)
def test_every_component_is_explained(minirnn, kind, name):
    result = minirnn("explain", name, "--kind", catalog.singular(kind))
    assert result.code == 0
    component = catalog.find(kind, name)
    if kind == "models":
        assert "Checked now" in result.out
        return
    for tag, (_, code) in perturb.tagged_lines(component).items():
        assert f"({tag})" in result.out
        assert code.partition("#")[0].rstrip() in result.out


def test_a_backward_line_stands_below_what_it_undoes(minirnn):
    lines = minirnn("explain", "elman").out.splitlines()
    k = next(k for k, line in enumerate(lines) if "h = self.f.forward(z, out[0])" in line)
    assert "undone by  dz = self.f.backward(dh, z, h, out)" in lines[k + 1]


def test_without_a_name_it_lists_by_topic(minirnn):
    out = minirnn("explain").out
    assert all(kind in out for kind in EXPLAINED)


@pytest.mark.skipif(not PAGES.is_dir(), reason="an installed package has no pages: the next test")
def test_the_page_is_the_derivation(minirnn):
    assert "# The Elman network" in minirnn("explain", "elman", "--page").out
    assert "Stiefel" in minirnn("explain", "geodesic", "--page").out


def test_a_package_without_its_pages_says_where_they_are(minirnn, monkeypatch, tmp_path):
    monkeypatch.setattr("minirnn.cli.explain.PAGES", tmp_path / "docs" / "derivations")
    result = minirnn("explain", "elman", "--page")
    assert result.code == 2
    assert "comes with a clone" in result.err


def test_a_scaled_line_is_noticed(minirnn):
    result = minirnn("explain", "expmap", "--perturb", "X9=1.01")
    assert result.code == 0
    assert "1.01 times the true gradient" in result.out
    assert "failed, as they should" in result.out


def test_a_factor_of_one_changes_nothing(minirnn):
    assert "All gradients agree." in minirnn("explain", "expmap", "--perturb", "X9=1").out


def test_a_control_that_notices_nothing_exits_3(minirnn, monkeypatch):
    monkeypatch.setattr(perturb, "perturbed", lambda component, tag, factor: component)
    result = minirnn("explain", "expmap", "--perturb", "X9=1.01")
    assert result.code == 3
    assert "no gradient of expmap noticed" in result.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("elmann",), "did you mean 'elman'?"),
        (("elman", "--kind", "sell"), "did you mean 'cell'?"),
        (("elman", "--perturb", "E1=1.01"), "(E1) is no backward line of elman; choose one of: E3, E4, E5"),
        (("elman", "--perturb", "E3"), "write TAG=FACTOR"),
        (("urnn", "--perturb", "E3=1.01"), "name a part of it"),
    ],
)
def test_a_mistake_is_one_sentence(minirnn, words, sentence):
    result = minirnn("explain", *words)
    assert result.code == 2
    assert sentence in result.err
