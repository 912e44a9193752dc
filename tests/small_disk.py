"""A disk of a few kilobytes, to be full soon: a file system in memory, which only the superuser can mount."""

import os
import subprocess
from contextlib import contextmanager

import pytest


@contextmanager
def small_disk(folder, kilobytes):
    """A new folder that has room for so much.  grow(kilobytes) gives it more"""
    if os.geteuid() != 0:
        pytest.skip("only the superuser can mount a small disk")
    folder.mkdir()

    def mount(options):
        words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if subprocess.run(words, capture_output=True).returncode != 0:
            pytest.skip("this machine's superuser may not mount either")

    mount(f"size={kilobytes}k")
    try:
        yield lambda more: mount(f"remount,size={more}k")
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
