"""The cluster's own network interface, with the addresses and routes that keep its traffic on this machine.

Each real node reaches the API server at its own address, as if that were elsewhere; so it can be cut off from it.

It is a bridge without ports, used as an interface that every kernel has and that is there before the first Pod. Pods
are not attached to it: each has a link and a route of its own, so that what Pods send each other passes the machine's
routing, where kube-proxy's rules can see it. (On a shared bridge answers would go back around those rules, unless a
setting is changed that concerns all of the machine's bridges.)
"""

import ipaddress
import json
from pathlib import Path
from typing import Any

from local import commands, real_nodes, settings
from local.debian import program
from local.errors import LocalError
from local.real_nodes import RealNode

INTERFACE = "stateful0"
POLICIES = "pulumi-stateful-service"
"""The nftables table with the rules that enforce NetworkPolicies."""
_COMMENT = "pulumi-stateful-service"
_LINKS = "pulumi-stateful-service-links"
_CUT = "pulumi-stateful-service-cut-"
API_PORT = 6443
"""Where each real node reaches the API server, at its own address."""
KUBELET_PORT = 10250


def is_up() -> bool:
    """Whether the interface has its addresses and routes, and no node is cut off."""
    network = settings.load().network
    addresses = {
        info["local"] for link in _ip("address", "show", "dev", INTERFACE) for info in link.get("addr_info", [])
    }
    routes = {route["dst"] for route in _ip("route", "show", "dev", INTERFACE)}
    return (
        {str(node.address) for node in real_nodes.wanted()} <= addresses
        and {str(network.services), str(network.load_balancers)} <= routes
        and _has_table(_LINKS)
        and not any(_has_table(_CUT + node.zone) for node in real_nodes.wanted())
    )


def up() -> None:
    """Make the interface, its address and its routes, as far as they are missing."""
    network = settings.load().network
    check_unused()
    if not _ip("link", "show", "dev", INTERFACE):
        _change("link", "add", "name", INTERFACE, "type", "bridge")
    _change("link", "set", "dev", INTERFACE, "up")
    for node in real_nodes.wanted():
        _change("address", "replace", f"{node.address}/{node.pods.prefixlen}", "dev", INTERFACE)
    for each in (network.services, network.load_balancers):
        _change("route", "replace", str(each), "dev", INTERFACE, "src", str(network.node))
    _open_firewall(network)
    _load(
        f"""add table ip {_LINKS}
        delete table ip {_LINKS}
        table ip {_LINKS} {{
        chain output {{
            type nat hook output priority -100;
            {"".join(_link(node) for node in real_nodes.ALL)}
        }}
        }}"""
    )


def has_policies() -> bool:
    """Whether the rules that enforce NetworkPolicies are there."""
    return bool(commands.output(program("nft"), "list", "chain", "ip", POLICIES, "forward"))


def _link(node: RealNode) -> str:
    """The rule that leads from a node to the API server, which listens on loopback alone."""
    server = f"127.0.0.1:{settings.load().ports.api_server}"
    return f"ip daddr {node.address} tcp dport {API_PORT} dnat to {server}\n"


def cut_off(node: RealNode) -> None:
    """Drop whatever passes between a node, its Pods included, and all that is not on it."""
    server = settings.load().ports.api_server
    pods, other = f"{{ {node.pods[2]}-{node.pods[-2]} }}", f"!= {node.pods}"
    _load(
        f"""add table ip {_CUT}{node.zone}
        delete table ip {_CUT}{node.zone}
        table ip {_CUT}{node.zone} {{
        chain output {{
            type filter hook output priority raw;
            ip daddr {node.address} tcp dport {{ {API_PORT}, {KUBELET_PORT} }} drop
            ip saddr {node.address} tcp sport {KUBELET_PORT} drop
            ip saddr 127.0.0.1 tcp sport {server} ip daddr {node.address} drop
        }}
        chain forward {{
            type filter hook forward priority -10;
            ip saddr {pods} ip daddr {other} drop
            ip daddr {pods} ip saddr {other} drop
        }}
        chain input {{
            type filter hook input priority -10;
            ip saddr {pods} th dport 53 drop
        }}
        }}"""
    )


def reconnect(node: RealNode) -> None:
    """Undo ``cut_off``."""
    if _has_table(_CUT + node.zone):
        _run("nft", "delete", "table", "ip", _CUT + node.zone)


