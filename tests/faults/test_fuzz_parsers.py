"""Files that nobody wrote in good faith: every parser answers with data or with one sentence, in little memory."""

import gzip
import io
import json
import struct
import time
import tracemalloc
import zipfile

import numpy as np
import pytest
from fuzzing import examples, fuzz
from hypothesis import strategies as st

from minirnn import checkpoint, config, data, datasets, npz, text, toml
from minirnn.errors import UsageError
from minirnn.parametrizations import Givens
from minirnn.parametrizations.givens import round_robin
from minirnn.runs import METRICS, read_metrics
from minirnn.sweeps.ledger import FINISHED, LARGEST, Ledger

MiB = 1 << 20
CONFIG = b"""[task]\nname = "recall"\nlength = 5\n\n[model]\nname = "rnn"\n\n[optimizer.options]\nbeta1 = 0.9\n
[train]\nsteps = 3\nwatch = ["spectrum"]\n"""
ENTRY = {"status": FINISHED, "folder": "a", "goal": "accuracy", "error": "", "steps": 4,
         **{part: {"loss": 1.5} for part in ("valid_last", "valid_best", "test_last", "test_best", "baseline")}}
RECORDS = [{"split": "train", "step": 1, "loss": 2.25}, {"split": "valid", "step": 2, "loss": 2.0, "accuracy": 0.5}]


def idx(*shape, body=None):
    size = int(np.prod(shape)) if body is None else 0
    head = bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
    return head + (bytes(k % 251 for k in range(size)) if body is None else body)


def saved(path):
    checkpoint.save(path, {"param/W": np.arange(20.0).reshape(4, 5), "buffer/order": np.arange(5)}, {"step": 1})
    return path.read_bytes()


def read_ledger(path):
    return Ledger(path.parent.parent).read(path.stem)


def parsers(folder):
    """{name: (path, good content, read)}; `read` gets the path."""
    (folder / "ledger").mkdir()
    lines = "".join(json.dumps(record) + "\n" for record in RECORDS).encode()
    words = "the company said ünïcode <unk>\n it rose N % \n".encode()
    return {
        "idx": (folder / "i", idx(3, 4, 5), lambda path: data.read_idx(path, 3)),
        "idx, gzipped": (folder / "i.gz", gzip.compress(idx(3, 4, 5), mtime=0), lambda path: data.read_idx(path, 3)),
        "text": (folder / "t.txt", words, text.read_lines),
        "text, gzipped": (folder / "t.gz", gzip.compress(words, mtime=0), text.read_lines),
        "checkpoint": (folder / "c.npz", saved(folder / "c.npz"), checkpoint.load),
        "configuration": (folder / "c.toml", CONFIG, lambda path: config.resolve(toml.load(path))),
        "metrics": (folder / METRICS, lines, lambda path: read_metrics(path.parent)),
        "ledger": (folder / "ledger" / "job.json", json.dumps(ENTRY).encode(), read_ledger),
    }


NAMES = ["idx", "idx, gzipped", "text", "text, gzipped", "checkpoint", "configuration", "metrics", "ledger"]
changes = st.lists(st.tuples(
    st.sampled_from(["flip", "set", "cut", "insert", "repeat", "number"]), st.integers(0, 2**31), st.binary(max_size=40)
), min_size=1, max_size=6)
CORNERS = [b"\xff" * 4, b"\0" * 4, b"\x80\0\0\0", b"9" * 5000, b"-1", b"1e999", b"nan", b"[" * 3000, b"{" * 3000]


def mutated(content, changes):
    """The content with bytes changed, cut out, put in, repeated, or replaced by what numbers end at."""
    for kind, place, new in changes:
        k = place % (len(content) + 1)
        n = 1 + place % 37
        content = {
            "flip": content[:k] + bytes(b ^ (1 << place % 8) for b in content[k : k + 1]) + content[k + 1 :],
            "set": content[:k] + new + content[k + len(new) :],
            "cut": content[:k] + content[k + n :],
            "insert": content[:k] + new + content[k:],
            "repeat": content[:k] + content[k : k + n] * 3 + content[k:],
            "number": content[:k] + CORNERS[place % len(CORNERS)] + content[k + place % 5 :],
        }[kind]
    return content


def answers(read, path, content, memory=8 * MiB, seconds=5.0):
    """`read` gives data, or raises a UsageError of one sentence that names the file; within memory and time."""
    path.write_bytes(content)
    tracemalloc.start()
    began, said = time.process_time(), "data"
    try:
        read(path)
    except UsageError as error:
        said = str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert said
    assert "\n" not in said.strip()
    assert peak <= memory
    assert time.process_time() - began <= seconds


