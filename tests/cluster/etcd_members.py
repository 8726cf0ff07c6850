"""etcd as ``examples/etcd`` deploys it, asked over its HTTP gateway."""

import base64
from dataclasses import dataclass
from typing import Any

import httpx2
from example_stacks import Example
from harness import eventually


@dataclass
class Etcd(Example):
    """A cluster of etcd members."""

    example: str = "etcd"

    def ask(self, member: str, what: str, **body: object) -> dict[str, Any]:
        """A member's answer. Retries, since a member does not answer without a leader."""
        return eventually(f"{member} answers", lambda: self.ask_once(member, what, **body))

    def ask_once(self, member: str, what: str, **body: object) -> dict[str, Any]:
        """A member's answer, without a retry; empty where there is none."""
        return _asked(self.addresses()[member], what, body)

    def ask_any(self, what: str, **body: object) -> dict[str, Any]:
        """The first answer of a member."""

        def answer() -> dict[str, Any]:
            answers = (_asked(address, what, body) for address in self.addresses().values())
            return next(filter(None, answers), {})

        return eventually("a member answers", answer)

    def is_led_by(self, member: str) -> bool:
        """Whether a member leads; where another one does, asks it to hand over."""
        leader, _ = self.leader()
        if leader != member:
            [target] = [each["ID"] for each in self.members() if each["name"] == member]
            self.ask_once(leader, "maintenance/transfer-leadership", targetID=target)
        return leader == member

    def members(self) -> list[dict[str, Any]]:
        """The members of the cluster."""
        return list(self.ask_any("cluster/member/list")["members"])

    def peers(self) -> dict[str, list[str]]:
        """The members that have a vote, and where their peers find them."""
        return {each["name"]: each["peerURLs"] for each in self.members() if not each.get("isLearner")}

    def leader(self) -> tuple[str, int]:
        """The member that leads, and its term."""
        names = {each["ID"]: str(each.get("name", "")) for each in self.members()}

        def led() -> list[dict[str, Any]]:
            return [status for status in [self.ask_any("maintenance/status")] if status.get("leader") in names]

        [status] = eventually("there is a leader", led)
        return names[status["leader"]], int(status["raftTerm"])

    def written(self, member: str) -> dict[str, int]:
        """The client's keys as a member has them, and the revision that made each."""
        answer = self.ask(member, "kv/range", key=encoded("key/"), range_end=encoded("key0"), keys_only=True)
        return {decoded(each["key"]): int(each["create_revision"]) for each in answer["kvs"]}


def _asked(address: str, what: str, body: object) -> dict[str, Any]:
    """The answer of the member that has an address; empty where there is none."""
    try:
        timeout = httpx2.Timeout(30, connect=2)
        answered = httpx2.post(f"http://{address}:2379/v3/{what}", json=body, timeout=timeout)
    except httpx2.HTTPError:
        return {}
    return dict(answered.json()) if answered.is_success else {}


def encoded(text: str) -> str:
    """Encodes a key or value for etcd's gateway."""
    return base64.b64encode(text.encode()).decode()


def decoded(text: str) -> str:
    """Decodes a key or value from etcd's gateway."""
    return base64.b64decode(text).decode()
