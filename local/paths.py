"""Where everything lives: the cache, the state and the sockets, all outside the clone and shared by all clones.

* the cache holds what can be built again: Go, the binaries, the images;
* the state holds what the user would miss: the cluster's database, its volumes, Pulumi's state, the logs;
* the run folder holds sockets, whose paths may not be longer than 107 characters, and is empty after a reboot.
"""

import os
import sys
from pathlib import Path

from local.errors import LocalError

NAME = "pulumi-stateful-service"

SOURCE = Path(__file__).resolve().parent
CLONE = SOURCE.parent
CONFIG = SOURCE / "config"


def _xdg(variable: str, default: str) -> Path:
    """A folder of the XDG base directory specification, which says to ignore values that are not absolute."""
    value = os.environ.get(variable, "")
    if Path(value).is_absolute():
        return Path(value)
    try:
        return Path.home() / default
    except RuntimeError as no_home:
        raise LocalError(f"There is no home folder for {default}: set HOME or {variable}.") from no_home


CACHE = _xdg("XDG_CACHE_HOME", ".cache") / NAME
STATE = _xdg("XDG_STATE_HOME", ".local/state") / NAME
RUN = Path(f"/run/{NAME}") if os.geteuid() == 0 else STATE / "run"

LOGS = STATE / "logs"
KUBECONFIG = STATE / "kubeconfig"
ETCD_DATA = STATE / "etcd"
VOLUMES = STATE / "volumes"
NODES = STATE / "nodes"
MACHINE = STATE / "node"
KWOK_HOME = STATE / "kwok"
KUBECTL_CACHE = STATE / "kubectl-cache"
PULUMI_HOME = STATE / "pulumi" / "home"
PULUMI_STATE = STATE / "pulumi" / "state"
PULUMI_REAL_STATE = STATE / "pulumi" / "state-of-real-clusters"

# The longest path below the state folder at which there is a socket.
_LONGEST_SOCKET = "nodes/b/kubelet/plugins_registry/disk.sock"
_SOCKET_PATH_LIMIT = 107


def check_supported() -> None:
    """Say at once when this cannot work here at all."""
    if sys.platform != "linux":
        raise LocalError(
            f"The embedded engine and cluster run on Linux, and this is {sys.platform}: run this in a Linux virtual "
            "machine, or deploy to a real cluster with CONTEXT=<name of a kubectl context>."
        )
    if len(str(STATE / _LONGEST_SOCKET)) > _SOCKET_PATH_LIMIT:
        raise LocalError(
            f"The path {STATE} is too long: sockets below it would have paths that Linux does not allow. "
            "Set XDG_STATE_HOME to a shorter one."
        )
