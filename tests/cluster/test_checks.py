"""What the checks of a rollout make of Pods and connections that do not behave."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from harness import SOON, Service, eventually
from test_rollout_steps import partition, partitions
from test_rollouts import NEW, images, settled

Make = Callable[..., Service]

ANSWER = r"""#!/bin/sh
read -r method path version
while read -r header && [ "${#header}" -gt 1 ]; do :; done
case "$MODE$path" in
  drips/check) printf 'HTTP/1.1 200 OK\r\n\r\n'; while printf x; do busybox sleep 1; done ;;
  redirects/check) printf 'HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: %s\r\n\r\n' "$ELSEWHERE" ;;
  *) printf 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok' ;;
esac
"""
"""A server in the shell, for each connection."""
SHELL: dict[str, Any] = {
    "image": "etcd:3.7.3",
    "replicas": 2,
    "command": ["sh", "-c", "exec busybox nc -ll -p 8080 -e sh /answer"],
    "config_files": {"/answer": ANSWER},
    "readiness_probe": {"http_get": {"path": "/", "port": "http"}, "period_seconds": 1},
    "volumes": None,
    "env": {"MODE": "answers"},
    "pod_management_policy": "Parallel",
    "termination_grace_period_seconds": 1,
    "rollout_timeout_seconds": 120,
}


def test_p10_a_pods_redirect_is_an_answer_and_one_that_drips_fails(service: Make) -> None:
    """Nobody is asked where the Pod points to; and up ends, although the Pod still answers."""
    check = {"http_get": {"path": "/check", "port": "http"}, "timeout_seconds": 2}
    rg = service(**SHELL, rollout={"steps": [1], "checks": [check]})
    rg.up()
    with listening() as (url, asked):
        rg.deploy(env={"MODE": "redirects", "ELSEWHERE": f"{url}/check"})
    assert asked == []
    assert partition(rg) == 0
    rg.set(env={"MODE": "drips"})
    said = rg.must_fail("up", "--yes", "--skip-preview")
    assert "check http_get /check of rg-1 failed: no answer within 2 s" in said
    assert partition(rg) == 1


@contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine, and the paths that it is asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Logs nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()


def test_p10_a_connection_that_breaks_in_a_check_rolls_nothing_back(service: Make, tmp_path: Path) -> None:
    """The API server's connections are cut while the command runs: it is run again, and the version passes."""
    command = ["sh", "-c", "echo checked > /proc/1/fd/1; busybox sleep 3"]
    check = {"name": "slow", "exec": {"command": command}, "timeout_seconds": 10}
    rg = service(**SHELL, rollout={"steps": [1], "checks": [check], "on_failure": "RollBack"})
    rg.up()
    before = rg.uids()
    own = rg.env
    with between(rg, tmp_path) as (kubeconfig, cut):
        rg.set(env={"MODE": "new"})
        rg.env = {**own, "KUBECONFIG": str(kubeconfig)}
        running = rg.start_up()
        rg.env = own
        eventually("the check runs", lambda: rg.uids().get("rg-1") not in (None, before["rg-1"]) and checks(rg, "rg-1"))
        cut()
        assert running.wait() == 0
    assert checks(rg, "rg-1") >= 2
    assert rg.uids().keys() == before.keys()
    assert all(uid != before[pod] for pod, uid in rg.uids().items())
    assert partition(rg) == 0
    settled(rg)


def checks(rg: Service, pod: str) -> int:
    """How often the check has begun in a Pod that runs."""
    return rg.kubectl("logs", pod).count("checked") if rg.is_ready(pod) else 0


@contextmanager
def between(rg: Service, tmp_path: Path) -> Iterator[tuple[Path, Callable[[], None]]]:
    """A kubeconfig that leads through this process to the API server, and what cuts all its connections."""
    kubeconfig = yaml.safe_load(Path(rg.env["KUBECONFIG"]).read_text())
    [cluster] = [each["cluster"] for each in kubeconfig["clusters"]]
    server = urlsplit(cluster["server"])
    upstream = (server.hostname or "", server.port or 443)
    listener = socket.create_server(("127.0.0.1", 0))
    cluster["server"] = f"https://127.0.0.1:{listener.getsockname()[1]}"
    file = tmp_path / "through"
    file.write_text(yaml.safe_dump(kubeconfig))
    open_ones: list[socket.socket] = []

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                pair = listener.accept()[0], socket.create_connection(upstream)
                open_ones.extend(pair)
                for source, sink in (pair, pair[::-1]):
                    threading.Thread(target=pump, args=(source, sink), daemon=True).start()

    def cut() -> None:
        for each in open_ones:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    threading.Thread(target=accept, daemon=True).start()
    yield file, cut
    listener.close()
    cut()


BROKEN = {"image": "nothing-of-this-name:1.0", "image_pull_policy": "Never", "rollout_timeout_seconds": SOON}


def test_p10_a_first_version_that_cannot_start_does_not_hold_the_next_one_back(service: Make) -> None:
    """There is nothing to hold back; the version after it takes its steps."""
    rg = service(replicas=2, rollout={"steps": [1]}, **BROKEN)
    assert "rg-0: container app: ErrImageNeverPull" in rg.must_fail("up", "--yes", "--skip-preview")
    rg.deploy(image="random-generator:1.0", image_pull_policy=None, rollout_timeout_seconds=None)
    assert set(images(rg).values()) == {"1.0"}
    settled(rg)
    with partitions(rg) as seen:
        rg.deploy(image=NEW)
    assert seen == [2, 1, 0]
    settled(rg)


@pytest.mark.long
def test_p10_a_first_version_that_cannot_start_is_replaced_with_leader_last(service: Make) -> None:
    """It is no leader to wait for."""
    rg = service(replicas=2, leader_last={"labels": {"role": "leader"}}, **BROKEN)
    assert "rg-0: container app: ErrImageNeverPull" in rg.must_fail("up", "--yes", "--skip-preview")
    rg.deploy(image="random-generator:1.0", image_pull_policy=None, rollout_timeout_seconds=None)
    assert set(images(rg).values()) == {"1.0"}
    settled(rg)


@pytest.mark.long
def test_p10_a_broken_instance_of_a_stopped_step_is_replaced_by_the_next_version(service: Make) -> None:
    """The rollout stopped with it, and goes on with it."""
    rg = service(replicas=2, rollout={"steps": [1]})
    rg.up()
    rg.set(**BROKEN)
    assert "rg-1: container app: ErrImageNeverPull" in rg.must_fail("up", "--yes", "--skip-preview")
    rg.deploy(image=NEW, image_pull_policy=None, rollout_timeout_seconds=None)
    assert set(images(rg).values()) == {"2.0"}
    settled(rg)
