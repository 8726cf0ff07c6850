"""Measures, keeps the values in ``results/`` and prints the tables: ``python -m benchmarks --help``."""

import argparse
import signal
import time
from collections.abc import Callable, Sequence

from . import groups, operations, overhead, ready, report, requests, settings, start
from .measure import Part, table
from .services import World, world

SERVICES = [1, 10, 50, 100, 200]
_PARTS: dict[str, Callable[[Part, World, argparse.Namespace], None]] = {
    "start": lambda part, where, options: start.measure(part, where, 3 * options.rounds),
    "overhead": lambda part, where, options: overhead.measure(part, where, options.rounds, options.services),
    "groups": lambda part, where, options: groups.measure(part, where, options.rounds),
    "requests": lambda part, where, options: requests.measure(part, where, options.rounds),
    "ready": lambda part, where, options: ready.measure(part, where, options.rounds, options.replicas),
    "operations": lambda part, where, options: operations.measure(part, where, options.rounds),
    "settings": lambda part, where, options: settings.measure(part, where, options.rounds),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the parts that were asked for."""
    options = _parser().parse_args(arguments)
    # Ended by whatever signal, it takes its namespaces and simulated nodes away.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if not options.docs:
        with world() as where:
            for name in options.parts or _PARTS:
                started = time.monotonic()
                print(f"{name}:", flush=True)
                part = Part(name, where.machine())
                try:
                    _PARTS[name](part, where, options)
                finally:
                    part.save(keep=options.keep)
                minutes = (time.monotonic() - started) / 60
                print("\n".join(["", *tables(part), f"({minutes:.1f} minutes)", ""]), flush=True)
    if options.docs:
        report.write()


def tables(part: Part) -> list[str]:
    """All tables of a part."""
    units = dict.fromkeys(row.unit for row in part.rows)
    return [line for unit in units for line in (*table(part, "component", unit), "")]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="What the component costs, as ratios.")
    parser.add_argument("parts", nargs="*", choices=[*_PARTS, []], help="all by default")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, each of all ways (default 3)")
    parser.add_argument("--services", type=int, nargs="+", default=SERVICES, help="services in one program")
    parser.add_argument("--replicas", type=int, nargs="+", default=[100, 500, 1000], help="on simulated nodes")
    parser.add_argument("--keep", action="store_true", help="keep rows that were measured before and are not now")
    parser.add_argument("--docs", action="store_true", help="measure nothing; write docs/performance.md and its plots")
    return parser


if __name__ == "__main__":
    main()
