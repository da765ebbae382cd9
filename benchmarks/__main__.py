"""`python -m benchmarks [--only NAME] [--scale small|full]`: measure, print a table, write results.json."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.benchmark import Bench, Benchmark
from benchmarks.progress import Progress
from benchmarks.report import Row, as_json, table
from benchmarks.rows import discover
from benchmarks.running import workplace

RESULTS = Path(__file__).parent / "results.json"


def main() -> int:
    """1 when a benchmark broke; a goal that is missed is a result, not an error."""
    options = _options()
    try:
        benchmarks = discover(options.only)
    except LookupError as error:
        print(f"error: {error.args[0]}", file=sys.stderr)
        return 1
    rows: list[Row] = []
    broken: list[str] = []
    with workplace() as folder:
        for number, benchmark in enumerate(benchmarks, 1):
            progress = Progress(benchmark.name, f"{number}/{len(benchmarks)}")
            try:
                rows += _measure(benchmark, options, folder, progress)
                progress.close("done")
            except Exception as error:
                broken.append(f"{benchmark.name}: {type(error).__name__}: {error}")
                progress.close("broken")
            RESULTS.write_text(as_json(rows))
    print(f"\n{table(rows)}\n\nscale {options.scale}; written to {RESULTS.relative_to(Path.cwd())}")
    for text in broken:
        print(f"error: {text}", file=sys.stderr)
    return 1 if broken else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", default="", help="the name of one benchmark")
    parser.add_argument("--scale", choices=("small", "full"), default="full")
    return parser.parse_args()


def _measure(
    benchmark: Benchmark, options: argparse.Namespace, folder: Path, progress: Progress
) -> Sequence[Row]:
    with ExitStack() as stack:
        return benchmark.run(Bench(options.scale, folder, stack, progress, options.only))


if __name__ == "__main__":
    sys.exit(main())
