"""What can be chosen about the cluster, and how a wrong choice is answered."""

import socket
from pathlib import Path
from typing import Any

import pytest

from local import debian, network, ports, settings, templates
from local.errors import LocalError


class TestNetwork:
    def test_the_range_is_divided(self) -> None:
        """Pods, Services and load balancers each have a part of the range, and the node its first address."""
        chosen = settings.parse_network("10.8.4.0/22")
        assert [str(each) for each in chosen.pods] == ["10.8.4.0/24", "10.8.7.0/25", "10.8.7.128/25"]
        assert str(chosen.node) == "10.8.4.1"
        assert str(chosen.services) == "10.8.5.0/24"
        assert str(chosen.load_balancers) == "10.8.6.0/24"

    @pytest.mark.parametrize("text", ["10.244.0.0/24", "8.8.8.0/22", "10.244.0.1/22", "fd00::/22", "here"])
    def test_a_range_that_does_not_fit_is_refused(self, text: str) -> None:
        """The message names the variable, the value and what is allowed."""
        with pytest.raises(
            LocalError, match=r"STATEFUL_SERVICE_NETWORK is '.*': it must be a private IPv4 range of size"
        ):
            settings.parse_network(text)

    @pytest.mark.parametrize(
        ("addresses", "routes", "culprit"),
        [
            ([("eth0", "10.244.3.9", 24)], [], "eth0 has the address 10.244.3.9/24"),
            ([("eth0", "10.0.0.1", 8)], [], "eth0 has the address 10.0.0.1/8"),
            ([], [("10.244.1.0/24", "wg0")], "route to 10.244.1.0/24 over wg0"),
        ],
    )
    def test_a_range_in_use_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, addresses: list[Any], routes: list[Any], culprit: str
    ) -> None:
        """The message says who uses it and how to choose another."""
        _machine(monkeypatch, addresses, routes)
        with pytest.raises(LocalError, match=f"{culprit}.*STATEFUL_SERVICE_NETWORK=10.199.0.0/22"):
            network.check_unused()

    def test_the_cluster_s_own_addresses_do_not_count(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Neither its interface, nor the links and routes of its Pods, nor what is elsewhere."""
        _machine(
            monkeypatch,
            [("stateful0", "10.244.0.1", 24), ("veth1", "10.244.0.1", 32), ("eth0", "192.168.1.2", 24)],
            [("10.244.0.7", "veth1"), ("10.244.1.0/24", "stateful0"), ("default", "eth0"), ("192.168.1.0/24", "eth0")],
        )
        network.check_unused()


def _machine(monkeypatch: pytest.MonkeyPatch, addresses: list[Any], routes: list[Any]) -> None:
    links = [
        {"ifname": name, "addr_info": [{"family": "inet", "local": address, "prefixlen": length}]}
        for name, address, length in addresses
    ]
    answers = {"address": links, "route": [{"dst": target, "dev": device} for target, device in routes]}
    monkeypatch.setattr(network, "_ip", lambda what, *_: answers[what])


class TestPorts:
    @pytest.mark.parametrize("text", ["80", "70000", "-1", "6443x", ""])
    def test_a_port_that_cannot_be_is_refused(self, text: str) -> None:
        """The message names the variable, the value and what is allowed."""
        with pytest.raises(LocalError, match=r"STATEFUL_SERVICE_PORT is '.*': .* from 1024 to 65500"):
            settings.parse_port(text)

    def test_every_part_has_a_port_of_its_own(self) -> None:
        """No two parts share one."""
        chosen = settings.parse_port("16443")
        numbers = [*chosen.of_control_plane(), *chosen.of_node()]
        assert sorted(numbers) == list(range(16443, 16452))

    def test_a_taken_port_says_by_whom(self) -> None:
        """The message names the port, the part, the process and the way out."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            number = taken.getsockname()[1]
            with pytest.raises(LocalError, match=rf"Port {number} .*etcd needs.*process \d+ \(.*STATEFUL_SERVICE_PORT"):
                ports.check({number: "etcd"}, set())
            holder = ports.listener("127.0.0.1", number)
            assert holder is not None
            ports.check({number: "etcd"}, {holder})
        ports.check({number: "etcd"}, set())


class TestTemplates:
    def test_a_file_is_written_only_when_it_changes(self, tmp_path: Path) -> None:
        """Whether it changed decides whether a part is restarted."""
        path = tmp_path / "folder" / "file"
        assert templates.write(path, "one")
        assert not templates.write(path, "one")
        assert templates.write(path, "two")
        assert path.read_text() == "two"
        assert path.stat().st_mode & 0o777 == 0o600
        assert [each.name for each in path.parent.iterdir()] == ["file"]

    def test_a_value_that_is_missing_or_too_many_is_a_mistake(self) -> None:
        """A configuration file gets exactly the values it asks for."""
        with pytest.raises(KeyError):
            templates.rendered("Corefile", node="10.244.0.1")
        with pytest.raises(ValueError, match="config/Corefile has no other"):
            templates.rendered("Corefile", node="", health_port=1, kubeconfig="", other="")


class TestDebianPackages:
    def test_all_that_is_missing_comes_in_one_message(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Without root, with the reasons and the command that installs it."""
        monkeypatch.setattr(debian, "PATH", str(tmp_path))
        for name in ("apt-get", "runc"):
            (tmp_path / name).write_text("#!/bin/sh\n")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setattr("os.geteuid", lambda: 1000)
        monkeypatch.setattr(debian, "_is_debian", lambda: True)
        with pytest.raises(LocalError) as caught:
            debian.require({"containerd": "runs containers", "runc": "starts one", "nftables": "carries rules"})
        message = str(caught.value)
        assert "containerd" in message
        assert "runs containers" in message
        assert "sudo sh -c 'apt-get update && apt-get install" in message
        assert message.rstrip("'").endswith("containerd nftables")
