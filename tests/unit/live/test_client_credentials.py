"""Credentials are had once for all services of a program, and renewed once."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from api_server import OBJECT, ApiServer, Request
from kubeconfigs import Kubeconfig
from processes import until
from pulumi_stateful_service.live.client.cluster import Cluster, connected
from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.client.errors import ClusterError

V1 = "client.authentication.k8s.io/v1"
SERVICES = 20


class Plugin:
    """A credential plugin that gives another token at each run, after a tenth of a second.

    The first one expires after so many seconds, if any are given.
    """

    def __init__(self, folder: Path, seconds: int = 10**6) -> None:
        self._runs = folder / "runs"
        self._runs.touch()
        script = folder / "plugin.py"
        script.write_text(f"""
import datetime, json, time
with open({str(self._runs)!r}, "a+") as runs:
    print(file=runs, flush=True)
    runs.seek(0)
    number = len(runs.readlines())
expires = datetime.datetime.fromtimestamp(time.time() + ({seconds} if number == 1 else 10**6), datetime.timezone.utc)
status = {{"token": f"token-{{number}}", "expirationTimestamp": expires.isoformat()}}
time.sleep(0.1)
print(json.dumps({{"kind": "ExecCredential", "apiVersion": "{V1}", "status": status}}))
""")
        fields = {"command": sys.executable, "args": [str(script)], "apiVersion": V1, "interactiveMode": "Never"}
        self.user = {"exec": fields}

    @property
    def runs(self) -> int:
        return len(self._runs.read_text().splitlines())


async def services(connection: Connection, between: Callable[[], Awaitable[None]] | None = None) -> None:
    """Three phases of twenty services: each looks, and nobody uses the client between the phases."""

    async def look(number: int) -> None:
        async with connected(connection) as cluster:
            await cluster.get("Service", "ns", f"p-{number}")

    for _ in range(3):
        await asyncio.gather(*(look(number) for number in range(SERVICES)))
        if between is not None:
            await between()


class TestOnce:
    def test_a_plugin_runs_once(self, api: ApiServer, kubeconfig: Kubeconfig, tmp_path: Path) -> None:
        """For all services and phases."""
        plugin = Plugin(tmp_path)
        asyncio.run(services(Connection(kubeconfig(plugin.user))))
        assert plugin.runs == 1
        assert len(api.requests) == 3 * SERVICES

    def test_it_runs_once_more_when_its_token_has_expired(
        self, api: ApiServer, kubeconfig: Kubeconfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """In the middle of a program: the first who finds it expired has it run, the others wait."""
        plugin = Plugin(tmp_path, seconds=3600)
        now, later = time.time, [0]
        monkeypatch.setattr(time, "time", lambda: now() + later[0])

        async def expire() -> None:
            later[0] = 3700

        asyncio.run(services(Connection(kubeconfig(plugin.user)), expire))
        used = [request.header("Authorization") for request in api.requests]
        assert used == [["Bearer token-1"]] * SERVICES + [["Bearer token-2"]] * 2 * SERVICES
        assert plugin.runs == 2

    def test_it_runs_once_more_when_its_token_is_refused(
        self, api: ApiServer, kubeconfig: Kubeconfig, tmp_path: Path
    ) -> None:
        """By all at the same time."""
        plugin = Plugin(tmp_path)
        valid = ["Bearer token-1"]

        def answer(request: Request) -> tuple[int, Any]:
            return (200, OBJECT) if request.header("Authorization") == valid else (401, {})

        async def revoke() -> None:
            valid[0] = "Bearer token-2"

        api.answer = answer
        asyncio.run(services(Connection(kubeconfig(plugin.user)), revoke))
        assert plugin.runs == 2

    def test_one_who_stops_waiting_stops_nobody_else(self, kubeconfig: Kubeconfig, tmp_path: Path) -> None:
        """The plugin goes on for the others."""
        plugin = Plugin(tmp_path)

        async def program() -> None:
            async with connected(Connection(kubeconfig(plugin.user))) as cluster:
                first = asyncio.create_task(cluster.get("Service", "ns", "p"))
                others = [asyncio.create_task(cluster.get("Service", "ns", f"p-{number}")) for number in range(5)]
                await until(lambda: plugin.runs)
                first.cancel()
                assert await asyncio.gather(*others) == [OBJECT] * 5

        asyncio.run(program())
        assert plugin.runs == 1

    def test_what_fails_is_tried_again_by_the_next(self, kubeconfig: Kubeconfig, tmp_path: Path) -> None:
        """A plugin that fails fails all who wait, and runs again for those who come later."""
        answer = json.dumps({"kind": "ExecCredential", "apiVersion": V1, "status": {"token": "t"}})
        script = f"echo >> {tmp_path / 'ran'}; test -e {tmp_path / 'works'} && echo '{answer}'"
        fields = {"command": "sh", "args": ["-c", script], "apiVersion": V1, "interactiveMode": "Never"}

        async def program() -> None:
            async with connected(Connection(kubeconfig({"exec": fields}))) as cluster:
                looks = (cluster.get("Service", "ns", f"p-{number}") for number in range(5))
                found = await asyncio.gather(*looks, return_exceptions=True)
                assert all(isinstance(each, ClusterError) for each in found)
                (tmp_path / "works").touch()
                assert await cluster.get("Service", "ns", "p") == OBJECT

        asyncio.run(program())
        assert len((tmp_path / "ran").read_text().splitlines()) == 2


class TestPlugins:
    def test_output_is_bounded(self, kubeconfig: Kubeconfig) -> None:
        """One that prints without end is ended."""
        fields = {"command": "yes", "apiVersion": V1, "interactiveMode": "Never"}
        with pytest.raises(ClusterError, match="yes printed more than 1 MiB, and was stopped"):
            asyncio.run(look(Connection(kubeconfig({"exec": fields}))))

    def test_of_what_it_says_the_end_is_kept(self, kubeconfig: Kubeconfig) -> None:
        """Why it failed stands last, however much it says before."""
        script = "yes | head -c 1000000 >&2; echo 'log in again' >&2; exit 1"
        fields = {"command": "sh", "args": ["-c", script], "apiVersion": V1, "interactiveMode": "Never"}
        with pytest.raises(ClusterError, match="sh failed with exit code 1: log in again"):
            asyncio.run(look(Connection(kubeconfig({"exec": fields}))))


async def look(connection: Connection) -> Any:
    async with connected(connection) as cluster:
        found: Any = await _get(cluster)
        return found


def _get(cluster: Cluster) -> Awaitable[Any]:
    return cluster.get("Service", "ns", "p")
