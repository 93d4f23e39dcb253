"""All benchmarks, or those that are named: ``python -m tests.benchmarks simulator``.

Each prints a table and writes ``bench-results/<name>.json``.
"""

from __future__ import annotations

import argparse
import importlib

from tests.benchmarks.results import NotPossibleError, report

NAMES = (
    "loop-lag",
    "simulator",
    "served",
    "start-up",
    "server-cost",
    "history",
    "client-cost",
    "window-cost",
    "latency",
)
ON_REQUEST = ("scale", "soak")
"""Only when named: they take minutes."""


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.benchmarks", description=__doc__)
    known = ", ".join(NAMES + ON_REQUEST)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {known}")
    parser.add_argument("--minutes", type=float, default=30.0, help="length of the soak")
    arguments = parser.parse_args()
    names = arguments.names or NAMES
    if unknown := set(names) - {*NAMES, *ON_REQUEST}:
        parser.error(f"there is no {', '.join(unknown)}: choose of {known}")
    for name in names:
        # Imported one at a time: the first needs TensorFlow, the others do not.
        benchmark = importlib.import_module(f"tests.benchmarks.{name.replace('-', '_')}")
        options = [arguments.minutes] if name == "soak" else []
        try:
            results = benchmark.measured(*options)
        except NotPossibleError as error:
            print(f"{name} is left out: {error}\n")
            continue
        report(name, benchmark.__doc__.partition("\n")[0], results)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
