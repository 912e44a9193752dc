"""A judgement on disk: PAPER/NAME.md, NAME.json and, where there are curves, NAME.png."""

from __future__ import annotations

import json
from pathlib import Path

from minirnn import checkpoint
from minirnn.errors import UsageError
from minirnn.reproduction import picture
from minirnn.reproduction.judgement import Judgement
from minirnn.reproduction.page import page


def write(folder: Path, judged: Judgement, runs: Path) -> Path:
    """Write all of them into a folder, the picture from the runs' folders in `runs`; returns the page."""
    path = folder / f"{judged.target.name}.md"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn = picture.save(judged, runs, path.with_suffix(".png"))
        text = page(judged, path.with_suffix(".png").name if drawn else "")
        saved = json.dumps(judged.as_json(), indent=1, ensure_ascii=False) + "\n"
        checkpoint.replace(path, lambda file: file.write(text.encode()))
        checkpoint.replace(path.with_suffix(".json"), lambda file: file.write(saved.encode()))
    except OSError as error:
        raise UsageError(f"cannot write the page to {folder} ({error.strerror}); name another --out") from None
    return path