@pytest.mark.promise("mutated-files")
@examples(40, 800)
@pytest.mark.parametrize("name", NAMES)
def test_a_mutated_file_is_read_or_refused_in_a_sentence(tmp_path, name, examples, tried):
    path, good, read = parsers(tmp_path)[name]
    fuzz(tried, examples, lambda drawn: answers(read, path, mutated(good, drawn)), changes)


@pytest.mark.promise("mutated-files")
@examples(20, 500)
@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_any_bytes_is_read_or_refused_in_a_sentence(tmp_path, name, examples, tried):
    path, good, read = parsers(tmp_path)[name]
    head = st.integers(0, len(good))
    fuzz(tried, examples, lambda k, tail: answers(read, path, good[:k] + tail), head, st.binary(max_size=300))


# -- files that claim much


def npy(header, body=b""):
    padded = header.encode() + b" " * 20 + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded + body


def header(shape, descr="'<f8'"):
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}"


def archive(members, compression=zipfile.ZIP_STORED):
    about = io.BytesIO()
    np.save(about, np.asarray(json.dumps({"format": 1})))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as zipped:
        for name, content in {"about.npy": about.getvalue(), **members}.items():
            zipped.writestr(name, content)
    return file.getvalue()


def objects():
    file = io.BytesIO()
    np.savez(file, about=np.array([{"format": 1}], dtype=object), W=np.array([print, None], dtype=object))
    return file.getvalue()


def one(content):
    return archive({"param/W.npy": content})


CLAIMS = {
    "2^40 rows": one(npy(header((2**40,)))),
    "2^70 rows": one(npy(header((2**70,)))),
    "2^40 rows of nothing": one(npy(header((2**40,), "'|S0'"))),
    "no rows of 2^70": one(npy(header((0, 2**70)))),
    "-1 rows": one(npy(header((-1,)), bytes(8))),
    "rows of text": one(npy(header("('a',)"))),
    "rows of 1 TB": one(npy(header((3,), "[('a', '<f8', (100000, 100000))]"))),
    "objects": objects(),
    "a header of parentheses": one(npy("(" * 3000)),
    "a header of minus signs": one(npy("-" * 9000 + "1")),
    "a header that does not end": one(npy("'''")),
    "no array": one(b"hello"),
    "a bomb": archive({"param/W.npy": npy(header((2**24,), "'|u1'"), bytes(2**24))}, zipfile.ZIP_DEFLATED),
    "deep JSON": archive({}).replace(b'{"format": 1}'.decode().encode("utf-32-le"), ("[" * 13).encode("utf-32-le")),
    "no archive": b"PK\x03\x04" + b"\xff" * 100,
}
HOSTILE = {
    **{f"checkpoint: {name}": ("checkpoint", content) for name, content in CLAIMS.items()},
    "idx: 2^40 rows": ("idx", idx(2**31, 2**9, 1, body=b"")),
    "idx: as much as may be, and nothing there": ("idx", idx(2**29, 1, 1, body=b"")),
    "idx: 2^96 rows": ("idx", idx(2**32 - 1, 2**32 - 1, 2**32 - 1, body=b"")),
    "idx: more than the header says": ("idx", idx(1, 1, 1, body=bytes(100))),
    "idx: a bomb": ("idx, gzipped", gzip.compress(idx(2, 2, 2, body=bytes(2**24)))),
    "configuration: deep lists": ("configuration", b"a = " + b"[" * 5000),
    "configuration: deep tables": ("configuration", b"a." * 3000 + b"b = 1"),
    "configuration: a chain of 30,000 keys": ("configuration", b"a." * 30_000 + b"b = 1"),
    "configuration: a chain of quoted keys": ("configuration", b"""[ "a" . 'b' .""" + b"'' . " * 9000 + b"c]"),
    "configuration: no chain, but long": ("configuration", b"a" * 30_000 + b" = " + b"0.1." * 8000),
    "configuration: a long number": ("configuration", b"[train]\nsteps = " + b"9" * 5000),
    "configuration: a wide number": ("configuration", CONFIG + b"batch_size = " + b"9" * 400),
    "configuration: tables that are numbers": ("configuration", b"task = 3\nmodel = 1.5\nrun = []"),
    "configuration: names that are none": ("configuration", b"[task]\nname = ['recall']\n[model]\nname = {a = 1}"),
    "configuration: 2 MB": ("configuration", b"# " + b"x" * (2 << 20)),
    "metrics: deep lists": ("metrics", b"[" * 100_000 + b"\n"),
    "metrics: no records": ("metrics", b'1\nnull\n[]\n{"step": "x", "split": 3}\n{"split": "train"}\n\xff\xfe\n'),
    "metrics: a long number": ("metrics", b'{"split": "train", "step": ' + b"9" * 5000 + b"}\n"),
    "ledger: deep lists": ("ledger", b"[" * 100_000),
    "ledger: scores that are none": ("ledger", json.dumps({**ENTRY, "test_last": [1]}).encode()),
    "ledger: 2 MB": ("ledger", b" " * (2 << 20) + json.dumps(ENTRY).encode()),
}


