"""The first few examples of a subject, in double precision: what norms over hundreds of steps are measured in."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import numpy as np

from minirnn.diagnostics.subject import Subject

Array = Any


def in_double(subject: Subject, examples: int | None = None) -> Subject:
    """The subject with its first `examples` sequences (None: all of them), and with a copy of its model in float64.

    In float32 a gradient norm ends at 1e-38 and an orthogonal matrix is one to 1e-7. The parameters are the network's
    own and stay where they are, on the host or on the device; W is computed from them anew.
    """
    model = copy.deepcopy(subject.model).astype(np.float64)
    return dataclasses.replace(subject, model=model, batch=subject.batch.map(lambda x: _double(x[:, :examples])))


def _double(x: Array) -> Array:
    return x.astype(np.result_type(x.dtype, np.float64)) if x.dtype.kind in "fc" else x
