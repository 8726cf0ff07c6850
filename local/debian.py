"""The Debian packages the cluster's node needs, installed where the user may, else asked for in one message."""

import os
import shutil
from pathlib import Path

from local import commands
from local.console import last_lines, step
from local.errors import LocalError

NODE = {
    "containerd": "runs the Pods' containers",
    "runc": "starts a container",
    "containernetworking-plugins": "connects Pods to the network",
    "nftables": "carries the rules that make Services work",
    "iptables": "lets Pods through a firewall",
    "conntrack": "forgets connections to Pods that are gone",
    "iproute2": "makes the cluster's network interface",
    "mount": "releases the Pods' volumes",
}

JAVA_ARCHIVES = {"maven": "fetches the Java archives of an example's image"}

# The programs by which a package shows, so that other ways of having them (another distribution, a build) count too.
_SHOWS = {
    "containerd": ("containerd", "ctr", "containerd-shim-runc-v2"),
    "runc": ("runc",),
    "containernetworking-plugins": ("/usr/lib/cni/ptp", "/usr/lib/cni/host-local", "/usr/lib/cni/loopback"),
    "nftables": ("nft",),
    "iptables": ("iptables",),
    "conntrack": ("conntrack",),
    "iproute2": ("ip",),
    "mount": ("mount", "umount"),
    "maven": ("mvn",),
}

PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"])
"""Where programs are looked up: `sbin` is not on everybody's PATH."""


def program(name: str) -> str:
    """The path of an installed program."""
    found = shutil.which(name, path=PATH)
    if found is None:
        raise LocalError(f"The program {name} is missing.")
    return found


def missing(packages: dict[str, str]) -> list[str]:
    """Which of these packages are not there."""

    def there(package: str) -> bool:
        return all(shutil.which(name, path=PATH) for name in _SHOWS.get(package, ("/not/there",)))

    return [each for each in packages if not there(each)]


def require(packages: dict[str, str]) -> None:
    """Install the packages that are missing, or say in one message which they are and how to install them."""
    wanted = missing(packages)
    if not wanted:
        return
    command = f"apt-get update && apt-get install --yes --no-install-recommends {' '.join(wanted)}"
    reasons = "\n".join(f"    {each:28} {packages[each]}" for each in wanted)
    if not _is_debian():
        raise LocalError(
            f"These are missing, named as Debian names them:\n{reasons}\n"
            "Install them with this system's package manager."
        )
    if os.geteuid() != 0:
        raise LocalError(
            f"These Debian packages are missing:\n{reasons}\nInstall them with:\n    sudo sh -c '{command}'"
        )
    with step(f"Debian packages: {' '.join(wanted)}"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (["update"], ["install", "--yes", "--no-install-recommends", *wanted]):
            result = commands.run(["apt-get", "-qq", *arguments], environment=environment)
            if result.returncode and arguments != ["update"]:
                raise LocalError(
                    f"apt-get could not install {' '.join(wanted)}:\n{last_lines(result.stdout + result.stderr, 8)}\n"
                    f"Make this work, then run make again:\n    {command}"
                )


def _is_debian() -> bool:
    return bool(shutil.which("apt-get", path=PATH)) and Path("/etc/debian_version").exists()
