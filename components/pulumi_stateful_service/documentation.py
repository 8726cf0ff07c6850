"""Addresses of the documentation pages that messages refer to, for users who have only the installed package."""

_PAGES = "https://github.com/pulumi-stateful-service/pulumi-stateful-service/blob/main/docs"

ADOPTION = f"{_PAGES}/adoption.md"
RIGHTS = f"{_PAGES}/kubeconfig.md#rights"
STORAGE = f"{_PAGES}/storage.md"
NAMESPACES = f"{STORAGE}#namespaces"
RESTORE = f"{_PAGES}/volumes.md#restore"
REBUILD = f"{_PAGES}/volumes.md#replace-a-lost-disk"
SNAPSHOTS = f"{_PAGES}/snapshots.md"
OPERATING = f"{_PAGES}/operating.md"
ROLLOUTS = f"{_PAGES}/rollouts.md"
RESIZE = f"{ROLLOUTS}#resize-in-place"
APPLICATION_VERSIONS = f"{_PAGES}/application-versions.md"
MEMBERS = f"{_PAGES}/members.md"
GROUPS = f"{_PAGES}/groups.md"
FORMING = f"{MEMBERS}#form-the-cluster"
RECOVERY = f"{_PAGES}/recovery.md"
TROUBLESHOOTING = f"{_PAGES}/troubleshooting.md"
ROLLOUT_TIMEOUTS = f"{TROUBLESHOOTING}#rollout-timeouts"


def with_page(text: str) -> str:
    """A message with the address of the page that tells its cause and remedy, where it names none yet."""
    if _PAGES in text:
        return text
    if "\n" in text:
        return f"{text}\nSee {TROUBLESHOOTING}."
    stop = "." if text.endswith(".") else ""
    return f"{text.removesuffix('.')} ({TROUBLESHOOTING}){stop}"
