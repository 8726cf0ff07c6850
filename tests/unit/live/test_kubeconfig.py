"""Whatever kubeconfig works for Pulumi's provider works for a look, or is refused by name.

Each test looks at an API server on loopback, which tells who asked and how.
"""

import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from api_server import OBJECT, ApiServer, Authority, Pair, api_server, connect_proxy
from kubeconfigs import Kubeconfig, in_base64, look
from processes import is_running
from pulumi_stateful_service.live.client import exec_plugin, shared_clients
from pulumi_stateful_service.live.client import kubeconfig as kubeconfig_module
from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.client.errors import ClusterError, CredentialsError, ForbiddenError, NoClusterError
from pulumi_stateful_service.live.client.proxies import proxy_for

V1, V1BETA1 = "client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"


def authorizations(api: ApiServer) -> list[list[str]]:
    return [request.header("Authorization") for request in api.requests]


class TestUsers:
    def test_token(self, api: ApiServer, kubeconfig: Kubeconfig) -> None:
        """A token goes into the Authorization header."""
        assert look(kubeconfig({"token": "abc"})) == OBJECT
        assert authorizations(api) == [["Bearer abc"]]

    def test_password(self, api: ApiServer, kubeconfig: Kubeconfig) -> None:
        """User name and password go there too."""
        look(kubeconfig({"username": "jane", "password": "pw"}))
        assert authorizations(api) == [[f"Basic {in_base64('jane:pw')}"]]

    def test_token_file_is_read_again(self, api: ApiServer, kubeconfig: Kubeconfig, tmp_path: Path) -> None:
        """A token that was replaced in its file is used, once the API server refuses the former one."""
        file = tmp_path / "token"
        file.write_text("old\n")

        def answer(request: Any) -> tuple[int, Any]:
            file.write_text("new\n")
            return (200, OBJECT) if request.header("Authorization") == ["Bearer new"] else (401, {})

        api.answer = answer
        assert look(kubeconfig({"tokenFile": str(file)})) == OBJECT
        assert authorizations(api) == [["Bearer old"], ["Bearer new"]]

    def test_token_file_is_read_again_after_a_while(
        self, api: ApiServer, kubeconfig: Kubeconfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A token from a file is used for less than a minute, and a fixed one beside it does not count."""
        file = tmp_path / "token"
        file.write_text("old")
        config = kubeconfig({"tokenFile": str(file), "token": "fixed"})
        now = time.time()

        def answer(_: Any) -> tuple[int, Any]:
            file.write_text("new")
            monkeypatch.setattr(time, "time", lambda: now + 51)
            return 200, OBJECT

        api.answer = answer
        look(config, times=2)
        assert authorizations(api) == [["Bearer old"], ["Bearer new"]]

    @pytest.mark.parametrize("kind", ["data", "file"])
    def test_client_certificate(self, api: ApiServer, kubeconfig: Kubeconfig, client_pair: Pair, kind: str) -> None:
        """A client certificate is shown to the API server, from data or from files."""
        certificate, key = client_pair.both
        data = {"client-certificate-data": in_base64(certificate), "client-key-data": in_base64(key)}
        files = {"client-certificate": str(client_pair.certificate), "client-key": str(client_pair.key)}
        look(kubeconfig(data if kind == "data" else files))
        assert [request.client for request in api.requests] == ["jane"]

    def test_impersonation(self, api: ApiServer, kubeconfig: Kubeconfig) -> None:
        """Acting as somebody else is asked of the API server, with every group and extra."""
        extra = {"scopes": ["a", "b"], "example.com/x y": ["c"]}
        user = {"token": "t", "as": "joe", "as-uid": "7", "as-groups": ["dev", "ops"], "as-user-extra": extra}
        look(kubeconfig(user))
        [request] = api.requests
        sent = {name: request.header(f"Impersonate-{name}") for name in ("User", "Uid", "Group", "Extra-scopes")}
        assert sent == {"User": ["joe"], "Uid": ["7"], "Group": ["dev", "ops"], "Extra-scopes": ["a", "b"]}
        assert request.header("Impersonate-Extra-example.com%2Fx%20y") == ["c"]

    def test_nothing_secret_is_sent_in_clear(self, kubeconfig: Kubeconfig) -> None:
        """A server without TLS, such as kubectl proxy, gets no token and needs no user."""
        with api_server(None) as plain:
            cluster = {"server": plain.url, "certificate-authority-data": None}
            look(kubeconfig({"token": "abc"}, cluster))
            look(kubeconfig(None, cluster, {"user": None}))
            assert authorizations(plain) == [[], []]


@pytest.fixture
def plugin(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """A credential plugin that answers with this status, notes what it was told and how often it ran."""

    def made(status: Any, version: str = V1, answers: str | None = None, **fields: Any) -> dict[str, Any]:
        answer = tmp_path / "answer"
        answer.write_text(json.dumps({"kind": "ExecCredential", "apiVersion": answers or version, "status": status}))
        script = tmp_path / "plugin.py"
        script.write_text(
            "import os, sys\n"
            f"open({str(tmp_path / 'info')!r}, 'a').write(os.environ['KUBERNETES_EXEC_INFO'] + '\\n')\n"
            f"open({str(tmp_path / 'told')!r}, 'w').write(' '.join([*sys.argv[1:], os.environ.get('GIVEN', '')]))\n"
            f"print(open({str(answer)!r}).read())\n"
        )
        mode = {"interactiveMode": "IfAvailable"} if version == V1 else {}
        fields = {"command": sys.executable, "args": [str(script), "get"], "apiVersion": version, **mode, **fields}
        return {"exec": fields}

    return made


def told(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "info").read_text().splitlines()]


class TestPlugins:
    @pytest.mark.parametrize("version", [V1, V1BETA1])
    def test_token(self, api: ApiServer, kubeconfig: Kubeconfig, plugin: Any, tmp_path: Path, version: str) -> None:
        """A plugin of either version gives a token; it runs once, with its arguments and variables."""
        env = [{"name": "GIVEN", "value": "v"}]
        look(kubeconfig(plugin({"token": "from-plugin"}, version, env=env)), times=3)
        assert authorizations(api) == [["Bearer from-plugin"]] * 3
        assert (tmp_path / "told").read_text() == "get v"
        assert told(tmp_path) == [{"kind": "ExecCredential", "apiVersion": version, "spec": {"interactive": False}}]

    @pytest.mark.parametrize("version", [V1, V1BETA1])
    def test_client_certificate(
        self, api: ApiServer, kubeconfig: Kubeconfig, plugin: Any, client_pair: Pair, version: str
    ) -> None:
        """A plugin of either version gives a client certificate, as Teleport's and Pinniped's do."""
        certificate, key = client_pair.both
        look(kubeconfig(plugin({"clientCertificateData": certificate, "clientKeyData": key}, version)))
        assert [(request.client, request.header("Authorization")) for request in api.requests] == [("jane", [])]

    def test_cluster_info(
        self, api: ApiServer, kubeconfig: Kubeconfig, plugin: Any, tmp_path: Path, authority: Authority
    ) -> None:
        """A plugin that wants to know the cluster is told, with its extension."""
        extension = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "a"}}
        cluster = {"tls-server-name": "localhost", "extensions": [{"name": "other", "extension": 1}, extension]}
        look(kubeconfig(plugin({"token": "t"}, provideClusterInfo=True), cluster))
        assert told(tmp_path)[0]["spec"]["cluster"] == {
            "server": api.url,
            "tls-server-name": "localhost",
            "certificate-authority-data": in_base64(authority.pair.certificate.read_bytes()),
            "config": {"audience": "a"},
        }

    def test_refused_credentials_are_fetched_again(
        self, api: ApiServer, kubeconfig: Kubeconfig, plugin: Any, tmp_path: Path
    ) -> None:
        """A plugin is asked again when its token is refused, once."""
        config = kubeconfig(plugin({"token": "old"}))

        def answer(request: Any) -> tuple[int, Any]:
            plugin({"token": "new"})
            return (200, OBJECT) if request.header("Authorization") == ["Bearer new"] else (401, {})

        api.answer = answer
        assert look(config) == OBJECT
        assert len(told(tmp_path)) == 2

    def test_expired_credentials_are_fetched_again(
        self, api: ApiServer, kubeconfig: Kubeconfig, plugin: Any, tmp_path: Path
    ) -> None:
        """A plugin that says when its token expires is asked again then."""
        look(kubeconfig(plugin({"token": "t", "expirationTimestamp": "2020-01-01T00:00:00Z"})), times=2)
        assert len(told(tmp_path)) == 2
        look(kubeconfig(plugin({"token": "t", "expirationTimestamp": "2999-01-01T00:00:00Z"})), times=2)
        assert len(told(tmp_path)) == 3
        assert len(api.requests) == 4

    def test_a_token_beside_it_counts(
        self, api: ApiServer, kubeconfig: Kubeconfig, plugin: Any, tmp_path: Path
    ) -> None:
        """A plugin is not asked where there is a token."""
        look(kubeconfig({"token": "t", **plugin({"token": "from-plugin"})}))
        assert authorizations(api) == [["Bearer t"]]
        assert not (tmp_path / "info").exists()

    @pytest.mark.parametrize(
        ("fields", "problem"),
        [
            ({"apiVersion": "client.authentication.k8s.io/v1alpha1"}, "v1alpha1'; supported are"),
            ({"interactiveMode": None}, "interactiveMode of exec of user 'jane' is missing"),
            (
                {"interactiveMode": "Always"},
                "interactiveMode of exec of user 'jane' is Always, and there is no terminal",
            ),
            ({"interactiveMode": "Maybe"}, "interactiveMode of exec of user 'jane' is 'Maybe'"),
            ({"command": ""}, "exec of user 'jane' has no command"),
            (
                {"command": "/no/such-plugin", "installHint": "install\nit"},
                "cannot run such-plugin: No such file or direc",
            ),
            ({"command": "/no/such-plugin", "installHint": "install\nit"}, "(install it)"),
            ({"args": ["-c", "import sys; sys.exit('first\\nlog in again')"]}, "failed with exit code 1: log in again"),
            ({"args": ["-c", "print('s3cret')"]}, "is not an ExecCredential"),
            ({"env": [{"value": "v"}]}, "env of exec of user 'jane' is not a list of entries with a name"),
        ],
    )
    def test_what_cannot_work_is_named(
        self, kubeconfig: Kubeconfig, plugin: Any, fields: dict[str, Any], problem: str
    ) -> None:
        """A plugin that can't be run, or does not give credentials, is named with the reason."""
        refused(kubeconfig(plugin({"token": "s3cret"}, **fields)), problem)

    @pytest.mark.parametrize(
        ("status", "problem"),
        [
            (None, "neither a token nor a client certificate"),
            ({"clientCertificateData": "s3cret"}, "only one of clientCertificateData and clientKeyData"),
            (
                {"clientCertificateData": "s3cret", "clientKeyData": "s3cret"},
                "are not valid, or do not belong together",
            ),
            ({"token": "s3cret", "expirationTimestamp": "soon"}, "is not a time in RFC 3339"),
        ],
    )
    def test_an_answer_without_credentials_is_named(
        self, kubeconfig: Kubeconfig, plugin: Any, status: Any, problem: str
    ) -> None:
        """What a plugin answers is checked, and not shown."""
        refused(kubeconfig(plugin(status)), problem)

    def test_a_plugin_that_does_not_end_is_ended(
        self, kubeconfig: Kubeconfig, plugin: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """With what it has started, which holds its output open."""
        monkeypatch.setattr(exec_plugin, "_SECONDS", 3)
        script = f"sleep 1000 & echo $! > {tmp_path / 'child'}; wait"
        user = plugin({"token": "t"}, command="sh", args=["-c", script])
        with pytest.raises(ClusterError, match=r"sh did not end within 3 s, and was stopped") as caught:
            look(kubeconfig(user))
        assert caught.value.transient
        child = int((tmp_path / "child").read_text())
        while is_running(child):
            time.sleep(0.01)

    def test_what_a_plugin_says_is_fit_for_a_terminal(self, kubeconfig: Kubeconfig, plugin: Any) -> None:
        """Its last line, without escapes."""
        user = plugin({"token": "t"}, command="sh", args=["-c", "printf 'a\\033[2Jb\\033]0;x\\007c' >&2; exit 3"])
        with pytest.raises(ClusterError, match=r"sh failed with exit code 3: abc \("):
            look(kubeconfig(user))

    def test_an_answer_of_another_version_is_named(self, kubeconfig: Kubeconfig, plugin: Any) -> None:
        """A plugin answers in the version that it was asked in."""
        refused(
            kubeconfig(plugin({"token": "s3cret"}, V1, V1BETA1)),
            "has apiVersion 'client.authentication.k8s.io/v1beta1'",
        )


def refused(connection: Connection | str | None, problem: str, kind: type[ClusterError] = ClusterError) -> None:
    """A look is refused with one sentence, which has nothing secret in it."""
    with pytest.raises(kind) as caught:
        look(connection)
    message = str(caught.value)
    assert problem in message
    assert "s3cret" not in message + repr(caught.value)
    assert "\n" not in message


def jwt(seconds: float) -> str:
    """An ID token that expires in so many seconds."""
    return ".".join(in_base64(json.dumps(part)).rstrip("=") for part in ({}, {"exp": time.time() + seconds}, "signed"))


class TestOpenIdConnect:
    @staticmethod
    def user(token: str | None) -> dict[str, Any]:
        config = {"idp-issuer-url": "https://idp.invalid", "client-id": "id", "refresh-token": "s3cret"}
        return {"auth-provider": {"name": "oidc", "config": config | ({"id-token": token} if token else {})}}

    def test_a_valid_token_is_used(self, api: ApiServer, kubeconfig: Kubeconfig) -> None:
        """An ID token that has not expired is used as it is."""
        token = jwt(60)
        look(kubeconfig(self.user(token)), times=2)
        assert authorizations(api) == [[f"Bearer {token}"]] * 2

    def test_a_token_that_kubectl_has_refreshed_is_used(
        self, api: ApiServer, kubeconfig: Kubeconfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """A token that expires is read again from its kubeconfig, where kubectl and the provider refresh it."""
        file, old, new = tmp_path / "config", jwt(3600), jwt(7200)
        file.write_text(kubeconfig(self.user(old)))
        monkeypatch.setenv("KUBECONFIG", str(file))
        now = time.time()

        def answer(_: Any) -> tuple[int, Any]:
            file.write_text(kubeconfig(self.user(new)))
            monkeypatch.setattr(time, "time", lambda: now + 3595)
            return 200, OBJECT

        api.answer = answer
        look(times=2)
        assert authorizations(api) == [[f"Bearer {old}"], [f"Bearer {new}"]]

    @pytest.mark.parametrize(
        ("token", "problem"),
        [
            (
                jwt(5),
                "the id-token has expired. Run kubectl once, which refreshes it in the kubeconfig; or use kubelogin",
            ),
            (None, "the id-token is missing. Run kubectl once"),
            ("s3cret", "auth-provider oidc of user 'jane': the id-token is not a JSON Web Token"),
        ],
        ids=["expired", "missing", "none"],
    )
    def test_what_cannot_work_is_named(
        self, api: ApiServer, kubeconfig: Kubeconfig, token: str | None, problem: str
    ) -> None:
        """A token that has expired is not refreshed: the message says what does it."""
        refused(kubeconfig(self.user(token)), problem, CredentialsError)
        assert api.requests == []

    @pytest.mark.parametrize(
        ("name", "way_out"), [("gcp", "gke-gcloud-auth-plugin"), ("azure", "kubelogin"), ("x", "oidc")]
    )
    def test_other_providers_are_refused(self, kubeconfig: Kubeconfig, name: str, way_out: str) -> None:
        """The auth-providers that Kubernetes has removed are refused with what replaces them."""
        refused(kubeconfig({"auth-provider": {"name": name, "config": {"access-token": "s3cret"}}}), way_out)


class TestClusters:
    def test_authority_from_a_file(self, api: ApiServer, kubeconfig: Kubeconfig, authority: Authority) -> None:
        """The certificate authority may stand in a file."""
        cluster = {"certificate-authority-data": None, "certificate-authority": str(authority.pair.certificate)}
        look(kubeconfig(cluster=cluster))
        assert len(api.requests) == 1

    def test_the_certificate_itself(self, api: ApiServer, kubeconfig: Kubeconfig, server_pair: Pair) -> None:
        """The API server's own certificate may stand for its authority, as in Go."""
        look(kubeconfig(cluster={"certificate-authority-data": in_base64(server_pair.certificate.read_bytes())}))
        assert len(api.requests) == 1

    def test_another_authority_is_refused(self, api: ApiServer, kubeconfig: Kubeconfig, tmp_path: Path) -> None:
        """An API server that another authority vouches for gets no token."""
        other = in_base64(Authority(tmp_path, "other").pair.certificate.read_bytes())
        refused(kubeconfig({"token": "s3cret"}, {"certificate-authority-data": other}), "certificate")
        refused(kubeconfig({"token": "s3cret"}, {"certificate-authority-data": None}), "certificate")
        assert api.requests == []

    def test_insecure(self, api: ApiServer, kubeconfig: Kubeconfig) -> None:
        """insecure-skip-tls-verify takes any certificate, and says nothing about it, as kubectl does."""
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            look(kubeconfig(cluster={"certificate-authority-data": None, "insecure-skip-tls-verify": True}))
        assert len(api.requests) == 1

    def test_tls_server_name(self, kubeconfig: Kubeconfig, authority: Authority) -> None:
        """tls-server-name is the name that the certificate has to have, whatever the address."""
        with api_server(authority.signs("named", "/CN=named", "DNS:kubernetes.example")) as api:
            refused(kubeconfig(cluster={"server": api.url}), "TLS to 127.0.0.1")
            look(kubeconfig(cluster={"server": api.url, "tls-server-name": "kubernetes.example"}))
            refused(kubeconfig(cluster={"server": api.url, "tls-server-name": "other.example"}), "TLS to 127.0.0.1")
            assert len(api.requests) == 1

    def test_the_path_of_the_server_is_kept(self, api: ApiServer, kubeconfig: Kubeconfig) -> None:
        """A server behind a path, as Rancher has them, is asked there."""
        look(kubeconfig(cluster={"server": f"{api.url}/k8s/clusters/c-1/"}))
        assert [request.path for request in api.requests] == ["/k8s/clusters/c-1/api/v1/namespaces/it"]

    def test_compression_is_not_asked_for(self, api: ApiServer, kubeconfig: Kubeconfig) -> None:
        """disable-compression holds, since answers are never asked for in compressed form."""
        look(kubeconfig(cluster={"disable-compression": True}))
        assert api.requests[0].header("Accept-Encoding") in ([], ["identity"])

    def test_proxy_url(self, api: ApiServer, kubeconfig: Kubeconfig, monkeypatch: pytest.MonkeyPatch) -> None:
        """proxy-url leads through a proxy, with its user, whatever NO_PROXY says."""
        monkeypatch.setenv("NO_PROXY", "*")
        with connect_proxy(api.port) as proxy:
            look(kubeconfig(cluster={"proxy-url": proxy.url.replace("//", "//joe:p%40ss@")}))
            target, user = proxy.asked
            assert target.startswith(f"CONNECT {api.url.removeprefix('https://')} HTTP/1.")
            assert user.lower() == f"proxy-authorization: basic {in_base64('joe:p@ss')}".lower()
        assert len(api.requests) == 1

    def test_a_proxy_that_is_away_is_named(self, kubeconfig: Kubeconfig) -> None:
        """A proxy that can't be reached is named, without its password."""
        refused(
            kubeconfig(cluster={"proxy-url": "http://joe:s3cret@127.0.0.1:1"}), "the proxy 127.0.0.1:1 does not lead to"
        )

    def test_socks(self, kubeconfig: Kubeconfig, authority: Authority) -> None:
        """A SOCKS proxy, such as ssh's, leads to the API server by a name that it knows."""
        pair = authority.signs("inside", "/CN=inside", "DNS:api.inside.example")
        with api_server(pair) as api, connect_proxy(api.port, socks=True) as proxy:
            look(kubeconfig(cluster={"server": "https://api.inside.example:6443", "proxy-url": proxy.url}))
            assert proxy.asked == ["api.inside.example"]
            other = {"server": "https://other.example:6443", "proxy-url": proxy.url}
            refused(kubeconfig(cluster=other), "TLS to other.example:6443 failed: Hostname mismatch")
            look(kubeconfig(cluster={**other, "tls-server-name": "api.inside.example"}))
        refused(kubeconfig(cluster={"proxy-url": "socks5://127.0.0.1:1"}), "the proxy 127.0.0.1:1 does not lead to")

    def test_socks_needs_a_package(self, kubeconfig: Kubeconfig, monkeypatch: pytest.MonkeyPatch) -> None:
        """A SOCKS proxy is refused with the package that it needs."""
        monkeypatch.setitem(sys.modules, "aiohttp_socks", None)
        refused(kubeconfig(cluster={"proxy-url": "socks5://127.0.0.1:1"}), "pip install aiohttp-socks")

    def test_a_proxy_of_the_environment(
        self, kubeconfig: Kubeconfig, monkeypatch: pytest.MonkeyPatch, authority: Authority
    ) -> None:
        """HTTPS_PROXY leads through a proxy, unless NO_PROXY has the server's network."""
        with (
            api_server(authority.signs("proxied", "/CN=p", "IP:10.1.2.3")) as api,
            connect_proxy(api.port) as proxy,
        ):
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            look(kubeconfig(cluster={"server": "https://10.1.2.3:6443"}))
            [target] = proxy.asked
            assert target.startswith("CONNECT 10.1.2.3:6443 HTTP/1.")
        monkeypatch.setenv("NO_PROXY", "example.com, 10.0.0.0/8")
        assert proxy_for("https://10.1.2.3:6443") is None

    @pytest.mark.parametrize(
        ("no_proxy", "direct"),
        [
            ("", False),
            ("*", True),
            ("10.0.0.0/8", False),
            ("example.com", True),
            ("EXAMPLE.com", True),
            (".example.com", True),
            ("*.example.com", True),
            (".api.example.com", False),
            ("ample.com", False),
            ("api.example.com:6443", True),
            ("api.example.com:443", False),
            ("nonsense/9, ,x", False),
        ],
    )
    def test_no_proxy(self, monkeypatch: pytest.MonkeyPatch, no_proxy: str, direct: bool) -> None:
        """NO_PROXY is read as Go programs read it."""
        monkeypatch.setenv("https_proxy", "proxy:3128")
        monkeypatch.setenv("no_proxy", no_proxy)
        assert proxy_for("https://api.example.com:6443") == (None if direct else "http://proxy:3128")
        assert proxy_for("https://localhost:6443") is None
        assert proxy_for("https://[::1]:6443") is None
        assert proxy_for("http://api.example.com:6443") is None

    @pytest.mark.parametrize(
        ("no_proxy", "direct"),
        [("fd00::/8", True), ("fd00::1", True), ("[fd00::1]:6443", True), ("[fd00::1]:1", False)],
    )
    def test_no_proxy_with_ipv6(self, monkeypatch: pytest.MonkeyPatch, no_proxy: str, direct: bool) -> None:
        """Networks and addresses may be IPv6."""
        monkeypatch.setenv("HTTPS_PROXY", "https://proxy")
        monkeypatch.setenv("NO_PROXY", no_proxy)
        assert proxy_for("https://[fd00::1]:6443") == (None if direct else "https://proxy")


class TestFiles:
    def test_several_files_with_relative_paths(
        self,
        api: ApiServer,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        authority: Authority,
        client_pair: Pair,
    ) -> None:
        """Files of KUBECONFIG are merged: the first entry of a name counts, and paths start at the file they are in."""
        for folder in ("a", "b"):
            (tmp_path / folder).mkdir()
        (tmp_path / "a" / "ca.crt").write_bytes(authority.pair.certificate.read_bytes())
        (tmp_path / "b" / "jane.crt").write_bytes(client_pair.certificate.read_bytes())
        (tmp_path / "b" / "jane.key").write_bytes(client_pair.key.read_bytes())
        cluster = {"server": api.url, "certificate-authority": "ca.crt"}
        first = {"clusters": [{"name": "one", "cluster": cluster}], "users": None, "current-context": "it"}
        user = {"client-certificate": "jane.crt", "client-key": "./jane.key"}
        second = {
            "clusters": [{"name": "one", "cluster": {"server": "https://127.0.0.1:1"}}],
            "users": [{"name": "jane", "user": user}],
            "contexts": [{"name": "it", "context": {"cluster": "one", "user": "jane", "namespace": "ns"}}],
            "current-context": "other",
        }
        (tmp_path / "empty").write_text("")
        (tmp_path / "a" / "config").write_text(yaml.safe_dump(first))
        (tmp_path / "b" / "config").write_text(yaml.safe_dump(second))
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("KUBECONFIG", os.pathsep.join(["empty", "", "a/config", "none", "b/config"]))
        look()
        assert [request.client for request in api.requests] == ["jane"]
        assert kubeconfig_module.load(Connection()).namespace == "ns"

    def test_plugins_have_relative_paths_too(
        self, api: ApiServer, kubeconfig: Kubeconfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """A plugin beside its kubeconfig is found; the name of one alone is looked up in PATH."""
        answer = json.dumps({"kind": "ExecCredential", "apiVersion": V1, "status": {"token": "beside"}})
        plugin = tmp_path / "bin" / "plugin"
        plugin.parent.mkdir()
        plugin.write_text(f"#!/bin/sh\necho '{answer}'\n")
        plugin.chmod(0o755)
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
        for command in ("bin/plugin", "plugin"):
            user = {"exec": {"command": command, "apiVersion": V1, "interactiveMode": "Never"}}
            (tmp_path / "config").write_text(kubeconfig(user))
            monkeypatch.setenv(
                "PATH", f"{plugin.parent}:{os.environ['PATH']}" if command == "plugin" else "/usr/bin:/bin"
            )
            look()
        assert authorizations(api) == [["Bearer beside"]] * 2

    def test_token_files_have_relative_paths_too(
        self, api: ApiServer, kubeconfig: Kubeconfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """A token file is found beside its kubeconfig; with the provider's own kubeconfig, where the program runs."""
        for folder, token in (("config", "beside"), ("program", "here")):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / "token").write_text(token)
        config = kubeconfig({"tokenFile": "token"})
        (tmp_path / "config" / "config").write_text(config)
        monkeypatch.chdir(tmp_path / "program")
        monkeypatch.setenv("KUBECONFIG", "../config/config")
        look()
        look("../config/config")
        look(config)
        assert authorizations(api) == [["Bearer beside"], ["Bearer here"], ["Bearer here"]]

    def test_the_usual_place(self, api: ApiServer, kubeconfig: Kubeconfig, tmp_path: Path) -> None:
        """Without KUBECONFIG the one in the home directory is used."""
        folder = tmp_path / "home" / ".kube"
        folder.mkdir(parents=True)
        (folder / "config").write_text(kubeconfig())
        look()
        assert len(api.requests) == 1

    @pytest.mark.parametrize("written", ["~/there", "{home}/there", "there"])
    def test_a_path_from_the_provider(
        self, api: ApiServer, kubeconfig: Kubeconfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, written: str
    ) -> None:
        """The provider's kubeconfig may be a path."""
        home = tmp_path / "home"
        home.mkdir()
        (home / "there").write_text(kubeconfig())
        monkeypatch.chdir(home)
        look(written.format(home=home))
        assert len(api.requests) == 1

    def test_context_cluster_and_namespace_of_the_provider(self, api: ApiServer, kubeconfig: Kubeconfig) -> None:
        """The provider's context, cluster and namespace come before the kubeconfig's."""
        nowhere = {"server": "https://127.0.0.1:1"}
        ca = json.loads(kubeconfig())["clusters"][0]["cluster"]
        config = kubeconfig(
            clusters=[{"name": "one", "cluster": nowhere}, {"name": "two", "cluster": ca}],
            users=[{"name": "jane", "user": {"token": "j"}}, {"name": "joe", "user": {"token": "k"}}],
            contexts=[
                {"name": "it", "context": {"cluster": "one", "user": "jane", "namespace": "a"}},
                {"name": "other", "context": {"cluster": "one", "user": "joe", "namespace": "b"}},
            ],
        )
        look(Connection(config, context="other", cluster="two"))
        assert authorizations(api) == [["Bearer k"]]
        for connection, namespace in [
            (Connection(config), "a"),
            (Connection(config, context="other"), "b"),
            (Connection(config, context="other", namespace="c"), "c"),
        ]:
            assert kubeconfig_module.load(connection).namespace == namespace


class TestPods:
    @pytest.fixture
    def pod(self, api: ApiServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, authority: Authority) -> Path:
        """The program runs in a Pod."""
        account = tmp_path / "serviceaccount"
        account.mkdir()
        (account / "token").write_text("pod")
        (account / "namespace").write_text("mine")
        (account / "ca.crt").write_bytes(authority.pair.certificate.read_bytes())
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(api.port))
        return account

    @pytest.mark.usefixtures("pod")
    def test_the_service_account(self, api: ApiServer) -> None:
        """In a Pod without a kubeconfig its service account is used, and its namespace."""
        look()
        assert authorizations(api) == [["Bearer pod"]]
        assert kubeconfig_module.load(Connection()).namespace == "mine"
        assert kubeconfig_module.load(Connection(namespace="other")).namespace == "other"

    @pytest.mark.usefixtures("pod")
    def test_a_kubeconfig_comes_first(self, api: ApiServer, kubeconfig: Kubeconfig) -> None:
        """A kubeconfig counts more than the Pod."""
        look(kubeconfig({"token": "own"}))
        assert authorizations(api) == [["Bearer own"]]

    @pytest.mark.usefixtures("pod")
    def test_a_named_kubeconfig_has_to_be_there(self, api: ApiServer, tmp_path: Path) -> None:
        """A path or a context that the provider names and that does not exist is an error, in a Pod too."""
        refused(str(tmp_path / "none"), "none does not exist")
        refused(Connection(context="x"), "the provider names context 'x', which")
        assert api.requests == []

    def test_nowhere(self) -> None:
        """Where there is neither a kubeconfig nor a Pod, that is what is said."""
        refused(None, "kubeconfig ~/.kube/config: there is no kubeconfig, or an empty one", NoClusterError)

    def test_nowhere_is_found_out_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each service finds it out, where manifests are rendered: without a thread, and without an HTTP client."""
        monkeypatch.setattr(shared_clients, "beside", lambda _: pytest.fail("asks beside the event loop"))
        refused(None, "kubeconfig ~/.kube/config: there is no kubeconfig, or an empty one", NoClusterError)

    def test_no_current_context(self, kubeconfig: Kubeconfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """A kubeconfig that chooses nothing names no cluster."""
        (tmp_path / "config").write_text(kubeconfig(None, None, None, **{"current-context": ""}))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
        refused(None, "sets no current-context", NoClusterError)


class TestMistakes:
    @pytest.mark.parametrize(
        ("fields", "problem"),
        [
            ({"users": None}, "context 'it' names 'jane' as its user, which the provider's kubeconfig does not have"),
            ({"users": []}, "context 'it' names 'jane' as its user, which the provider's kubeconfig does not have"),
            (
                {"clusters": None},
                "context 'it' names 'one' as its cluster, which the provider's kubeconfig does not have",
            ),
            ({"contexts": None}, "current-context is context 'it', which the provider's kubeconfig does not have"),
            ({"current-context": None}, "sets no current-context, and the provider has no context"),
            ({"clusters": {"one": "s3cret"}}, "clusters of the provider's kubeconfig is not a list"),
            ({"clusters": [{"name": "one", "cluster": "s3cret"}]}, "is not a map"),
            (
                {"clusters": [{"name": "one", "cluster": {}}]},
                "cluster 'one' of the provider's kubeconfig has no server",
            ),
        ],
    )
    def test_what_is_missing_is_named(self, kubeconfig: Kubeconfig, fields: dict[str, Any], problem: str) -> None:
        """A kubeconfig in which something is missing is refused with its name."""
        refused(kubeconfig(**fields), problem)

    @pytest.mark.parametrize(
        ("user", "cluster", "problem"),
        [
            (
                {},
                {"certificate-authority-data": None, "certificate-authority": "/no/ca.crt"},
                "cannot read /no/ca.crt: No su",
            ),
            ({}, {"certificate-authority": "/ca.crt"}, "has both certificate-authority and certificate-authority-data"),
            ({}, {"insecure-skip-tls-verify": True}, "both insecure-skip-tls-verify and a certificate-authority"),
            (
                {},
                {"insecure-skip-tls-verify": "s3cret"},
                "insecure-skip-tls-verify of cluster 'one' is neither true nor false",
            ),
            (
                {},
                {"certificate-authority-data": "s3cret!"},
                "certificate-authority-data of cluster 'one' is not valid Base64",
            ),
            ({}, {"certificate-authority-data": in_base64("s3cret")}, "has no certificate in it"),
            ({}, {"proxy-url": "ftp://s3cret"}, "proxy-url of cluster 'one' begins with none of"),
            ({"token": 7}, {}, "token of user 'jane' is not text"),
            ({"token": "s3cret", "username": "j"}, {}, "both a token and a password"),
            ({"tokenFile": "/no/token"}, {}, "tokenFile of user 'jane': cannot read /no/token: No such file"),
            ({"client-certificate-data": in_base64("s3cret")}, {}, "has a client-certificate and no client-key"),
            (
                {"client-certificate": "/no/crt", "client-key": "/no/key"},
                {},
                "client-certificate of user 'jane': cannot read",
            ),
            ({"as-groups": ["g"]}, {}, "has as-uid, as-groups or as-user-extra, but not as"),
            ({"as": "j", "as-groups": "s3cret"}, {}, "as-groups of user 'jane' is not a list of texts"),
            ({"exec": {"command": "s3cret"}, "auth-provider": {"name": "oidc"}}, {}, "both exec and auth-provider"),
        ],
    )
    def test_what_cannot_work_is_named(
        self, kubeconfig: Kubeconfig, user: dict[str, Any], cluster: dict[str, Any], problem: str
    ) -> None:
        """A field that can't work is named, without its value."""
        refused(kubeconfig(user, cluster), problem)

    def test_a_context_without_user(
        self, api: ApiServer, kubeconfig: Kubeconfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """Without a user nothing is sent with a kubeconfig of the provider's own; with another it would ask for one."""
        config = kubeconfig(context={"user": None})
        look(config)
        assert authorizations(api) == [[]]
        (tmp_path / "config").write_text(config)
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
        refused(None, "context 'it' of KUBECONFIG=")

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            ("users:\n- {token: s3cret\n  x: [", "the provider's kubeconfig is not valid YAML (line 3, column 4)"),
            ("token: *s3cret", "the provider's kubeconfig is not valid YAML (line 1, column 8)"),
            ("s3cret: \x00", "the provider's kubeconfig is not valid YAML"),
            ("a: 2001-99-99 # s3cret", "the provider's kubeconfig is not valid YAML"),
            ("s3cret", "the provider's kubeconfig is neither the contents of a kubeconfig nor a file that exists"),
            ("- s3cret", "the provider's kubeconfig is neither the contents of a kubeconfig nor a file that exists"),
            ("{}", "the provider's kubeconfig is empty"),
            ("s3cret" * 1000, "is neither"),
        ],
    )
    def test_malformed_contents_are_not_shown(self, content: str, problem: str) -> None:
        """Of a kubeconfig that is no YAML, only the place is told."""
        refused(content, problem)

    def test_malformed_file(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Of several files, the malformed one is named."""
        (tmp_path / "good").write_text("{}")
        (tmp_path / "bad").write_text("users:\n- s3cret: [")
        monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'good'}{os.pathsep}{tmp_path / 'bad'}")
        refused(None, f"kubeconfig {tmp_path / 'bad'} is not valid YAML (line")

    @pytest.mark.parametrize("path", ["/no/config", "~/no/config", "./config", "clusters/prod.yaml"])
    def test_a_path_that_does_not_exist(self, path: str) -> None:
        """A path that the provider names and that does not exist is named."""
        refused(path, f"the provider's kubeconfig {path} does not exist")

    def test_a_directory(self, tmp_path: Path) -> None:
        """A path that can't be read is named."""
        refused(str(tmp_path), f"cannot read {tmp_path}: Is a directory")

    def test_a_list_of_files_for_an_explicit_provider(self) -> None:
        """Pulumi's SDK gives a provider that a program makes KUBECONFIG as its kubeconfig, which may be no list."""
        refused("/a/config:/b/config", "is a list of files")

    def test_unknown_settings_of_the_provider(self, kubeconfig: Kubeconfig) -> None:
        """The provider's own context and cluster have to be there."""
        refused(
            Connection(kubeconfig(), context="x"), "the provider names context 'x', which the provider's kubeconfig"
        )
        refused(Connection(kubeconfig(), cluster="x"), "the provider names cluster 'x' as its cluster, which")

    def test_the_contents_are_not_in_its_representation(self) -> None:
        """A connection can be printed."""
        assert "s3cret" not in repr(Connection("s3cret", "it"))
        assert "context='it'" in repr(Connection("s3cret", "it"))

    def test_kinds_of_errors(self, api: ApiServer, kubeconfig: Kubeconfig) -> None:
        """What the credentials' source can't give, and what the API server refuses, can be told apart."""
        refused(kubeconfig({"tokenFile": "/no"}), "/no", CredentialsError)
        api.answer = lambda _: (401, {"message": "Unauthorized"})
        refused(kubeconfig(), "the credentials of user 'jane' were refused (401 Unauthorized)", ForbiddenError)
