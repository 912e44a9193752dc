"""A fake CuPy array that tells, without a GPU, what a real one would refuse.

It wraps a host array and answers NumPy calls the way CuPy 14 does, so code that runs on it does not copy to the host by
accident.  It refuses, with `Refused` (a TypeError, as in CuPy) and the reason:

* every implicit copy to the host: np.asarray, float, int, bool, iteration, unpacking, format, item, tolist, pickle;
* a host array next to a device array in one operation, also as an index or an assigned value (scalars are welcome);
* every NumPy function, argument and method that CuPy lacks (`cupy_names`, recorded from the real package);
* float64 (complex128) results from float32 (complex64) inputs, unless `dtype=` or `out=` asks for them.

It is stricter than CuPy, on purpose, where CuPy is silent and wrong or silently slow: `for row in array`, lists and
host arrays as indices, indices out of range (CuPy wraps around), shapes that depend on the data (boolean masks,
nonzero, unique: a hidden synchronisation), duplicate positions in an assignment (CuPy leaves the winner open), `@=`,
arrays of two devices in one operation.  Where `fake_cupy` stands in for the whole of CuPy, it also refuses linear
algebra whose failure would go unseen.

Results are those of NumPy, bit for bit.  Linear algebra returns plain tuples and reductions stay 0-d device arrays,
as in CuPy.
"""

import numpy as np
from cupy_names import signature_of, signatures
from numpy.lib.mixins import NDArrayOperatorsMixin

from minirnn import backend

# The ufunc methods that CuPy 14 implements; every elementwise ufunc has `outer`.
UFUNC_METHODS = {
    "reduce": {"add", "multiply"},
    "accumulate": {"add", "multiply"},
    "reduceat": {"add"},
    "at": {"add", "subtract", "maximum", "minimum", "bitwise_and", "bitwise_or", "bitwise_xor"},
}
AT_DTYPES = {"add": "efdiulqILQ", "maximum": "fdiulqILQ", "minimum": "fdiulqILQ", "subtract": "iI"}  # no complex
DATA_DEPENDENT = {"nonzero", "flatnonzero", "argwhere", "unique", "unique_all", "unique_counts", "unique_inverse"}
DATA_DEPENDENT |= {"unique_values", "compress", "extract", "trim_zeros", "setdiff1d", "intersect1d", "union1d"}
STAYS_ON_DEVICE = {"allclose", "array_equal", "array_equiv"}  # NumPy returns a Python bool, CuPy a 0-d array
LEAVES_DEVICE = {"dump", "dumps", "item", "set", "toDlpack", "tobytes", "tofile", "tolist"}
MAY_FAIL = {f"linalg.{name}" for name in ("cholesky", "eig", "eigh", "eigvals", "eigvalsh", "inv", "solve", "svd")}
EXPLICIT_TRANSFER = {"array", "asarray"}  # np.asarray(host, like=device): the caller asked for the copy
HOST_SCALARS = (bool, int, float, complex, np.generic)


class Refused(TypeError):
    """What real CuPy refuses, or does silently wrong or slow."""


class StrictDevice:
    """A place for strict arrays, a target for `backend.to`, and the counter of what crossed over to it and back."""

    def __init__(self, number=0, atomics=None):
        self.id = number
        self.atomics = atomics              # a generator: rows of one index are added in a random order, as by atomics
        self.linalg = None                  # "ignore" or "raise", where `fake_cupy` stands in for CuPy's setting
        self.to_device = 0
        self.to_host = 0
        self.synchronized = 0
        self.return_codes = 0               # of linear algebra, each of them a wait of CuPy's own

    @property
    def transfers(self):
        return self.to_device + self.to_host

    def asarray(self, array):
        if isinstance(array, StrictArray):
            return array
        self.to_device += 1
        return StrictArray(np.array(array), self)

    def asnumpy(self, array):
        return array.get() if isinstance(array, StrictArray) else array

    def synchronize(self):
        self.synchronized += 1


class OtherDevice(Refused, ValueError):
    """Arrays of two devices in one operation."""


