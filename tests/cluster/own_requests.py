"""The component's own requests, as a proxy sees them: which they are, and whether the documented table has them."""

from urllib.parse import urlsplit

from pulumi_stateful_service.live.client.access import READS, Action
from pulumi_stateful_service.live.client.resources import RESOURCES

OURS = "pulumi-stateful-service"
"""How the component's own requests name their sender."""
_VERBS = {"POST": "create", "PATCH": "patch", "DELETE": "delete"}
_KINDS = {(resource.api_version, resource.plural): kind for kind, resource in RESOURCES.items()}


def is_documented(method: str, path: str) -> bool:
    """Whether SECURITY.md has the request of the component."""
    root, *rest = urlsplit(path).path.strip("/").split("/")
    if root == "version" or path == "/api/v1":
        return True
    version, rest = ("/".join(rest[:2]), rest[2:]) if root == "apis" else (rest[0], rest[1:])
    if rest[0] == "namespaces" and len(rest) > 2:
        rest = rest[2:]
    plural, name, subresource = [*rest, "", ""][:3]
    verb = _VERBS.get(method, "get" if name else "list")
    rows = [*READS, *(action.row for action in Action)]
    return any(row.covers(verb, _KINDS.get((version, plural), ""), subresource) for row in rows)
