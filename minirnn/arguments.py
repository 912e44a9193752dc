"""Arguments from a table: each known to the class or function that they are for, of its type and within its range."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args, get_origin, get_type_hints

from minirnn import catalog
from minirnn.errors import UsageError

WIDEST = 1 << 63                    # whole numbers stay below it, as TOML's do


def check_call(
    function: Callable[..., Any], table: Mapping[str, Any], where: str, also: Any = None, without: Iterable[str] = ()
) -> dict[str, Any]:
    """The keyword arguments for `function` (and `also`) in a table, each known and of the annotated type."""
    hints: dict[str, Any] = {}
    for source in filter(None, (also, function)):
        target = source.__init__ if inspect.isclass(source) else source
        known = inspect.signature(target).parameters
        hints |= {k: v for k, v in get_type_hints(target).items() if k in known and k not in without}
    options = {}
    for key, value in table.items():
        if key == "name" and where in ("task", "model"):
            continue
        if key not in hints:
            owner = f"{where} {table['name']}" if "name" in table and where in ("task", "model") else where
            raise catalog.unknown(f"option of the {owner} called", key, hints)
        options[key] = _typed(f"{where}.{key}", value, hints[key])
    return options


def _typed(key: str, value: Any, hint: Any) -> Any:
    wanted = get_args(hint) if get_origin(hint) in (types.UnionType, typing.Union) else (hint,)
    plain = tuple(get_origin(t) or t for t in wanted if t is not type(None))
    if Any in plain:
        return value
    if isinstance(value, int) and not -WIDEST <= value < WIDEST:
        bits = value.bit_length()
        raise UsageError(f"{key} must be a number of at most 64 bits (got one of {bits}); write a smaller one")
    if isinstance(value, int) and not isinstance(value, bool) and float in plain and int not in plain:
        value = float(value)
    if not isinstance(value, plain) or (isinstance(value, bool) and bool not in plain):
        raise UsageError(f"{key} must be of type {' or '.join(t.__name__ for t in plain)} (got {value!r})")
    return value


def in_range(key: str, value: Any, good: bool, wanted: str) -> None:
    """raises UsageError with what is wanted instead, unless the value is good"""
    if not good:
        raise UsageError(f"{key} must be {wanted} (got {value})")


def one_of(key: str, value: str, choices: tuple[str, ...]) -> None:
    """raises UsageError if the value is not among the choices"""
    if value not in choices:
        raise UsageError(f"{key} must be one of {', '.join(choices)} (got {value!r})")
