"""The sections of the reference page that are no tables of fields: examples, and what the column of changes says."""

from collections.abc import Mapping
from typing import Any

from docs.reference.languages import in_python, in_typescript, in_yaml


def example_section(args: Mapping[str, Any]) -> list[str]:
    """One service in every language."""
    return [
        "```python",
        in_python("db", args),
        "```",
        "",
        "<details>",
        "<summary>TypeScript and YAML</summary>",
        "",
        "```typescript",
        in_typescript("db", args),
        "```",
        "",
        "```yaml",
        in_yaml("db", args),
        "```",
        "",
        "</details>",
        "",
    ]


_CHANGES = {
    "Pods restart": "The Pods are replaced one after another, from the highest ordinal down, or as `rollout`, "
    "`canary`, `partition`, `leader_last`, `max_unavailable` and `update_strategy` say.",
    "in place": "The objects that are named are updated. No Pod restarts.",
    "creates, deletes or replaces an object": "No Pod restarts. An object that is replaced is deleted first.",
    "`pulumi up` only": "No object changes: `pulumi up` itself works with the new value.",
    "with `recreate_keeping_pods` only": "Refused without that argument. With it the StatefulSet is recreated around "
    "its Pods. *For new claims*: existing ones stay as they are, see `recreate_claims`.",
    "refused": "`pulumi preview` and `pulumi up` refuse it; the message says what to do instead.",
    "refused by the API server": "`pulumi up` fails, and the object stays as it is: delete it first.",
    "no effect before the StatefulSet is recreated": "Kubernetes does not change the field, and the component does not "
    "refuse it.",
}


def changes_section() -> list[str]:
    """What the column of changes says."""
    return [
        "## Changes",
        "",
        "The column *change* says what another value does to a service that runs. It is derived from the objects that",
        "the component makes of both, from its refusals and from its forecast; `pulumi preview` says it of your own",
        "change, with the names of the instances.",
        "",
        "| change | meaning |",
        "|---|---|",
        *(f"| {said} | {meaning} |" for said, meaning in _CHANGES.items()),
        "",
    ]