@pytest.mark.promise("hostile-claims")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_claims_more_than_it_holds_is_refused_in_little_memory(tmp_path, name):
    parser, content = HOSTILE[name]
    path, _, read = parsers(tmp_path)[parser]
    answers(read, path, content, memory=12 * MiB + 4 * min(len(content), 2 * MiB))


@pytest.mark.promise("hostile-claims")
@pytest.mark.parametrize(
    ("limit", "module"), [("LARGEST", text), ("LARGEST", data)], ids=["text", "idx"]
)
def test_a_gzip_bomb_stops_at_the_limit(tmp_path, monkeypatch, limit, module):
    monkeypatch.setattr(module, limit, 4 * MiB)
    bomb = gzip.compress(b"a" * (64 * MiB) if module is text else idx(2**23, 1, 1, body=bytes(64 * MiB)))
    read = text.read_lines if module is text else (lambda path: data.read_idx(path, 3))
    path = tmp_path / "bomb.gz"
    path.write_bytes(bomb)
    with pytest.raises(UsageError):
        read(path)
    answers(read, path, bomb, memory=24 * MiB)


@pytest.mark.promise("hostile-claims")
def test_what_fits_is_read_all_the_same(tmp_path):
    for name, (path, good, read) in parsers(tmp_path).items():
        path.write_bytes(good)
        assert read(path) is not None, name


@pytest.mark.promise("mutated-files")
def test_a_line_of_the_metrics_that_is_no_record_hides_none_of_the_others(tmp_path):
    lines = [json.dumps(record).encode() for record in RECORDS]
    (tmp_path / METRICS).write_bytes(lines[0] + b"\n\xff{broken\n[3]\n" + lines[1] + b"\n" + lines[1][:9])
    assert read_metrics(tmp_path) == RECORDS


@pytest.mark.promise("mutated-files")
def test_a_ledger_entry_that_is_none_counts_as_a_run_still_to_do(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.create()
    half = b'{"status": "finished", "test_last": 3}'
    for content in (b"", b"{}", b"\xff", b"[" * 9999, half, b" " * LARGEST + b"{}"):
        (tmp_path / "ledger" / "job.json").write_bytes(content)
        assert ledger.status("job") == "waiting"


@pytest.mark.promise("mutated-files")
def test_a_checkpoint_of_rotations_from_an_older_version_is_refused_in_a_clear_sentence(tmp_path):
    new = Givens(np.zeros((2, 2)), 4)
    p, q = round_robin(4, 2)
    old = {"p": p, "q": q, "signs": np.ones(4)}
    with pytest.raises(UsageError, match=r"another version of minirnn: it lacks 'back', 'there' and has 'p', 'q'"):
        checkpoint.restore(new.buffers, old, tmp_path / "checkpoint.npz")


@pytest.mark.promise("mutated-files")
def test_a_data_set_that_is_verified_is_never_unpacked_beyond_what_its_parser_accepts(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "LARGEST", MiB)
    path = tmp_path / "ptb.train.txt"
    path.write_bytes(gzip.compress(b"a " * (8 * MiB)))
    wanted = datasets.SETS["ptb"]
    assert datasets.compare(wanted, wanted.files[0], path).state == "damaged"


# -- planted violations


@pytest.mark.control("hostile-claims")
def test_a_parser_without_its_bound_is_caught(tmp_path):
    def trusting(path):
        with np.load(path, allow_pickle=False) as found:            # unpacks whatever there is
            return {name: found[name] for name in found.files}

    path, _, _ = parsers(tmp_path)["checkpoint"]
    with pytest.raises(AssertionError):
        answers(trusting, path, CLAIMS["a bomb"], memory=12 * MiB)


@pytest.mark.control("hostile-claims")
def test_a_header_that_is_believed_is_caught(tmp_path, monkeypatch):
    monkeypatch.setattr(npz, "array", lambda content: np.lib.format.read_array(io.BytesIO(content)))
    path, _, read = parsers(tmp_path)["checkpoint"]
    with pytest.raises((AssertionError, MemoryError, OverflowError)):
        answers(read, path, CLAIMS["2^40 rows"])


@pytest.mark.control("mutated-files")
def test_a_parser_that_lets_an_error_of_another_kind_out_is_caught(tmp_path):
    def trusting(path):
        return json.loads(path.read_bytes().splitlines()[0])

    path, good, _ = parsers(tmp_path)["metrics"]
    with pytest.raises(json.JSONDecodeError):
        answers(trusting, path, mutated(good, [("cut", 0, b"")]))
