"""The pages cannot drift from the code: tags, quoted lines, signatures, citations and links are compared."""

import inspect
import re
from pathlib import Path

import pytest

from minirnn import catalog, perturb

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SHARED_PAGES = {
    "activations": "activations", "layers": "layers", "losses": "losses", "rules": "optimizers",
    "regularizers": "regularizers",
}
COMPONENTS = [
    (kind, name)
    for kind in ("cells", "parametrizations", *SHARED_PAGES)
    for name in catalog.components(kind)
]
TAG = re.compile(r"\(([A-Z]{1,2}\d{1,2})\)")
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
ANY_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
BRACKET = re.compile(r"\[([^\[\]]+)\](?!\()")
DATED_KEY = re.compile(r"\b[a-z]{2,}(?:19|20)\d\d[a-z]?\b")
ENTRY = re.compile(r"^- \*\*([a-z0-9]+)\*\* ", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")


# -- what is compared ------------------------------------------------------------------------------------------------


def page_of(kind, name):
    """A component's own page, named as its module; the simple ones of a kind may share one."""
    own = DOCS / "derivations" / f"{name.replace('-', '_')}.md"
    return own if own.is_file() or kind not in SHARED_PAGES else own.with_name(f"{SHARED_PAGES[kind]}.md")


def missing_page(kind, component, page):
    if page.is_file():
        return ""
    return (
        f"{component.__name__} has no derivation: write docs/derivations/{page.name} with its equations and tags, "
        "their derivation, the code lines, and the measured error of `minirnn gradcheck`"
    )


def tag_problems(component, source, text):
    """What is wrong between the tags of a class's docstring, of its code and of its page."""
    code = [tag for line in source.splitlines() for tag in perturb.tags_of(line)]
    in_docstring = set(TAG.findall(inspect.cleandoc(component.__doc__ or "")))
    on_page = set(TAG.findall(ANY_BLOCK.sub("", text)))
    name = component.__name__
    found = [] if name in text else [f"the page does not mention {name}"]
    for tag in sorted(in_docstring | set(code)):
        if tag not in in_docstring:
            found.append(f"({tag}) of {name} is in the code, but not in its docstring")
        if code.count(tag) != 1:
            found.append(f"({tag}) of {name} is on {code.count(tag)} code lines, wanted one")
        if tag not in on_page:
            found.append(f"({tag}) of {name} is not among the equations of its page")
    return found


def quoted_lines(text):
    """The lines of a page's python blocks, without indentation; a line of three dots leaves something out."""
    lines = (line.strip() for block in BLOCK.findall(text) for line in block.splitlines())
    return [line for line in lines if line and line != "..."]


def source_lines():
    files = [*(ROOT / "minirnn").rglob("*.py"), *(ROOT / "tasks").rglob("*.py")]
    return {line.strip() for file in files for line in file.read_text(encoding="utf-8").splitlines()}


def misquoted(text, known):
    return [line for line in quoted_lines(text) if line not in known]


def unquoted_tags(source, text):
    """Tagged code lines that the page does not show."""
    shown = set(quoted_lines(text))
    tagged = [line.strip() for line in source.splitlines() if perturb.tags_of(line)]
    return [line for line in tagged if line not in shown]


def entries(bibliography):
    return ENTRY.findall(bibliography)


def cited(text, undated):
    """The citation keys of a text: dated ones anywhere, those without a year only in brackets, as in [key, locator]."""
    found = set(DATED_KEY.findall(text))
    for bracket in BRACKET.findall(text):
        found |= {part.split(",")[0].strip() for part in bracket.split(";")} & undated
    return found


def citation_problems(texts, bibliography):
    known = entries(bibliography)
    undated = {key for key in known if not DATED_KEY.fullmatch(key)}
    used = {where: cited(text, undated) for where, text in texts.items()}
    found = [
        f"{where} cites [{key}]: add it to docs/bibliography.md, or correct the key"
        for where, keys in used.items()
        for key in sorted(keys - set(known))
    ]
    unused = [key for key in known if not any(key in keys for keys in used.values())]
    found += [f"[{key}] is in the bibliography and cited nowhere" for key in unused]
    return found + [f"[{key}] is in the bibliography twice" for key in sorted(set(known)) if known.count(key) > 1]


def dead_links(page, text):
    targets = [target.partition("#")[0] for target in LINK.findall(ANY_BLOCK.sub("", text)) if "://" not in target]
    return [target for target in targets if target and not (page.parent / target).exists()]


def pages():
    return sorted(page for page in DOCS.rglob("*.md") if "_build" not in page.parts)


def citing_texts():
    files = [*(ROOT / "minirnn").rglob("*.py"), *(ROOT / "tasks").rglob("*.py"), *pages()]
    files += [*(ROOT / "tasks" / "presets").glob("*.toml"), *(ROOT / "tasks" / "targets").glob("*.toml")]
    return {
        str(file.relative_to(ROOT)): file.read_text(encoding="utf-8")
        for file in files
        if file.name != "bibliography.md"
    }


def read(name):
    return (DOCS / name).read_text(encoding="utf-8")


# -- the pages as they are -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "name"), COMPONENTS)
def test_every_component_has_a_page(kind, name):
    message = missing_page(kind, catalog.find(kind, name), page_of(kind, name))
    assert not message, message


@pytest.mark.parametrize(("kind", "name"), COMPONENTS)
def test_tags_agree_in_docstring_code_and_page(kind, name):
    component = catalog.find(kind, name)
    text = page_of(kind, name).read_text(encoding="utf-8")
    assert tag_problems(component, inspect.getsource(component), text) == []


@pytest.mark.parametrize(("kind", "name"), COMPONENTS)
def test_page_shows_every_tagged_line(kind, name):
    component = catalog.find(kind, name)
    assert unquoted_tags(inspect.getsource(component), page_of(kind, name).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", sorted((DOCS / "derivations").glob("*.md")), ids=lambda page: page.stem)
def test_quoted_lines_are_in_the_source(page):
    assert misquoted(page.read_text(encoding="utf-8"), source_lines()) == []


def test_signatures_in_the_design_are_real():
    known = source_lines()
    signatures = [line for block in BLOCK.findall(read("design.md")) if "def " in block for line in block.splitlines()]
    assert len(signatures) > 15
    wanted = [line.strip() for line in signatures if line.strip()]
    assert [line for line in wanted if not any(k.startswith(line) for k in known)] == []


def test_citations_and_bibliography_agree():
    assert citation_problems(citing_texts(), read("bibliography.md")) == []


def test_bibliography_is_in_alphabetical_order():
    keys = entries(read("bibliography.md"))
    assert len(keys) > 10
    assert keys == sorted(keys)


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_relative_links_resolve(page):
    assert dead_links(page, page.read_text(encoding="utf-8")) == []


def test_index_leads_to_every_derivation():
    linked = set(LINK.findall(read("index.md")))
    assert {f"derivations/{page.name}" for page in (DOCS / "derivations").glob("*.md")} <= linked


def test_pages_that_docstrings_name_exist():
    sources = [file.read_text(encoding="utf-8") for file in (ROOT / "minirnn").rglob("*.py")]
    named = {path for source in sources for path in re.findall(r"docs/[\w/-]+\.md", source)}
    assert named
    assert [path for path in sorted(named) if not (ROOT / path).is_file()] == []


# -- and that a change would be noticed ------------------------------------------------------------------------------


ELMAN = catalog.find("cells", "elman")


@pytest.fixture
def elman_page():
    return read("derivations/elman.md")


@pytest.fixture
def elman_source():
    return inspect.getsource(ELMAN)


def test_an_altered_quotation_is_noticed(elman_page):
    altered = elman_page.replace("dz @ w.W.conj()  ", "dz @ w.W.T       ")
    assert altered != elman_page
    assert len(misquoted(altered, source_lines())) == 1


def test_a_quotation_that_is_left_out_is_noticed(elman_page, elman_source):
    (line,) = [line for line in quoted_lines(elman_page) if "(E4)" in line]
    assert unquoted_tags(elman_source, elman_page.replace(line, "")) == [line]


def test_a_tag_that_leaves_the_page_is_noticed(elman_page, elman_source):
    altered = ANY_BLOCK.sub(lambda block: block[0], elman_page).replace(r"(E5)", "(E6)")
    assert tag_problems(ELMAN, elman_source, altered) == ["(E5) of Elman is not among the equations of its page"]


def test_a_tag_only_within_quoted_code_does_not_count(elman_source):
    assert len(tag_problems(ELMAN, elman_source, f"Elman\n```python\n{elman_source}```\n")) == 7


def test_a_tag_on_two_lines_is_noticed(elman_page, elman_source):
    altered = elman_source.replace("# (E4)", "# (E3)")
    assert tag_problems(ELMAN, altered, elman_page) == [
        "(E3) of Elman is on 2 code lines, wanted one",
        "(E4) of Elman is on 0 code lines, wanted one",
    ]


def test_a_tag_without_docstring_is_noticed(elman_page, elman_source):
    altered = elman_source.replace("(h,), z = dstate, state, cache\n", "(h,), z = dstate, state, cache    # (E9)\n", 1)
    assert tag_problems(ELMAN, altered, elman_page + "(E9)") == [
        "(E9) of Elman is in the code, but not in its docstring"
    ]


def test_a_component_without_page_is_told_what_to_do():
    message = missing_page("cells", ELMAN, DOCS / "derivations" / "no-such-page.md")
    assert message.startswith("Elman has no derivation: write docs/derivations/no-such-page.md")


@pytest.mark.parametrize("citation", ["[nobody1999]", "[elman1990; nobody1999, eq. 3]", '"nobody1999, section 2"'])
def test_an_unknown_citation_is_noticed(citation):
    problems = citation_problems({"page.md": f"See {citation}."}, "- **elman1990** Jeffrey L. Elman.\n")
    assert "page.md cites [nobody1999]: add it to docs/bibliography.md, or correct the key" in problems


def test_an_entry_that_nobody_cites_is_noticed():
    bibliography = "- **chu** Hoang Chu.\n- **elman1990** Jeffrey L. Elman.\n"
    assert citation_problems({"page.md": "[elman1990] and chu"}, bibliography) == [
        "[chu] is in the bibliography and cited nowhere"
    ]
    assert citation_problems({"page.md": "[elman1990; chu, sec. 4]"}, bibliography) == []


def test_a_dead_link_is_noticed():
    page = DOCS / "index.md"
    assert dead_links(page, "[a](conventions.md#names) [b](gone.md) [c](https://example.org)") == ["gone.md"]
