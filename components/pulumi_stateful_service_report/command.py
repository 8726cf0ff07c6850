"""The command ``pulumi-stateful-service``."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from pulumi_stateful_service_report.findings import MEANINGS, Finding
from pulumi_stateful_service_report.markdown import as_markdown
from pulumi_stateful_service_report.preview_log import InputError, Preview, read_previews
from pulumi_stateful_service_report.report import new_report

OK, UNREADABLE, WRONG_USAGE, GATE_HIT = 0, 1, 2, 5
"""As Pulumi's own: success, an error, a wrong invocation, a policy that is violated."""

_EPILOG = f"""\
Findings, for --fail-on:
{chr(10).join(f"  {each.value:24}{meaning}" for each, meaning in MEANINGS.items())}

Exit codes, which are those of Pulumi:
  {OK}  none of the findings in --fail-on
  {UNREADABLE}  the log cannot be read
  {WRONG_USAGE}  a wrong option
  {GATE_HIT}  one of the findings in --fail-on

How a preview writes a log:
  PULUMI_DEBUG_COMMANDS=true pulumi preview --event-log FILE
  PULUMI_STATEFUL_SERVICE_REPORT=true pulumi preview --json > FILE
"""


def main() -> NoReturn:
    """Runs the command."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """The exit code of the command with these arguments."""
    options = _parser().parse_args(arguments)
    gates = [each for names in options.fail_on for each in names]
    try:
        report = new_report([preview for file in options.files for preview in _read(file)])
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        return UNREADABLE
    written = report.as_json(gates)
    if options.format == "json":
        sys.stdout.write(f"{json.dumps(written, indent=2)}\n")
    else:
        sys.stdout.write(as_markdown(report, gates))
    if written["failed"]:
        sys.stderr.write(f"error: --fail-on: {', '.join(written['failed'])}\n")
        return GATE_HIT
    unseen = [each.value for each in (Finding.UNKNOWN, Finding.PREVIEW_FAILED) if each in report.counts()]
    if gates and unseen:
        sys.stderr.write(f"warning: {' and '.join(unseen)}, which --fail-on does not name: other gates may be missed\n")
    return OK


def _read(file: str) -> list[Preview]:
    source = "standard input" if file == "-" else file
    try:
        # Text that is not UTF-8 is somebody else's; the log's own words are ASCII.
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise InputError(f"{source} cannot be read: {error.strerror}") from error
    return read_previews(content.decode("utf-8", "replace"), source)


def _gates(text: str) -> list[Finding]:
    names = [each.strip() for each in text.split(",") if each.strip()]
    for name in names:
        if name not in {*Finding}:
            raise argparse.ArgumentTypeError(f"{name!r} is not a finding; it must be one of {', '.join(Finding)}")
    return [Finding(name) for name in names]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pulumi-stateful-service")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    report = commands.add_parser(
        "report",
        help="report what a preview says of each StatefulService",
        description="Reports what a preview says of each StatefulService: for a pull request, or for a program.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    report.add_argument(
        "files", nargs="*", default=["-"], metavar="FILE", help="logs of previews, - for standard input (the default)"
    )
    report.add_argument("--format", choices=("markdown", "json"), default="markdown", help="default: %(default)s")
    report.add_argument(
        "--fail-on",
        type=_gates,
        action="append",
        default=[],
        metavar="FINDING[,FINDING…]",
        help="end with exit code 5 where one of these is found",
    )
    return parser
