"""What clients of etcd put and got, and when: a history for a linearizability checker."""

import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Self

import httpx2
from etcd_members import Etcd, decoded, encoded
from harness import eventually, local, printed
from lightkube import ApiError

from local import binaries

_KEYS = 8
_NOWHERE = "192.0.2.1"
_SECONDS_OF_A_KEY = 10.0
"""A key is used for so long only: the checker's work grows fast with the operations on one key."""


@dataclass
class Operation:
    """What one client did. Without ``returned``, it never learned whether it took effect."""

    client: int
    key: str
    put: str | None
    call: int
    returned: int | None = None
    got: str = ""


class History:
    """Clients that put and get continuously, each through a random member."""

    def __init__(self, etcd: Etcd, clients: int = 3) -> None:
        self._etcd = etcd
        self._operations: list[Operation] = []
        self._ended = threading.Event()
        self._started = time.monotonic()
        self._threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(clients)]
        self._addresses: dict[str, str] = {}

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def puts(self) -> int:
        """The number of acknowledged values."""
        return sum(each.put is not None and each.returned is not None for each in self._operations)

    def until_a_put(self) -> None:
        """Waits until one more value is acknowledged."""
        before = self.puts()
        eventually("a value is acknowledged", lambda: self.puts() > before)

    def check(self) -> str:
        """Fails unless one order of all operations explains what each client saw; the checker's verdict."""
        assert self._ended.is_set()
        with httpx2.Client(timeout=5) as http:
            # A Pod's status says for a while that it is ready after its node was away.
            eventually("every member answers", lambda: self._all_answer(http))
            # Each key is read once more by each member, so that a value that was lost after its last read is missed.
            for key in sorted({each.key for each in self._operations}):
                for address in self._addresses.values():
                    assert self._get(http, 0, key, address), f"{address} does not answer"
        local("binaries", "history-checker")
        lines = [json.dumps(each) for each in self._lines()]
        return printed(str(binaries.path("history-checker")), text="\n".join(lines), timeout=400).strip()

    def _all_answer(self, http: httpx2.Client) -> bool:
        self._find_members()
        return all(self._get(http, 0, "any", address) for address in self._addresses.values())

    def _lines(self) -> Iterator[dict[str, object]]:
        for each in self._operations:
            line = asdict(each)
            line["return"] = line.pop("returned")
            yield line

    def _run(self, number: int) -> None:
        chance = random.Random(number)  # noqa: S311 - not a secret
        with httpx2.Client(timeout=httpx2.Timeout(2, connect=0.3)) as http:
            while not self._ended.wait(0.02):
                era = int((time.monotonic() - self._started) / _SECONDS_OF_A_KEY)
                key = f"{era}-{chance.randrange(_KEYS)}"
                address = chance.choice(list(self._addresses.values()) or [_NOWHERE])
                well = (
                    self._put(http, number, key, address)
                    if chance.random() < 0.5
                    else self._get(http, number, key, address)
                )
                if not well:
                    self._find_members()
                    self._ended.wait(0.3)

    def _find_members(self) -> None:
        with suppress(ApiError, httpx2.HTTPError):
            self._addresses = self._etcd.addresses()

    def _put(self, http: httpx2.Client, number: int, key: str, address: str) -> bool:
        operation = Operation(number, key, f"{number}-{time.monotonic_ns()}", time.monotonic_ns())
        body = {"key": encoded(key), "value": encoded(str(operation.put))}
        try:
            answer = http.post(f"http://{address}:2379/v3/kv/put", json=body)
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            return False
        except httpx2.HTTPError:
            answer = None
        if answer is not None and answer.is_success:
            operation.returned = time.monotonic_ns()
        self._operations.append(operation)
        return operation.returned is not None

    def _get(self, http: httpx2.Client, number: int, key: str, address: str) -> bool:
        operation = Operation(number, key, None, time.monotonic_ns())
        try:
            answer = http.post(f"http://{address}:2379/v3/kv/range", json={"key": encoded(key)})
        except httpx2.HTTPError:
            return False
        if not answer.is_success:
            return False
        found = answer.json().get("kvs", [])
        operation.got = decoded(found[0]["value"]) if found else ""
        operation.returned = time.monotonic_ns()
        self._operations.append(operation)
        return True
