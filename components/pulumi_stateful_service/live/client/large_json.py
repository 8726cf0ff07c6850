"""Reads JSON without keeping an event loop from its other work: a list of a thousand Pods takes 100 ms at once."""

import asyncio
import json
import time
from typing import Any

_AT_ONCE = 128 * 1024
"""Bytes that are read in one go: less than 5 ms."""
_SECONDS = 0.005
"""After how long others get their turn."""
_SPACE = " \t\r\n"


async def read_json(content: bytes) -> Any:
    """The value that a text in JSON has, without what is null in it. Raises ValueError for what is no JSON.

    Older API servers write some fields that are absent as null.
    """
    hook = _without_nulls if b":null" in content else None
    if len(content) <= _AT_ONCE:
        return json.loads(content, object_pairs_hook=hook)
    return await _Reader(content.decode(), json.JSONDecoder(object_pairs_hook=hook)).read()


def _without_nulls(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {key: value for key, value in pairs if value is not None}


class _Reader:
    """Reads an object field by field, and what is a list among them item by item."""

    def __init__(self, text: str, decoder: json.JSONDecoder) -> None:
        self._text = text
        self._decoder = decoder
        self._at = 0
        self._until = time.monotonic() + _SECONDS

    async def read(self) -> Any:
        """The value of the whole text."""
        if self._next() != "{":
            return json.loads(self._text)
        pairs = []
        self._at += 1
        while self._next() != "}":
            name = self._value()
            self._take(":")
            pairs.append((name, await self._items() if self._next() == "[" else self._value()))
            if self._next() != "}":
                self._take(",")
        self._at += 1
        if self._next():
            raise ValueError(f"more text at {self._at}")
        hook = self._decoder.object_pairs_hook
        return dict(pairs) if hook is None else hook(pairs)

    async def _items(self) -> list[Any]:
        items = []
        self._take("[")
        while self._next() != "]":
            items.append(self._value())
            if self._next() != "]":
                self._take(",")
            if time.monotonic() > self._until:
                await asyncio.sleep(0)
                self._until = time.monotonic() + _SECONDS
        self._at += 1
        return items

    def _value(self) -> Any:
        self._next()
        value, self._at = self._decoder.raw_decode(self._text, self._at)
        return value

    def _take(self, character: str) -> None:
        if self._next() != character:
            raise ValueError(f"no {character} at {self._at}")
        self._at += 1

    def _next(self) -> str:
        """The next character that is no white space; empty at the end."""
        while self._at < len(self._text) and self._text[self._at] in _SPACE:
            self._at += 1
        return self._text[self._at : self._at + 1]
