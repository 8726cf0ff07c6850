"""Addresses of the documentation pages that messages refer to, for users who have only the installed package."""

_PAGES = "https://github.com/pulumi-stateful-service/pulumi-stateful-service/blob/main/docs"

ADOPTION = f"{_PAGES}/adoption.md"
RIGHTS = f"{_PAGES}/kubeconfig.md#rights"
STORAGE = f"{_PAGES}/storage.md"
NAMESPACES = f"{STORAGE}#namespaces"
OPERATING = f"{_PAGES}/operating.md"
ROLLOUTS = f"{_PAGES}/rollouts.md"
MEMBERS = f"{_PAGES}/members.md"
