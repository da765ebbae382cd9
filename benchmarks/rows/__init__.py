"""One file per benchmark; a new file is found by itself."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence

from benchmarks.benchmark import Benchmark


def discover(only: str = "") -> Sequence[Benchmark]:
    """All benchmarks by name, or the one that is asked for. Raises LookupError for a name that no file has."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    if only and only not in names:
        raise LookupError(f"there is no benchmark {only!r}; there are {', '.join(names)}")
    return [importlib.import_module(f"{__name__}.{name}").BENCHMARK for name in ([only] if only else names)]