class StrictArray(NDArrayOperatorsMixin):
    """One array on a `StrictDevice`."""

    __slots__ = ("_host", "device")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, host, device):
        self._host, self.device = host, device

    # What an array knows about itself costs no transfer.
    shape = property(lambda self: self._host.shape)
    ndim = property(lambda self: self._host.ndim)
    size = property(lambda self: self._host.size)
    dtype = property(lambda self: self._host.dtype)
    nbytes = property(lambda self: self._host.nbytes)
    itemsize = property(lambda self: self._host.itemsize)
    strides = property(lambda self: self._host.strides)
    flags = property(lambda self: self._host.flags)
    T = property(lambda self: StrictArray(self._host.T, self.device))
    mT = property(lambda self: StrictArray(self._host.mT, self.device))
    base = property(lambda self: self._host.base)

    @property
    def real(self):
        return StrictArray(self._host.real, self.device)

    @real.setter
    def real(self, value):
        self.real[...] = value

    @property
    def imag(self):
        return StrictArray(self._host.imag, self.device)

    @imag.setter
    def imag(self, value):
        self.imag[...] = value

    def __len__(self):
        return len(self._host)

    def __repr__(self):
        return f"StrictArray(shape={self.shape}, dtype={self.dtype})"

    def get(self):
        """The one way to the host: explicit, copied and counted."""
        self.device.to_host += 1
        return self._host.copy()

    # Every implicit way to the host is closed.
    def __array__(self, dtype=None, copy=None):
        raise Refused("Implicit conversion to a NumPy array is not allowed. Use backend.to_host.")

    def __bool__(self):
        raise Refused("bool() of a device array waits for the device: use np.where, or backend.to_host in the log")

    def __float__(self):
        raise Refused("float() of a device array is a hidden copy: use backend.to_host")

    def __int__(self):
        raise Refused("int() of a device array is a hidden copy: use backend.to_host")

    def __complex__(self):
        raise Refused("complex() of a device array is a hidden copy: use backend.to_host")

    def __iter__(self):
        if self.ndim < 3:
            raise Refused("iterating over a device array launches one kernel per row: index by an integer or vectorise")
        return (self[k] for k in range(len(self)))                  # views of a few matrices, such as the gates

    def __contains__(self, value):
        raise Refused("`in` on a device array waits for the device")

    def __format__(self, spec):
        raise Refused("formatting a device array is a hidden copy: use backend.to_host")

    def __reduce_ex__(self, protocol):
        raise Refused("pickling a device array is a hidden copy: use backend.to_host")

    def __imatmul__(self, other):
        raise Refused("CuPy has no in-place @: `a @= b` would rebind the name and leave the array as it was")

    def __pow__(self, other):
        """NumPy's own operator takes a square or a root for these, and its rounding is to be the same."""
        short = {2: np.square, 0.5: np.sqrt}.get(other) if isinstance(other, HOST_SCALARS) else None
        return np.power(self, other) if short is None else short(self)

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()

    # Indexing.
    def __getitem__(self, key):
        self._require_one_device(key)
        return StrictArray(_view(self._host, _host_key(key, reading=True)), self.device)

    def __setitem__(self, key, value):
        self._require_one_device((key, value))
        host_key, host_value = _host_key(key, reading=False), _scalar_or_array(value)
        fancy = [k for k in _leaves(key) if isinstance(k, StrictArray)]
        if fancy and not isinstance(value, HOST_SCALARS):
            if any(k.dtype == bool for k in fancy) and value.size != 1:
                raise Refused("which rows array[mask] = rows takes depends on the data: use np.where")
            positions = np.arange(self.size).reshape(self.shape)[host_key]
            if np.unique(positions).size != positions.size:
                raise Refused("an index occurs twice: CuPy leaves open which value wins; use backend.add_at")
        self._host[host_key] = host_value

    # NumPy's two doors.
    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        name = ufunc.__name__
        if name not in signatures():
            raise Refused(f"CuPy has no ufunc {name}")
        if len(kwargs.get("out", (None,))) != 1:
            raise Refused("CuPy takes exactly one array in out=")
        if method == "__call__":
            unknown = set(kwargs) - {"out", "dtype", "casting", "where"}
        else:
            if method != "outer" and name not in UFUNC_METHODS.get(method, ()):
                raise Refused(f"CuPy has no np.{name}.{method}")
            unknown = set(kwargs) - {"out", "dtype", "axis", "keepdims"}
        if unknown:
            raise Refused(f"CuPy's {name}.{method} takes no {sorted(unknown)}")
        if method == "at":
            return self._at(ufunc, *inputs)
        for x in inputs:
            _scalar_or_array(x)
        return self._compute(getattr(ufunc, method), inputs, kwargs, inputs)

    def __array_function__(self, func, types, args, kwargs):
        path = ".".join([*func.__module__.split(".")[1:], func.__name__])
        if path not in signatures():
            raise Refused(f"CuPy has no np.{path}")
        _bind(path, args, kwargs)
        if func.__name__ in DATA_DEPENDENT or (path == "where" and len(args) == 1):
            raise Refused(f"the shape of np.{path}'s result depends on the data: a hidden synchronisation")
        if path in EXPLICIT_TRANSFER and not isinstance(args[0], StrictArray):
            self.device.to_device += 1
            return self._compute(func, (), kwargs, (self,), values=args)
        if path in MAY_FAIL and self.device.linalg is not None:
            if self.device.linalg != "raise":
                raise Refused(f"CuPy's {path} goes on with wrong numbers where it fails: use backend.{func.__name__}")
            self.device.return_codes += 1
        # the two routines whose host path is not NumPy's
        func = {"linalg.solve": backend.solve, "linalg.inv": backend.inverse}.get(path, func)
        return self._compute(func, args, kwargs, (self, args, kwargs), path)

    def __getattr__(self, name):
        """The methods that CuPy's array has too, on the host array."""
        if name.startswith("_") or f"ndarray.{name}" not in signatures():
            raise AttributeError(f"a CuPy array has no attribute {name!r}")

        def method(*args, **kwargs):
            _bind(f"ndarray.{name}", args, kwargs)
            if name in LEAVES_DEVICE:
                raise Refused(f"{name}() of a device array is a hidden copy: use backend.to_host")
            if name in DATA_DEPENDENT:
                raise Refused(f"the shape of {name}'s result depends on the data: a hidden synchronisation")
            if name == "scatter_add":
                return self._at(np.add, self, *args, **kwargs)
            if name == "astype":  # an explicit change of precision
                kwargs = {"dtype": args[0], **kwargs} if args else kwargs
                args = ()
            return self._compute(getattr(self._host, name), args, kwargs, (self, args), name)

        return method

    def _at(self, ufunc, target, index, values):
        if target.dtype.char not in AT_DTYPES.get(ufunc.__name__, ""):
            raise Refused(f"CuPy's {ufunc.__name__}.at does not support {target.dtype}")
        self._require_one_device((target, index, values))
        host, key, values = target._host, _host_key(index, reading=False), _operand(values)
        if ufunc is np.add and isinstance(key, np.ndarray) and self.device.atomics is not None:
            order = self.device.atomics.permutation(key.size)
            values = np.broadcast_to(values, key.shape + host.shape[1:]).reshape(key.size, *host.shape[1:])[order]
            key = key.reshape(-1)[order]
        if ufunc is np.add and isinstance(key, np.ndarray):
            backend.add_at(host, key, np.broadcast_to(values, key.shape + host.shape[1:]))  # NumPy's order of summation
        else:
            ufunc.at(host, key, values)

    def _require_one_device(self, tree):
        for x in _leaves(tree):
            if isinstance(x, StrictArray) and x.device is not self.device:
                raise OtherDevice(
                    f"The device where the array resides ({x.device.id}) is different from the current device "
                    f"({self.device.id}). Peer access is unavailable between these devices."
                )

    def _compute(self, func, args, kwargs, sources, name="", values=()):
        """Call `func` on the host arrays inside; wrap what comes back and watch its precision."""
        self._require_one_device((sources, kwargs))
        outs = [x for x in _leaves(kwargs.get("out")) if isinstance(x, StrictArray)]
        result = func(*values, *map(_operand, args), **{key: _operand(x) for key, x in kwargs.items()})
        single = any(x.dtype.char in "fF" for x in _leaves(sources) if isinstance(x, StrictArray))
        chosen = bool(outs) or kwargs.get("dtype") is not None

        def wrap(host):
            if isinstance(host, tuple | list):
                return type(host)(map(wrap, host)) if type(host) in (tuple, list) else tuple(map(wrap, host))
            if name in STAYS_ON_DEVICE:
                host = np.asarray(host)
            if not isinstance(host, np.ndarray | np.generic):
                return host
            for out in outs:
                if host is out._host:
                    return out
            if single and not chosen and host.dtype.char in "dD":
                raise Refused(f"{getattr(func, '__name__', func)} made {host.dtype} from float32 or complex64 inputs")
            return StrictArray(np.asarray(host), self.device)

        return wrap(result)


