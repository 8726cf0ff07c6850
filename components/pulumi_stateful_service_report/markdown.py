"""The report as Markdown, for a comment on a pull request."""

import html
import re
from collections.abc import Iterator, Mapping, Sequence

from pulumi_stateful_service_report.findings import MEANINGS, Finding
from pulumi_stateful_service_report.record import Record, State
from pulumi_stateful_service_report.report import Report, Service

MARKER = "<!-- pulumi-stateful-service report -->"
"""The first line, by which a workflow finds the comment that it has written before."""

_MAX_CHARACTERS = 60_000
"""GitHub's limit for a comment is 65,536."""
_MAX_NAMES = 10
_MAX_REASON = 1_000
_SEVERITY = (State.REFUSED, State.UNKNOWN, State.DELETED, State.CHANGED, State.UNCHANGED)
"""The order in which services are shown, after those that lose data."""
_PODS = {"Resized": "CPU or memory change in place", "Replaced": "replaced", "Added": "added", "Removed": "removed"}
_CLAIMS = {
    "Deleted": "**deleted with the data**",
    "Recreated": "**deleted, and created again without the data**",
    "Restored": "**deleted, and created again with a snapshot's data**; its volume is kept",
    "LeftBehind": "kept with the data, and used by no instance",
    "Expanded": "expanded",
    "Reduced": "an expansion is cancelled",
    "Modified": "changed in place",
    "Created": "created",
    "Terminating": "being deleted by somebody",
}
_SETS = {
    "Created": "created",
    "Recreated": "deleted without its Pods, and created again",
    "Replaced": "**replaced by Pulumi: all Pods stop at once**",
    "Deleted": "deleted",
}


def as_markdown(report: Report, gates: Sequence[Finding]) -> str:
    """The report, the gravest first; what is too long for a comment is counted."""
    shown = sorted(
        (each for each in report.services if each.told["state"] != State.UNCHANGED or each.findings),
        key=lambda each: (Finding.CLAIM_DELETED not in each.findings, _SEVERITY.index(State(each.told["state"]))),
    )
    text = "\n".join([*_head(report, gates), ""])
    for place, service in enumerate(shown):
        section = "\n".join(_section(service))
        if len(text) + len(section) > _MAX_CHARACTERS:
            return f"{text}\n{len(shown) - place} more services are in the report as JSON.\n"
        text += f"\n{section}\n"
    return text


def _head(report: Report, gates: Sequence[Finding]) -> Iterator[str]:
    yield MARKER
    states = [each.told["state"] for each in report.services]
    counts = [f"{states.count(each)} {each.lower()}" for each in _SEVERITY if each in states]
    yield f"### Stateful services: {', '.join(counts) or 'none'}"
    if not report.is_complete:
        yield ""
        yield "**The preview failed, or its log has no end: services may be missing here.** See its log for the errors."
    found = report.counts()
    if found:
        yield ""
        yield "| finding | services | |"
        yield "|---|---:|---|"
        yield from (
            f"| `{each}`{' (gate)' if each in gates else ''} | {number} | {MEANINGS[each]} |"
            for each, number in found.items()
            if each is not Finding.PREVIEW_FAILED
        )
    failed = [each for each in gates if each in found]
    if gates:
        yield ""
        yield f"Gate: {'failed on ' + ', '.join(failed) if failed else 'passed'} (`--fail-on {','.join(gates)}`)."


def _named(service: Service) -> str:
    group = service.told["group"]
    return f"{service.name}, group {group}" if group else service.name


def _section(service: Service) -> Iterator[str]:
    told = service.told
    where = "/".join(filter(None, (told["namespace"], told["statefulSet"])))
    yield f"#### {_code(_named(service))} ({_code(service.stack)}): {told['state'].lower()}"
    yield ""
    if told["state"] == State.UNKNOWN:
        yield f"- **What happens to it could not be determined:** {_text(told['reason'])}"
    elif told["reason"]:
        yield f"- {_text(told['reason'])}"
    if told["set"] in _SETS:
        yield f"- StatefulSet {_code(where)}: {_SETS[told['set']]}"
    yield from _pods(told)
    yield from _claims(told)
    if Finding.QUORUM_AT_RISK in service.findings and (numbers := told["availability"]):
        yield (
            f"- **Quorum at risk:** {numbers['ready']} instances are ready, {numbers['required']} are required, and "
            f"{numbers['fewest']} stay ready meanwhile"
        )
    for each in told["drift"] or ():
        then = "the next update overwrites it" if each["overwritten"] else "it stays"
        yield f"- Changed by {_code(each['manager'])}: {_code(each['field'])}; {then}"
    if (
        told["state"] == State.CHANGED
        and not told["reason"]
        and not {*told["instances"].values()} & {"Resized", "Replaced", "Removed"}
    ):
        yield "- No Pod restarts"


def _pods(told: Record) -> Iterator[str]:
    because = f" ({', '.join(map(_text, told['reasons']))})" if told["reasons"] else ""
    for outcome, names in _grouped(told["instances"], _PODS):
        ordered = list(told["order"]) if outcome == "Replaced" and told["order"] else names
        how = because if outcome == "Replaced" else ""
        if outcome == "Replaced" and len(ordered) > 1:
            how = (" one after another" if told["atATime"] == 1 else f" {told['atATime']} at a time") + because
        yield f"- {_listed('Pod', ordered)}: {_PODS[outcome]}{how}"
    if told["heldBack"]:
        yield f"- {_listed('Pod', told['heldBack'])}: not updated"


def _claims(told: Record) -> Iterator[str]:
    for outcome, names in _grouped(told["claims"], _CLAIMS):
        sizes = {tuple(told["sizes"][name]) for name in names if name in told["sizes"]}
        change = f" ({', '.join(sorted(' → '.join(map(_code, each)) for each in sizes))})" if sizes else ""
        yield f"- {_listed('Claim', names)}: {_CLAIMS[outcome]}{change}"


def _grouped(outcomes: Mapping[str, str], shown: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    for outcome in shown:
        if names := [name for name, each in outcomes.items() if each == outcome]:
            yield outcome, names


def _listed(what: str, names: Sequence[str]) -> str:
    more = len(names) - _MAX_NAMES
    return (
        f"{what}{'s' if len(names) > 1 else ''} "
        + ", ".join(map(_code, names[:_MAX_NAMES]))
        + (f" and {more} more" if more > 0 else "")
    )


def _code(text: str) -> str:
    """Somebody's text as code, whatever is in it."""
    plain = re.sub(r"[\s`|]+", " ", text).strip()
    return f"`{plain or '?'}`"


def _text(text: str | None) -> str:
    """A message as one line of plain text: nothing in it is markup, or mentions somebody."""
    plain = " ".join((text or "").split())
    shown = plain if len(plain) <= _MAX_REASON else f"{plain[: _MAX_REASON - 1]}…"
    return re.sub(r"([\\`*_\[\]#|~])", r"\\\1", html.escape(shown, quote=False)).replace("@", "&#64;")
