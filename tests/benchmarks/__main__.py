"""All benchmarks, or those that are named: ``python -m tests.benchmarks simulator``.

Each prints a table and writes ``bench-results/<name>.json``.
"""

from __future__ import annotations

import argparse
import importlib

from tests.benchmarks.results import report

NAMES = ("loop-lag", "simulator", "served", "start-up", "server-cost", "history")


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    names = parser.parse_args().names or NAMES
    if unknown := set(names) - set(NAMES):
        parser.error(f"there is no {', '.join(unknown)}: choose of {', '.join(NAMES)}")
    for name in names:
        # Imported one at a time: the first needs TensorFlow, the others do not.
        benchmark = importlib.import_module(f"tests.benchmarks.{name.replace('-', '_')}")
        report(name, benchmark.__doc__.partition("\n")[0], benchmark.measured())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
