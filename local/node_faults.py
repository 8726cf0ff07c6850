"""What happens to machines, done to a real node: its plug is pulled, it hangs, or nobody reaches it any more.

``make cluster`` brings each of them back.
"""

import os
import signal
from collections.abc import Callable

from local import network, node, processes, real_nodes
from local.errors import LocalError
from local.real_nodes import RealNode


def switch_off(real: RealNode) -> None:
    """End every process of a node and of its Pods at once, as when its plug is pulled."""
    network.cut_off(real)
    doomed = node.processes_of(real)
    # None of them may see the others end.
    processes.signal_all(doomed, signal.SIGSTOP)
    processes.stop(node.processes_of(real), 0)


def freeze(real: RealNode) -> None:
    """Stop every process of a node and of its Pods where it is, as when a virtual machine hangs."""
    processes.signal_all(node.processes_of(real), signal.SIGSTOP)


def thaw(real: RealNode) -> None:
    """Let a frozen node go on."""
    processes.resume(node.processes_of(real))


ACTIONS: dict[str, Callable[[RealNode], None]] = {
    "off": switch_off,
    "freeze": freeze,
    "thaw": thaw,
    "cut-off": network.cut_off,
    "reconnect": network.reconnect,
}


def act(name: str, action: str) -> None:
    """Do one of the ``ACTIONS`` to the node of this name."""
    if os.geteuid() != 0:
        raise LocalError("Only root has real nodes.")
    ACTIONS[action](real_nodes.named(name))
