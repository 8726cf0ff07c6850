"""Runs Pulumi's programs in forks of one Python that has imported what they import.

The import of Pulumi's Kubernetes SDK is half of the processor time of a short `pulumi up`, and a campaign runs many.
Pulumi's language host starts a ``python3`` that hands its arguments, folder, environment and streams on, and ends with
the exit code of the fork; a fork whose ``python3`` was killed ends too.
"""

import array
import json
import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_CLIENT = """\
import array, json, os, signal, socket, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
asked = json.dumps([sys.argv[2:], os.getcwd(), dict(os.environ)]).encode()
connection.sendmsg([b"%08d" % len(asked)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
connection.sendall(asked)
answer = connection.recv(16)
os._exit(int(answer) if answer else 1)
"""


@contextmanager
def forked_programs(env: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The settings with which Pulumi's programs run in forks."""
    folder = Path(tempfile.mkdtemp(prefix="forks-"))
    python = shutil.which("python3", path=env["PATH"])
    client, script, address = folder / "client.py", folder / "python3", folder / "socket"
    client.write_text(_CLIENT)
    script.write_text(
        f"""#!/bin/sh
case "$*" in
*pulumi-language-python-exec*) exec "{sys.executable}" -I -S "{client}" "{address}" "$@" ;;
*) exec "{python}" "$@" ;;
esac
"""
    )
    script.chmod(0o755)
    server = subprocess.Popen([sys.executable, __file__, str(address)], stdout=subprocess.PIPE)
    try:
        assert server.stdout
        assert server.stdout.readline() == b"ready\n"
        yield {**env, "PATH": f"{folder}:{env['PATH']}"}
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(folder)


def _serve(address: str) -> None:
    import pulumi_kubernetes.apps.v1  # noqa: PLC0415 - for the forks
    import pulumi_kubernetes.core.v1  # noqa: PLC0415
    import pulumi_kubernetes.meta.v1  # noqa: F401, PLC0415
    import pulumi_stateful_service.live.client.api  # noqa: PLC0415
    import pulumi_stateful_service.live.client.transport  # noqa: F401, PLC0415

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen(64)
    print("ready", flush=True)  # noqa: T201 - to the one who started it
    while True:
        connection, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            _become(connection)
        connection.close()


def _become(connection: socket.socket) -> None:
    """Runs the program that is asked for, in its folder and with its streams; does not return."""
    size, sent, _, _ = connection.recvmsg(8, socket.CMSG_SPACE(12))
    streams = array.array("i", sent[0][2])
    asked: Any = json.loads(_received(connection, int(size)))
    arguments, folder, environment = asked
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    script = next(index for index, each in enumerate(arguments) if each.endswith("pulumi-language-python-exec"))
    sys.argv = arguments[script:]
    sys.path[0] = str(Path(sys.argv[0]).parent)
    threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
    code = 0
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as Python ends
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    connection.sendall(str(code).encode())
    os._exit(code)


def _received(connection: socket.socket, size: int) -> bytes:
    parts = b""
    while len(parts) < size:
        parts += connection.recv(size - len(parts))
    return parts


def _end_with(connection: socket.socket) -> None:
    connection.recv(1)
    os._exit(1)


if __name__ == "__main__":
    _serve(sys.argv[1])
