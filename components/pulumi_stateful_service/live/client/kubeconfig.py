"""Finds, reads and merges kubeconfigs by the rules of client-go, as Pulumi's Kubernetes provider does.

No message has a part of a kubeconfig's text in it but the names of clusters, contexts, users and files.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.client.errors import ClusterError, NoClusterError
from pulumi_stateful_service.live.client.kubeconfig_fields import decoded, flag, mapping, no_conflict, read_file, text

_DEFAULT_PATH = "~/.kube/config"
_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_EXEC_EXTENSION = "client.authentication.k8s.io/exec"
_SECTIONS = {"clusters": "cluster", "contexts": "context", "users": "user"}
_LOOKS_LIKE_A_PATH = re.compile(
    r"(~|\.{0,2}/|[A-Za-z]:\\)\S{0,254}|[-\w./\\]{1,250}\.(ya?ml|json|conf|config|kubeconfig)"
)
_NO_KUBECONFIG = "there is no kubeconfig, or an empty one"
_PROXY_SCHEMES = ("http", "https", "socks5")


@dataclass(frozen=True)
class User:
    """A user of a kubeconfig, with where it stands."""

    name: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)
    file: Path | None = None
    """The kubeconfig that the user is from, in which kubectl refreshes tokens."""
    folder: Path = Path()
    """Where relative paths of this user start."""


@dataclass(frozen=True)
class Target:
    """How to reach one API server: what a context of a kubeconfig says, or a Pod's service account."""

    description: str
    """Of the cluster, for messages: ``context 'prod'``."""
    server: str
    """URL of the API server, which may end with a path."""
    namespace: str
    """Of objects that name none."""
    user: User
    ca: bytes | None = field(default=None, repr=False)
    """Certificates (PEM) that the API server's is verified with; the system's where None."""
    insecure: bool = False
    """Whether the API server's certificate is not verified."""
    tls_server_name: str | None = None
    """Name in the API server's certificate, where it is another than the URL's."""
    proxy_url: str | None = field(default=None, repr=False)
    disable_compression: bool = False
    exec_config: Any = field(default=None, repr=False)
    """The cluster's extension for credential plugins."""


@dataclass(frozen=True)
class _Entry:
    """A cluster, context or user, with the file that it is from."""

    fields: Mapping[str, Any]
    file: Path | None


class _Kubeconfig:
    """One or several kubeconfigs, merged."""

    def __init__(self, source: str) -> None:
        self.source = source
        """Where it is from, for messages."""
        self.current_context: str | None = None
        self.entries: dict[str, dict[str, _Entry]] = {section: {} for section in _SECTIONS}

    def add(self, content: str, source: str, file: Path | None) -> None:
        """Merges another kubeconfig in: of two entries with one name, and of two current contexts, the first counts."""
        document = _parsed(content, source)
        for section, kind in _SECTIONS.items():
            for item in _items(document, section, source):
                name = text(item, "name", f"{section} of {source}")
                if name is not None:
                    fields = mapping(item, kind, f"{kind} {name!r} of {source}")
                    self.entries[section].setdefault(name, _Entry(fields, file))
        self.current_context = self.current_context or text(document, "current-context", source)

    def entry(self, section: str, name: str, asked_by: str) -> _Entry:
        """An entry by its name."""
        found = self.entries[section].get(name)
        if found is None:
            raise ClusterError(f"{asked_by}, which {self.source} does not have")
        return found

    @property
    def is_empty(self) -> bool:
        """Whether it has no cluster, context or user."""
        return not any(self.entries.values())


def load(connection: Connection) -> Target:
    """The API server and user that Pulumi's provider takes with these settings.

    Raises NoClusterError where there is no kubeconfig, and ClusterError for one that cannot be used.
    """
    if connection.kubeconfig:
        return _select(_given(connection.kubeconfig), connection, base=None)
    kubeconfig = _ambient()
    names_context = connection.context or connection.cluster or kubeconfig.current_context
    if kubeconfig.is_empty and not connection.context and not connection.cluster:
        problem = _NO_KUBECONFIG
    elif not names_context:
        problem = "sets no current-context, and the provider has no context"
    else:
        return _select(kubeconfig, connection, base=Path())
    if _is_in_pod():
        return _in_cluster(connection)
    raise NoClusterError(f"{kubeconfig.source}: {problem}")