def _load(text: str) -> None:
    result = commands.run([program("nft"), "-f", "-"], text=text)
    if result.returncode:
        raise LocalError(f"nft failed: {result.stderr.strip()}")


def _has_table(name: str) -> bool:
    return bool(commands.output(program("nft"), "list", "table", "ip", name))


def down() -> None:
    """Remove the interface, and with it its address and routes, what opened the firewall, and what enforces policies.

    Whoever enforces the policies must have ended.
    """
    if _ip("link", "show", "dev", INTERFACE):
        _change("link", "delete", "dev", INTERFACE)
    for chain in ("FORWARD", "INPUT"):
        for rule in _firewall(chain):
            if _COMMENT in rule:
                _run("iptables", "-D", *_words(rule)[1:])
    for table in (POLICIES, _LINKS, *(_CUT + node.zone for node in real_nodes.ALL)):
        if _has_table(table):
            _run("nft", "delete", "table", "ip", table)


def pod_links(addresses: ipaddress.IPv4Network | None = None) -> list[str]:
    """The links to Pods with these addresses, or to all."""
    addresses = addresses or settings.load().network.range
    return [
        route["dev"]
        for route in _ip("route", "show", "root", str(addresses))
        if route.get("dev") != INTERFACE and route["dst"] != "default"
    ]


def remove_pod_links(addresses: ipaddress.IPv4Network) -> None:
    """Remove the links to Pods that have ended, which the kernel does itself at some time.

    A Pod that got an address again before that would lose its route together with the earlier link.
    """
    for link in pod_links(addresses):
        commands.run([program("ip"), "link", "delete", "dev", link])


def check_unused() -> None:
    """Fail when the machine uses addresses of the range for something else."""
    network = settings.load().network
    own = {str(node.address) for node in real_nodes.ALL}
    for link in _ip("address", "show"):
        for info in link.get("addr_info", []):
            mine = link["ifname"] == INTERFACE or info["local"] in own
            if info["family"] == "inet" and not mine:
                used = ipaddress.IPv4Network(f"{info['local']}/{info['prefixlen']}", strict=False)
                if used.overlaps(network.range):
                    raise LocalError(
                        _taken(
                            network,
                            f"the interface {link['ifname']} has the address {info['local']}/{info['prefixlen']}",
                        )
                    )
    for route in _ip("route", "show"):
        target = route["dst"]
        if target == "default" or route.get("dev") == INTERFACE:
            continue
        used = ipaddress.IPv4Network(target, strict=False)
        to_pod = used.num_addresses == 1 and any(used.subnet_of(pods) for pods in network.pods)
        if used.overlaps(network.range) and not to_pod:
            raise LocalError(
                _taken(network, f"there is a route to {target} over {route.get('dev', 'another interface')}")
            )


def _taken(network: settings.Network, why: str) -> str:
    variable = settings.NETWORK_VARIABLE
    other = "10.199.0.0/22" if str(network.range) != "10.199.0.0/22" else "10.77.0.0/22"
    return (
        f"The cluster's address range {network.range} is in use on this machine: {why}. "
        f"Choose another private range with {variable}, such as {variable}={other}."
    )


def _open_firewall(network: settings.Network) -> None:
    """Let the cluster's own traffic through a firewall that drops what it does not know (Docker's, for one)."""
    for chain, matches in (("FORWARD", ("-s", "-d")), ("INPUT", ("-s",))):
        rules = _firewall(chain)
        if f"-P {chain} DROP" in rules and not any(_COMMENT in rule for rule in rules):
            for match in matches:
                accept = [match, str(network.range), "-m", "comment", "--comment", _COMMENT, "-j", "ACCEPT"]
                _run("iptables", "-I", chain, *accept)


def _firewall(chain: str) -> list[str]:
    return commands.output(program("iptables"), "-S", chain).splitlines()


def _words(rule: str) -> list[str]:
    return [word.strip('"') for word in rule.split()]


def _ip(*arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(commands.output(program("ip"), "-json", "-4", *arguments) or "[]")
    return [each for each in found if each]


def _change(*arguments: str) -> None:
    _run("ip", *arguments)


def _run(name: str, *arguments: str) -> None:
    result = commands.run([program(name), *arguments])
    if result.returncode:
        raise LocalError(f"{Path(name).name} {' '.join(arguments)} failed: {result.stderr.strip()}")
