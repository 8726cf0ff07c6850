"""What the component reads and does on a cluster: live/client/access.py for SECURITY.md and docs/kubeconfig.md."""

from collections.abc import Iterable, Sequence

from pulumi_stateful_service.live.client.access import READS, Access, Action, Right
from pulumi_stateful_service.live.client.resources import RESOURCES

_VERBS = ("get", "list", "watch", "create", "patch", "delete")
"""In the order of a Role."""


def changes_table() -> list[str]:
    """Each change with its occasion, its arguments and its request."""
    return [
        "| it | when | arguments | request |",
        "|---|---|---|---|",
        *(f"| {row.what} | {row.when} | {_code(row.arguments)} | {_request(row)} |" for row in _rows(changes=True)),
    ]


def reads_table() -> list[str]:
    """What is read or asked, and why."""
    lines = ["| it looks for | arguments | request |", "|---|---|---|"]
    for row in [*READS, *_rows(changes=False)]:
        dry = " (dry run)" if row.is_dry_run else ""
        lines.append(f"| {row.what} | {_code(row.arguments)} | {_request(row)}{dry} |")
    return lines


def role() -> list[str]:
    """The Role with the rights that are always needed."""
    lines = [
        "```yaml",
        "apiVersion: rbac.authorization.k8s.io/v1",
        "kind: Role",
        "metadata:",
        "  name: stateful-service",
        "rules:",
    ]
    rights: dict[tuple[str, str], set[str]] = {}
    for row in _of(Right.ROLE):
        for kind in row.kinds:
            rights.setdefault((_group(kind), _resource(kind, row)), set()).update(row.verbs)
    rules: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (group, resource), wanted in rights.items():
        rules.setdefault((group, _ordered(wanted)), []).append(resource)
    for (group, verbs), resources in rules.items():
        lines += [
            f"  - apiGroups: [{group or _EMPTY}]",
            f"    resources: [{', '.join(resources)}]",
            f"    verbs: [{', '.join(verbs)}]",
        ]
    return [*lines, "```"]


_EMPTY = '""'


def rights_of_arguments() -> list[str]:
    """The rights that some arguments need besides."""
    rows = _of(Right.ARGUMENT)
    return [
        "| argument | right | for |",
        "|---|---|---|",
        *(f"| {_code(row.arguments)} | {_request(row)}{_scope(row)} | {row.what} |" for row in rows),
    ]


def optional_rights() -> list[str]:
    """The rights without which something is not known."""
    rows = _of(Right.OPTIONAL)
    return [
        "| right | for | without it |",
        "|---|---|---|",
        *(f"| {_request(row)}{_scope(row)} | {row.what} | {row.without} |" for row in rows),
    ]


def _rows(*, changes: bool) -> list[Access]:
    return [action.row for action in Action if action.row.changes == changes]


def _of(right: Right) -> list[Access]:
    return [row for row in [*READS, *(action.row for action in Action)] if row.right is right]


def _group(kind: str) -> str:
    version = RESOURCES[kind].api_version
    return version.rpartition("/")[0]


def _resource(kind: str, row: Access) -> str:
    return "/".join(filter(None, [RESOURCES[kind].plural, row.subresource]))


def _request(row: Access) -> str:
    return f"{_code(row.verbs)} {_code(_resource(kind, row) for kind in row.kinds)}"


def _scope(row: Access) -> str:
    return "" if RESOURCES[row.kinds[0]].namespaced else ", in the whole cluster"


def _ordered(verbs: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(verbs, key=_VERBS.index))


def _code(names: Iterable[str] | Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