def refuse_absence(connection: Connection) -> None:
    """Raises NoClusterError, as ``load`` would, where there is no file to read: so fast that it blocks nothing."""
    if connection.kubeconfig or connection.context or connection.cluster or _is_in_pod():
        return
    source, paths = _ambient_files()
    if not any(map(_exists, paths)):
        raise NoClusterError(f"{source}: {_NO_KUBECONFIG}")


def user_of_file(user: User) -> User | None:
    """The user as the kubeconfig has it now; None where it is in no file, or not any more."""
    if user.file is None:
        return None
    kubeconfig = _read(user.file, f"kubeconfig {user.file}")
    found = kubeconfig.entries["users"].get(user.name)
    return replace(user, fields=found.fields) if found else None


def _read(file: Path, source: str) -> _Kubeconfig:
    kubeconfig = _Kubeconfig(source)
    kubeconfig.add(read_file(file, source).decode(errors="replace"), source, file)
    return kubeconfig


def _given(setting: str) -> _Kubeconfig:
    """The kubeconfig of the provider's setting: a path, or the contents."""
    expanded = os.path.expanduser(setting) if setting == "~" or setting.startswith("~/") else setting  # noqa: PTH111
    if _exists(expanded):
        source = f"the provider's kubeconfig {setting}"
        content = read_file(Path(expanded), source).decode(errors="replace")
    else:
        source, content = "the provider's kubeconfig", setting
        if _LOOKS_LIKE_A_PATH.fullmatch(setting):
            separator = os.pathsep
            if separator in setting and all(map(_LOOKS_LIKE_A_PATH.fullmatch, setting.split(separator))):
                raise ClusterError(
                    f"the provider's kubeconfig {setting} is a list of files, which works in the environment variable "
                    "KUBECONFIG with the default provider alone"
                )
            raise ClusterError(f"the provider's kubeconfig {setting} does not exist")
    kubeconfig = _Kubeconfig(source)
    kubeconfig.add(content, source, None)
    return kubeconfig


def _ambient() -> _Kubeconfig:
    """The kubeconfigs of the environment variable KUBECONFIG, or the one in the home directory. Those may be absent."""
    source, paths = _ambient_files()
    kubeconfig = _Kubeconfig(source)
    for path in paths:
        if _exists(path):
            source = f"kubeconfig {path}"
            kubeconfig.add(read_file(Path(path), source).decode(errors="replace"), source, Path(path))
    return kubeconfig


def _ambient_files() -> tuple[str, list[str]]:
    """Where they are from, for messages, and their paths."""
    listed = os.environ.get("KUBECONFIG")
    if listed:
        return f"KUBECONFIG={listed}", [each for each in listed.split(os.pathsep) if each]
    return f"kubeconfig {_DEFAULT_PATH}", [os.path.expanduser(_DEFAULT_PATH)]  # noqa: PTH111


