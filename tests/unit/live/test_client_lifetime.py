"""The client lives from the first look to the end of the program, and nobody hears of its end."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api_server import OBJECT, ApiServer
from kubeconfigs import Kubeconfig
from processes import is_running, until
from pulumi_stateful_service.live.client import shared_clients
from pulumi_stateful_service.live.client.cluster import connected
from pulumi_stateful_service.live.client.connection import Connection

HEAD = """
import asyncio, logging, sys
from pulumi_stateful_service.live.client.cluster import connected
from pulumi_stateful_service.live.client.connection import Connection

async def look(path="p"):
    async with connected(Connection(KUBECONFIG)) as cluster:
        await cluster.get("Service", "ns", path)
        return cluster

async def ask():
    cluster = await look()
    asyncio.get_running_loop().kept = asking = asyncio.create_task(
        cluster.get_from_pod("ns", "drips", 80, "/", "http", 10**6)
    )
    await asyncio.sleep(0.3)
    assert not asking.done(), asking
"""
LIKE_PULUMI = """
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
logging.getLogger("asyncio").setLevel(logging.CRITICAL)
"""
ENDS = {
    "asyncio.run": "asyncio.run(look())",
    "asyncio.run, with a Pod that drips": "asyncio.run(ask())",
    "two event loops": "asyncio.run(look())\nasyncio.run(look())",
    "a loop that is not closed": "loop = asyncio.new_event_loop()\nloop.run_until_complete(look())",
    "a loop that is closed": "loop = asyncio.new_event_loop()\nloop.run_until_complete(look())\nloop.close()",
    "a program that fails": "async def fails():\n    await ask()\n    sys.exit(0)\nasyncio.run(fails())",
    "as Pulumi ends": f"{LIKE_PULUMI}loop.run_until_complete(ask())\nloop.close()\nsys.exit(0)",
    "as Pulumi ended": f"{LIKE_PULUMI}loop.run_until_complete(ask())\nsys.exit(0)",
}


def drip() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nAudit-Id: 1\r\nContent-Length: 100000\r\n\r\n"
    while True:
        time.sleep(0.05)
        yield b"x"


class TestEnd:
    @pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
    def test_a_program_ends_at_once_and_quietly(self, api: ApiServer, kubeconfig: Kubeconfig, end: str) -> None:
        """However it ends, and whatever is under way."""
        api.answer = lambda request: (200, drip()) if "drips" in request.path else (200, OBJECT)
        program = f"KUBECONFIG = {kubeconfig()!r}\n{HEAD}\n{end}"
        # What drips would go on for longer than the test waits.
        done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        assert len(api.requests) >= 1

    def test_a_plugin_is_ended_with_the_program(self, kubeconfig: Kubeconfig, tmp_path: Path) -> None:
        """One that would take a while, with what it has started."""
        pids = tmp_path / "pids"
        script = f"sleep 1000 & echo $$ $! > {pids}; wait"
        version = "client.authentication.k8s.io/v1"
        fields = {"command": "sh", "args": ["-c", script], "apiVersion": version, "interactiveMode": "Never"}

        async def program() -> None:
            looking = asyncio.create_task(look(Connection(kubeconfig({"exec": fields}))))
            await until(lambda: pids.exists() and pids.read_text())
            looking.cancel()

        asyncio.run(program())
        for process in pids.read_text().split():
            while is_running(int(process)):
                time.sleep(0.01)


async def look(connection: Connection, pod: str = "p") -> None:
    async with connected(connection) as cluster:
        await cluster.get("Service", "ns", pod)


class TestLife:
    def test_one_client_for_each_cluster_and_event_loop(self, api: ApiServer, kubeconfig: Kubeconfig) -> None:
        """It is closed in its event loop, when that ends."""
        clients: list[Any] = []

        async def program() -> None:
            for _ in range(2):
                await look(Connection(kubeconfig()))
                await look(Connection(kubeconfig(), namespace="other"))
                clients.extend(shared.api for shared in shared_clients._clients.values())

        asyncio.run(program())
        asyncio.run(program())
        assert len({id(client) for client in clients}) == 2
        assert all(client._http._session.closed for client in clients)
        assert api.connections == 2

    def test_threads_end(self, api: ApiServer, kubeconfig: Kubeconfig) -> None:
        """There are none but for what blocks, and those end with it."""

        def ours() -> list[str]:
            # Those of the server are this process's, too.
            return [thread.name for thread in threading.enumerate() if thread.name == "kubernetes-client"]

        async def program() -> None:
            await look(Connection(kubeconfig()))
            await until(lambda: not ours())
            looks = [asyncio.create_task(look(Connection(kubeconfig()), f"p-{number}")) for number in range(50)]
            await until(lambda: len(api.requests) > 10)
            assert ours() == []
            await asyncio.gather(*looks)

        asyncio.run(program())
        assert len(api.requests) == 51

    def test_several_event_loops_at_once(self, api: ApiServer, kubeconfig: Kubeconfig) -> None:
        """As Pulumi's Automation API has them, in threads."""
        config = Connection(kubeconfig())
        threads = [threading.Thread(target=lambda: asyncio.run(look(config))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(api.requests) == 8
