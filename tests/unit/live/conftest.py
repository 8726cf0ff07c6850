"""An API server on loopback, and kubeconfigs that lead to it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from api_server import ApiServer, Authority, Pair, api_server
from kubeconfigs import Kubeconfig, in_base64
from pulumi_stateful_service.live.client import kubeconfig as module
from pulumi_stateful_service.live.client import repeating


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def server_pair(authority: Authority) -> Pair:
    return authority.signs("server", "/CN=server", "IP:127.0.0.1,DNS:localhost")


@pytest.fixture(scope="session")
def client_pair(authority: Authority) -> Pair:
    return authority.signs("client", "/CN=jane")


@pytest.fixture
def api(authority: Authority, server_pair: Pair) -> Iterator[ApiServer]:
    with api_server(server_pair, authority) as server:
        yield server


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No kubeconfig, proxy or Pod but the test's own."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "POD_NAMESPACE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(module, "_SERVICE_ACCOUNT", tmp_path / "serviceaccount")


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request is repeated at once, and not for long."""
    monkeypatch.setattr(repeating, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(repeating, "LONGEST_PAUSE", 0.01)
    monkeypatch.setattr(repeating, "UP_SECONDS", 0.2)


@pytest.fixture
def kubeconfig(api: ApiServer, authority: Authority) -> Kubeconfig:
    """A kubeconfig's contents: with this user, these fields of the cluster (None takes one away) and the context."""

    def made(
        user: Mapping[str, Any] | None = None,
        cluster: Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> str:
        ca = in_base64(authority.pair.certificate.read_bytes())
        all_of_cluster = {"server": api.url, "certificate-authority-data": ca, **(cluster or {})}
        document = {
            "clusters": [{"name": "one", "cluster": {k: v for k, v in all_of_cluster.items() if v is not None}}],
            "users": [{"name": "jane", "user": {"token": "t"} if user is None else dict(user)}],
            "contexts": [{"name": "it", "context": {"cluster": "one", "user": "jane", **(context or {})}}],
            "current-context": "it",
            **fields,
        }
        return json.dumps(document, indent=1)

    return made