def _select(kubeconfig: _Kubeconfig, connection: Connection, *, base: Path | None) -> Target:
    """What the chosen context says. With ``base``, relative paths start at the file that they stand in."""
    source = kubeconfig.source
    if kubeconfig.is_empty and base is None:
        raise ClusterError(f"{source} is empty")
    name = connection.context or kubeconfig.current_context
    if name is None and connection.cluster is None:
        raise ClusterError(f"{source} sets no current-context, and the provider has no context")
    by = "the provider names" if connection.context else "current-context is"
    context = kubeconfig.entry("contexts", name, f"{by} context {name!r}").fields if name else {}
    where = f"context {name!r}" if name else "the provider's settings"
    cluster_name = connection.cluster or text(context, "cluster", where)
    if not cluster_name:
        raise ClusterError(f"{where} of {source} names no cluster")
    named = f"the provider names cluster {cluster_name!r}" if connection.cluster else f"{where} names {cluster_name!r}"
    cluster = kubeconfig.entry("clusters", cluster_name, f"{named} as its cluster")
    about = f"cluster {cluster_name!r}"
    server = text(cluster.fields, "server", about)
    if not server:
        raise ClusterError(f"{about} of {source} has no server")
    server = (server if "://" in server else f"http://{server}").rstrip("/")
    user = User()
    user_name = text(context, "user", where)
    if user_name:
        found = kubeconfig.entry("users", user_name, f"{where} names {user_name!r} as its user")
        user = User(user_name, found.fields, found.file, _folder(found, base))
    elif base is not None and server.startswith("https:"):
        raise ClusterError(f"{where} of {source} names no user")
    folder = _folder(cluster, base)
    no_conflict(cluster.fields, "certificate-authority", about)
    insecure = flag(cluster.fields, "insecure-skip-tls-verify", about)
    ca = decoded(cluster.fields, "certificate-authority-data", about)
    if (file := text(cluster.fields, "certificate-authority", about)) and server.startswith("https:"):
        ca = read_file(folder / file, f"certificate-authority of {about}")
    if insecure and ca:
        raise ClusterError(f"{about} has both insecure-skip-tls-verify and a certificate-authority")
    return Target(
        description=f"{where}, cluster {cluster_name!r}" if connection.cluster and name else where,
        server=server,
        namespace=connection.namespace or text(context, "namespace", where) or _pod_namespace(base),
        user=user,
        ca=ca,
        insecure=insecure,
        tls_server_name=text(cluster.fields, "tls-server-name", about),
        proxy_url=_proxy_url(cluster.fields, about),
        disable_compression=flag(cluster.fields, "disable-compression", about),
        exec_config=_exec_extension(cluster.fields, about),
    )


def _folder(entry: _Entry, base: Path | None) -> Path:
    return entry.file.absolute().parent if base is not None and entry.file else Path.cwd()


def _proxy_url(cluster: Mapping[str, Any], about: str) -> str | None:
    url = text(cluster, "proxy-url", about)
    if url and url.partition("://")[0] not in _PROXY_SCHEMES:
        raise ClusterError(f"proxy-url of {about} begins with none of http://, https:// and socks5://")
    return url


def _exec_extension(cluster: Mapping[str, Any], about: str) -> Any:
    extensions = _items(cluster, "extensions", about)
    return next((each.get("extension") for each in extensions if each.get("name") == _EXEC_EXTENSION), None)


def _is_in_pod() -> bool:
    return all(map(os.environ.get, ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"))) and (
        (_SERVICE_ACCOUNT / "token").is_file()
    )


def _in_cluster(connection: Connection) -> Target:
    """The API server of the cluster that the program runs in, with the Pod's service account."""
    host = os.environ["KUBERNETES_SERVICE_HOST"]
    ca = _SERVICE_ACCOUNT / "ca.crt"
    return Target(
        description="the Pod's service account",
        server=f"https://{f'[{host}]' if ':' in host else host}:{os.environ['KUBERNETES_SERVICE_PORT']}",
        namespace=connection.namespace or _pod_namespace(Path()),
        user=User("of the Pod's service account", {"tokenFile": str(_SERVICE_ACCOUNT / "token")}),
        ca=ca.read_bytes() if ca.is_file() else None,
    )


def _pod_namespace(base: Path | None) -> str:
    """The namespace where none is named: the Pod's, with a kubeconfig that is not the provider's own, or default."""
    if base is None or not _is_in_pod():
        return "default"
    file = _SERVICE_ACCOUNT / "namespace"
    return os.environ.get("POD_NAMESPACE") or (file.read_text().strip() if file.is_file() else "") or "default"


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # contents are no valid path: too long, or with a null character in them
        return False


def _parsed(content: str, source: str) -> Mapping[str, Any]:
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        document = yaml.load(content, Loader=loader)  # noqa: S506 - both are safe ones
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise ClusterError(f"{source} is not valid YAML{place}") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ClusterError(f"{source} is not valid YAML") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ClusterError(f"{source} is neither the contents of a kubeconfig nor a file that exists")
    return document


def _items(document: Mapping[str, Any], section: str, source: str) -> list[Mapping[str, Any]]:
    items = document.get(section)
    if items is None:
        return []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ClusterError(f"{section} of {source} is not a list of entries with a name each")
    return items
