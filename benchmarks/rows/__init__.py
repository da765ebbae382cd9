"""One file per benchmark; a new file is found by itself."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence

from benchmarks.benchmark import Benchmark


def discover(only: str = "") -> Sequence[Benchmark]:
    """All benchmarks by name, or the one that measures what is asked for. Raises LookupError for an unknown name."""
    modules = sorted(module.name for module in pkgutil.iter_modules(__path__))
    found: list[Benchmark] = [importlib.import_module(f"{__name__}.{name}").BENCHMARK for name in modules]
    if not only:
        return found
    for benchmark in found:
        if only in (benchmark.name, *benchmark.more):
            return [benchmark]
    names = sorted(name for benchmark in found for name in (benchmark.name, *benchmark.more))
    raise LookupError(f"there is no benchmark {only!r}; there are {', '.join(names)}")
