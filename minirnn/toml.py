"""The tables of a configuration as TOML has them: read from a file or from TABLE.KEY=VALUE, and merged."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from minirnn.errors import UsageError

Tables = dict[str, dict[str, Any]]
LARGEST, DEEPEST = 1 << 16, 20      # bytes of a file, and levels of tables and lists in it
CHAIN = re.compile(r"""(?<![\w-])(?>(?>[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){20}""")      # DEEPEST keys in a row


def load(path: Path) -> Tables:
    """The tables of a TOML file."""
    try:
        with open(path, "rb") as file:
            text = file.read(LARGEST + 1).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the configuration {path}: {error}") from None
    if len(text) > LARGEST:
        raise UsageError(f"{path} has more than {LARGEST:,} bytes, which no configuration has; name another file")
    try:
        return _parsed(text, str(path))
    except UsageError:
        raise
    except ValueError as error:                                     # not TOML, or a number of thousands of digits
        raise UsageError(f"{path} is not valid TOML: {error}") from None


def assignments(pairs: Iterable[str]) -> Tables:
    """Tables from "table.key=value" strings; a value that is not TOML is a string."""
    tables: Tables = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        table, dot, name = key.strip().partition(".")
        if not (equals and dot and name):
            raise UsageError(f"cannot read {pair!r}; write TABLE.KEY=VALUE, as in optimizer.lr=1e-3")
        value: Any
        try:
            value = _parsed(f"value = {text}", pair)["value"]
        except UsageError:
            raise
        except ValueError:
            value = text.strip()
        *parents, last = name.split(".")
        nested = {last: value}
        for parent in reversed(parents):
            nested = {parent: nested}
        tables = merge(tables, _shallow(pair, {table: nested}))
    return tables


def merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """One dict of dicts; later layers win, key by key."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            earlier = merged.get(key)
            nested = isinstance(value, Mapping)
            merged[key] = merge(earlier if isinstance(earlier, Mapping) else {}, value) if nested else value
    return merged


def _parsed(text: str, where: str) -> Tables:
    """TOML, nested within reason: of a dotted key of n parts the parser takes time and memory n².

    raises    UsageError if it is nested too deeply, ValueError if it is no TOML
    """
    if CHAIN.search(text):
        raise _too_deep(where)
    try:
        return _shallow(where, tomllib.loads(text))
    except RecursionError:
        raise _too_deep(where) from None


def _shallow(where: str, tables: Tables) -> Tables:
    """The tables.  raises UsageError if they are nested more deeply than any configuration is"""
    layer: list[Any] = [tables]
    for _ in range(DEEPEST):
        nested = (x.values() if isinstance(x, dict) else x for x in layer if isinstance(x, dict | list))
        layer = [x for values in nested for x in values]
        if not layer:
            return tables
    raise _too_deep(where)


def _too_deep(where: str) -> UsageError:
    where = where if len(where) <= 200 else f"{where[:200]}..."
    return UsageError(f"{where} is nested more than {DEEPEST} levels deep, as no configuration is; write plain tables")
