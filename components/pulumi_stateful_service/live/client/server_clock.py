"""The time by the API server's clock, which objects' timestamps are compared with: this machine's may be wrong."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime


class ServerClock:
    """Goes on from the last time that the API server has told."""

    def __init__(self) -> None:
        self._told: tuple[datetime, float] | None = None

    def set(self, date: str | None) -> None:
        """Sets it by the header ``Date`` of an answer, whose precision is a second."""
        try:
            told = parsedate_to_datetime(date or "")
        except ValueError:
            return
        self._told = (told if told.tzinfo else told.replace(tzinfo=UTC), time.monotonic())

    def now(self) -> datetime:
        """The time there; here, where the API server has told none."""
        if self._told is None:
            return datetime.now(UTC)
        told, at = self._told
        return told + timedelta(seconds=time.monotonic() - at)
