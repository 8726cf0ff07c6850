"""The version of an application by the tag of its image, for comparisons. What does not tell one is not guessed at."""

import re
from dataclasses import dataclass

_PRERELEASES = ("alpha", "beta", "rc")
"""In their order. The words below stand in none."""
_UNORDERED = ("canary", "dev", "ea", "edge", "m(?=[0-9])", "nightly", "pre", "preview", "snapshot", "unstable")
_WORDS = "|".join((*_PRERELEASES, *_UNORDERED))
_TAG = re.compile(
    rf"[vV]?(?P<numbers>[0-9]+(?:\.[0-9]+)*)(?:\.?(?P<word>{_WORDS})\.?(?P<number>[0-9]*))?(?P<rest>[-_].*)?",
    re.IGNORECASE,
)
_PRERELEASE = re.compile(rf"(?P<word>{_WORDS})\.?(?P<number>[0-9]*)", re.IGNORECASE)
_OTHER_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+)+|(?:pg|pgsql|postgres|postgresql|mysql|mariadb)[0-9].*", re.IGNORECASE)
"""A part of a tag that is a version too: ``2.13-2.8.1`` is Kafka 2.8.1 for Scala 2.13, ``2.14.2-pg16`` has two."""
_COMMIT = re.compile(r"(?=.*[0-9])[0-9a-f]{7,40}")
_MOST_DIGITS, _MOST_DIGITS_OF_FIRST = 12, 4
_YEARS = range(1990, 2101)
"""First numbers that are years: they follow each other in time, and not one by one."""
_LARGEST_MAJOR = 999
"""A larger number by itself counts builds, unless it is a year."""


@dataclass(frozen=True)
class Version:
    """A version: ``16.4``, or ``17-rc1`` of what is to become ``17``."""

    numbers: tuple[int, ...]
    prerelease: tuple[str, int] | None = None

    def __str__(self) -> str:
        """As it is noted; ``parsed_tag`` reads it."""
        word, number = self.prerelease or ("", 0)
        return ".".join(map(str, self.numbers)) + (f"-{word}{number or ''}" if word else "")

    def is_below(self, other: "Version") -> bool:
        """Whether it is the earlier one. ``16`` is neither below nor above ``16.4``: it does not tell."""
        common = min(len(self.numbers), len(other.numbers))
        ours, theirs = self.numbers[:common], other.numbers[:common]
        if ours != theirs:
            return ours < theirs
        if self.prerelease is None or other.prerelease is None:
            return self.prerelease is not None and other.prerelease is None
        words = (self.prerelease[0], other.prerelease[0])
        is_ordered = words[0] == words[1] or all(word in _PRERELEASES for word in words)
        return is_ordered and self.prerelease < other.prerelease

    def is_exactly(self, other: "Version") -> bool:
        """Whether it is the other one, told more exactly: ``16.4`` for ``16``."""
        return len(self.numbers) > len(other.numbers) and self.numbers[: len(other.numbers)] == other.numbers

    def majors_to(self, other: "Version", parts: int = 1) -> int:
        """How many majors the other one is later, at least. A major is the first number, or the first two (``parts``).

        0 where that cannot be told, as between years. With two parts it is not known how many there were of a first
        number, so the step to the next one counts as one.
        """
        first, later = self.numbers[0], other.numbers[0]
        if first != later:
            return 0 if first in _YEARS and later in _YEARS else later - first
        if parts == 1 or min(len(self.numbers), len(other.numbers)) == 1:
            return 0
        return other.numbers[1] - self.numbers[1]


def version_of_image(image: str) -> Version | None:
    """The version by the tag of an image; None where it has none, or a digest: this decides what runs."""
    name, digest, _ = image.partition("@")
    _, _, tag = name.rpartition("/")[2].partition(":")
    return None if digest else parsed_tag(tag)


def parsed_tag(tag: str) -> Version | None:
    """The version that a tag begins with; None where it begins otherwise, is a date or a commit, or has two versions.

    What follows the version, such as the name of a system, does not matter; a word such as ``rc`` does.
    """
    found = _TAG.fullmatch(tag)
    if found is None:
        return None
    written = found["numbers"].split(".")
    parts = re.split("[-_]", found["rest"][1:]) if found["rest"] else []
    if any(len(each) > _MOST_DIGITS for each in written) or any(map(_OTHER_VERSION.fullmatch, parts[:1])):
        return None
    if not any(map(int, written)):
        return None  # what builds have that are of no version
    if any(part[:1].isalpha() and _OTHER_VERSION.fullmatch(part) for part in parts):
        return None
    if not _is_first(written[0]) or (len(written) == 1 and not _is_major(written[0], parts)):
        return None
    words = [(found["word"], found["number"])] if found["word"] else []
    words += [(each["word"], each["number"]) for part in parts if (each := _PRERELEASE.fullmatch(part))]
    prerelease = (words[0][0].lower(), int(words[0][1] or 0)) if words else None
    return Version(tuple(map(int, written)), prerelease)


def _is_first(number: str) -> bool:
    return len(number) <= _MOST_DIGITS_OF_FIRST and (number == "0" or not number.startswith("0"))


def _is_major(number: str, parts: list[str]) -> bool:
    """Whether a number without a point is a version: no date, no build, no commit."""
    if int(number) > _LARGEST_MAJOR and int(number) not in _YEARS:
        return False
    return not (parts and parts[0][:1].isdigit()) and not any(map(_COMMIT.fullmatch, parts))
