"""docs/postgresql.md from an empty folder: its files and its commands as they stand, but for names and sizes."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
from example_stacks import CLIENT, WithClient, restricted
from harness import ROOT, Project, eventually, local, only, printed, watching
from lightkube import Client as Kubernetes

PAGE = ROOT / "docs" / "postgresql.md"
FILE = re.compile(r"^```(?:py|sh|yaml)\n# (\S+\.(?:py|sh|yaml))\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PASSWORD = "Correct-Horse"  # noqa: S105 - of this test alone
OTHER_PASSWORD = "Battery-Staple"  # noqa: S105 - of this test alone
NAMESPACE = "databases"
"""The page's own."""


@dataclass
class Guide(WithClient):
    """The project of the page."""

    password: str = PASSWORD

    def __post_init__(self) -> None:
        Project.__post_init__(self)
        for name, content in FILE.findall(PAGE.read_text()):
            (self.folder / name).write_text(content)
        (self.folder / ".venv").symlink_to(ROOT / ".venv")
        (self.folder / "requirements.txt").write_text("")
        self.init()
        self.configure(
            namespace=self.namespace, size="1Gi", memory="256Mi", cpu="50m", storageClass="standard", password=PASSWORD
        )

    def follow_section(self, heading: str, *, first: int = 0) -> None:
        """Runs the commands of a section, in this test's namespace."""
        section = PAGE.read_text().split(f"## {heading}\n")[1].partition("\n## ")[0]
        block = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)[first]
        commands = block.replace(f"kubectl create namespace {NAMESPACE}\n", "").replace(NAMESPACE, self.namespace)
        printed("bash", "-euc", commands, env=self.env, folder=self.folder, timeout=300)

    def start_client(self, image: str = "postgres:17", **env: str) -> None:
        """A Pod with the label and the authority that clients need."""
        container = {
            "name": CLIENT,
            "image": image,
            "imagePullPolicy": "Never",
            "command": ["sleep", "3600"],
            "env": [{"name": key, "value": value} for key, value in env.items()],
            "volumeMounts": [{"name": "tls", "mountPath": "/tls"}],
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "runAsNonRoot": True,
                "runAsUser": 999,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        }
        authority = {"secretName": "db-tls", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": CLIENT, "labels": {"db-client": "true"}},
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "containers": [container],
                "volumes": [{"name": "tls", "secret": authority}],
            },
        }
        self.kubectl("apply", "--filename", "-", text=json.dumps(pod))
        self.kubectl("wait", "--for=condition=Ready", f"pod/{CLIENT}")

    def psql(self, host: str, sql: str, **settings: str) -> list[str]:
        """A server's answer to a client that verifies its certificate."""
        options = {"sslmode": "verify-full", "sslrootcert": "/tls/ca.crt", "connect_timeout": "2", **settings}
        uri = f"postgresql://postgres:{self.password}@{host}/postgres?{urlencode(options)}"
        program = ["/usr/lib/postgresql/17/bin/psql", uri, "--quiet", "--no-align", "--tuples-only"]
        return self.kubectl("exec", CLIENT, "--", *program, "--set=ON_ERROR_STOP=1", "--command", sql).splitlines()

    def answers(self, host: str) -> bool:
        """Whether a server can be reached."""
        try:
            return self.psql(host, "SELECT 1") == ["1"]
        except AssertionError:
            return False

    def standbys(self) -> list[str]:
        """The standbys that replay what the primary writes, over TLS."""
        return self.psql(
            "db-primary",
            "SELECT application_name FROM pg_stat_replication JOIN pg_stat_ssl USING (pid)"
            " WHERE state = 'streaming' AND ssl ORDER BY 1",
        )


@pytest.fixture
def guide(env: dict[str, str], client: Kubernetes, namespace: str, tmp_path: Path) -> Iterator[Guide]:
    """The page's project and certificate in a namespace that wants restricted Pods; nothing is deployed yet."""
    local("load-image", "postgres")
    made = Guide(tmp_path / "db", env, namespace=namespace, client=client)
    made.follow_section("Certificate and password")
    with restricted(made):
        yield made


@pytest.mark.long
def test_postgresql_from_an_empty_folder_to_a_restore(guide: Guide) -> None:
    """Three servers, TLS alone, clients with the label alone, a backup, and a table that comes back from it."""
    guide.follow_section("First deployment")
    guide.start_client()
    eventually("both replay", lambda: guide.standbys() == ["standby_1", "standby_2"])
    with pytest.raises(AssertionError, match=r"no pg_hba\.conf entry"):
        guide.psql("db-primary", "SELECT 1", sslmode="disable")
    guide.kubectl("label", "pod", CLIENT, "db-client-")
    eventually("without the label there is no way", lambda: not guide.answers("db-primary"))
    guide.kubectl("label", "pod", CLIENT, "db-client=true")
    eventually("with it there is", lambda: guide.answers("db-primary"))
    guide.psql("db-primary", "CREATE TABLE kept AS SELECT generate_series(1, 9) AS n")
    guide.follow_section("Backups")
    guide.psql("db-primary", "DROP TABLE kept")
    guide.follow_section("Restore")
    assert guide.psql("db-primary", "SELECT count(*) FROM kept") == ["9"]
    eventually("a reader sees it", lambda: guide.psql("db-read", "SELECT count(*) FROM kept") == ["9"])
    guide.unchanged()


@pytest.mark.long
def test_the_guide_to_postgresql_upgrades(guide: Guide) -> None:
    """Another image and password, one standby first; then the exporter, here another program, beside each server."""
    guide.up()
    guide.start_client()
    guide.psql("db-primary", f"ALTER ROLE postgres PASSWORD '{OTHER_PASSWORD}'")
    guide.configure(image="docker.io/library/postgres:17", password=OTHER_PASSWORD)
    with watching(guide) as events:
        guide.up()
    guide.password = OTHER_PASSWORD
    assert [pod for _, pod in only(events, "deleted")] == ["db-2", "db-1", "db-0"]
    guide.configure(exporter="random-generator:1.0")
    guide.up()
    sidecars = {container.name for pod in guide.pods().values() for container in pod.spec.initContainers or []}
    assert sidecars == {"exporter"}
    eventually("both replay", lambda: guide.standbys() == ["standby_1", "standby_2"])
