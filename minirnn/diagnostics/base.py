"""The protocol of a diagnostic: a question about a network, answered in numbers that JSON can hold."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from minirnn.diagnostics.subject import Subject
from minirnn.errors import UsageError


class Diagnostic(ABC):
    """One question about one recurrent layer. Options are keyword arguments of the constructor, all with defaults.

    watchable   cheap enough to be asked every few updates while training; it must draw no random numbers but those
                of a generator made from `subject.seed`, and must leave the model as it was
    raises      UsageError from `measure`, one sentence, where the question has no meaning for the network at hand
    """

    summary: ClassVar[str]
    watchable: ClassVar[bool] = False

    @abstractmethod
    def measure(self, subject: Subject) -> dict[str, Any]:
        """{field: float, int, string, or nested lists of them}."""


def ask(diagnostic: Diagnostic, subject: Subject) -> dict[str, Any]:
    """What the diagnostic measures, ready for strict JSON: what is not finite becomes None, "null".

    raises UsageError where the question has no meaning for the network, or where linear algebra finds no answer
    """
    with np.errstate(all="ignore"):                                 # an exploded norm is a finding, not an accident
        try:
            return _plain(diagnostic.measure(subject))
        except np.linalg.LinAlgError as error:
            raise UsageError(
                f"{subject.name} has no such numbers ({str(error).rstrip('.').lower()}); are its parameters finite?"
            ) from None


def ask_or_say(diagnostic: Diagnostic, subject: Subject) -> dict[str, Any]:
    """The same; where there is no answer, {"missing": why}, so that it is not passed over in silence."""
    try:
        return ask(diagnostic, subject)
    except UsageError as error:
        return {"missing": str(error)}


def _plain(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: _plain(value) for key, value in found.items()}
    if isinstance(found, list | tuple):
        return [_plain(value) for value in found]
    if isinstance(found, np.generic):
        return _plain(found.item())
    return None if isinstance(found, float) and not math.isfinite(found) else found