def _leaves(tree):
    if isinstance(tree, dict):
        tree = tree.values()
    elif not isinstance(tree, tuple | list):
        return [tree]
    return [leaf for branch in tree for leaf in _leaves(branch)]


def _operand(x):
    """What a device operation may take: device arrays, scalars, and sequences of them.  No host arrays."""
    if isinstance(x, StrictArray):
        return x._host
    if isinstance(x, np.ndarray):
        raise Refused("a NumPy array next to a device array: move it with backend.to, or draw it with like=")
    if isinstance(x, tuple | list):
        return type(x)(map(_operand, x))
    return x


def _scalar_or_array(x):
    """What an elementwise operation or an assignment takes: CuPy refuses lists, None and objects there too."""
    if not isinstance(x, (StrictArray, np.ndarray, *HOST_SCALARS)):
        raise Refused(f"{type(x).__name__} next to a device array: CuPy takes device arrays and scalars")
    return _operand(x)


def _host_key(key, *, reading):
    """The index with device arrays unwrapped; only what CuPy takes without a copy or a synchronisation."""
    keys = []
    for k in key if isinstance(key, tuple) else (key,):
        if isinstance(k, list | np.ndarray):
            raise Refused("a list or a host array as an index is copied to the device at each use: move it once")
        if isinstance(k, StrictArray) and k.dtype == bool and reading:
            raise Refused("the shape of array[mask] depends on the data: a hidden synchronisation; use np.where")
        keys.append(k._host if isinstance(k, StrictArray) else k)
    return tuple(keys) if isinstance(key, tuple) else keys[0]


def _view(host, key):
    """host[key], where a single element is a 0-d view, not a scalar."""
    result = host[key]
    if not isinstance(result, np.ndarray):
        result = host[(*(key if isinstance(key, tuple) else (key,)), ...)]
    return result


def _bind(name, args, kwargs):
    if signatures()[name] is None:
        return
    try:
        signature_of(name).bind(*args, **kwargs)
    except TypeError as error:
        raise Refused(f"CuPy's {name}: {error}") from error
