"""A checkpoint is whole or the old one; reading one never runs code."""

import errno
import io
import json
import os
import stat

import numpy as np
import pytest

from minirnn import checkpoint, npz
from minirnn.errors import UsageError


def test_arrays_and_description_come_back_bit_for_bit(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {"param/W": rng.standard_normal((3, 2)).astype(np.float32), "param/z": rng.standard_normal(2) * (1 + 1j)}
    checkpoint.save(tmp_path / "c.npz", arrays, {"step": 7, "best": None})
    found, about = checkpoint.load(tmp_path / "c.npz")
    assert found.keys() == arrays.keys()
    assert all(np.array_equal(found[k], arrays[k]) and found[k].dtype == arrays[k].dtype for k in arrays)
    assert about["step"] == 7
    assert about["best"] is None


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "c.npz"
    path.write_bytes(b"old")

    def write(file):
        file.write(b"new, but")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        checkpoint.replace(path, write)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_files_have_the_permissions_of_any_new_file(tmp_path):
    (tmp_path / "plain").write_bytes(b"")
    checkpoint.replace(tmp_path / "made", lambda file: file.write(b"x"))
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_a_newer_format_says_so(tmp_path):
    np.savez(tmp_path / "c.npz", about=np.asarray(json.dumps({"format": 99})))
    with pytest.raises(UsageError, match="has format 99, this version reads 1"):
        checkpoint.load(tmp_path / "c.npz")


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ({"W": np.zeros((2, 3))}, "float64 2x3 there and float64 3x2 here"),
        ({"W": np.zeros((3, 2), np.float32)}, "float32 3x2 there and float64 3x2 here"),
        ({"W": np.zeros((3, 2)), "V": np.zeros(1)}, "it has 'V'"),
        ({}, "it lacks 'W'"),
    ],
)
def test_restoring_into_another_model_changes_nothing(tmp_path, found, sentence):
    target = {"W": np.ones((3, 2))}
    with pytest.raises(UsageError, match=sentence):
        checkpoint.restore(target, found, tmp_path / "c.npz")
    assert np.all(target["W"] == 1)


def test_an_archive_is_what_numpy_reads_and_a_full_disk_is_an_error_that_leaves_it_closed():
    class Full(io.BytesIO):
        def write(self, content):
            if self.tell() + len(content) > 500:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(content)

    arrays = {"about": np.asarray("text"), "a/b": np.arange(6.0).reshape(2, 3)}
    file = io.BytesIO()
    npz.write(file, arrays)
    file.seek(0)
    read = np.load(file, allow_pickle=False)
    assert {name: read[name].tolist() for name in read} == {name: x.tolist() for name, x in arrays.items()}
    with pytest.raises(OSError, match="No space left"):
        npz.write(Full(), arrays | {"large": np.zeros(1000)})
