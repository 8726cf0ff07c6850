"""Which ports are taken, and by whom: asked before a part is started, since its own message would come late."""

import contextlib
import socket
from pathlib import Path

from local import processes
from local.errors import LocalError
from local.settings import PORT_VARIABLE


def check(wanted: dict[int, str], ours: set[int], address: str = "127.0.0.1") -> None:
    """Fail when a port is taken by a process that is not one of ours."""
    for port, part in wanted.items():
        holder = listener(address, port)
        if holder is not None and holder not in ours:
            raise LocalError(
                f"Port {port} on {address}, which {part} needs, is taken by {_describe(holder)}. "
                f"End that, or choose other ports with {PORT_VARIABLE}=<first of nine free ports>."
                if address == "127.0.0.1"
                else f"Port {port} on {address}, which {part} needs, is taken by {_describe(holder)}. End that."
            )


def accepts(address: str, port: int) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        client.settimeout(1)
        return client.connect_ex((address, port)) == 0


def listener(address: str, port: int) -> int | None:
    """The process that listens on a TCP port at this address or at all; 0 for one that cannot be seen."""
    inodes = {
        inode
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for inode, local_address, local_port in _listening(table)
        if local_port == port and local_address in (_encoded(address), "00000000", "0" * 32)
    }
    if not inodes:
        return None
    links = {f"socket:[{inode}]" for inode in inodes}
    return next((pid for pid in processes.all_pids() if links & _open_files(pid)), 0)


def _open_files(pid: int) -> set[str]:
    found = set()
    with contextlib.suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found.add(str(descriptor.readlink()))
    return found


def _listening(table: str) -> list[tuple[str, str, int]]:
    """The listening sockets of a table of the kernel's: inode, address as the kernel writes it, port."""
    found = []
    with contextlib.suppress(OSError):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                address, port = fields[1].split(":")
                found.append((fields[9], address, int(port, 16)))
    return found


def _encoded(address: str) -> str:
    return socket.inet_aton(address)[::-1].hex().upper()


def _describe(pid: int) -> str:
    if not pid:
        return "a process of another user"
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return f"process {pid}"
    return f"process {pid} ({command[:100]})"
