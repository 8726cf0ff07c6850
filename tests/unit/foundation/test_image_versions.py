"""Versions by the tags of images: none is guessed, and they are compared as far as they tell."""

import pytest
from image_tags import TAGS
from pulumi_stateful_service.foundation.image_versions import Version, parsed_tag, version_of_image


@pytest.mark.parametrize("image", TAGS)
def test_the_version_of_a_public_image(image: str) -> None:
    """By its tag; what is noted of it is read again as the same."""
    found = version_of_image(image)
    assert str(found) == str(version(TAGS[image]) if TAGS[image] else None)
    assert found is None or parsed_tag(str(found)) == found


def test_there_are_enough() -> None:
    assert len(TAGS) >= 200


def version(text: str | None) -> Version:
    found = parsed_tag(text or "")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("16.3", "16.4"),
        ("9.6.24", "10"),
        ("16.9", "16.10"),
        ("17beta3", "17rc1"),
        ("17rc1", "17rc2"),
        ("17rc1", "17.0"),
        ("8.14.0-SNAPSHOT", "8.14.0"),
        ("24.04", "24.10"),
    ],
)
def test_an_earlier_version(earlier: str, later: str) -> None:
    assert version(earlier).is_below(version(later))
    assert not version(later).is_below(version(earlier))


@pytest.mark.parametrize(("one", "other"), [("16", "16.4"), ("8.0", "8.0.36"), ("17rc1", "17-nightly"), ("16", "16")])
def test_versions_that_do_not_tell_which_is_earlier(one: str, other: str) -> None:
    """A tag that moves, such as `16`, tells no patch; words such as `nightly` have no order."""
    assert not version(one).is_below(version(other))
    assert not version(other).is_below(version(one))
    assert version("16.4").is_exactly(version("16"))
    assert not version("16").is_exactly(version("16.4"))
    assert not version("16.4").is_exactly(version("17"))


@pytest.mark.parametrize(
    ("earlier", "later", "parts", "majors"),
    [
        ("15.4", "16", 1, 1),
        ("14", "16.1", 1, 2),
        ("16.1", "16.4", 1, 0),
        ("16", "14", 1, -2),
        ("3.4.30", "3.5.17", 2, 1),
        ("3.4", "3.6", 2, 2),
        ("3.4", "3.6", 1, 0),
        ("23.2", "24.3", 2, 1),
        ("3", "3.6", 2, 0),
        ("2019", "2022", 1, 0),
        ("2024.12", "2025.2", 2, 0),
    ],
)
def test_how_many_majors_later(earlier: str, later: str, parts: int, majors: int) -> None:
    """At least: a first number that is a year counts nothing, and two parts count within a first number."""
    assert version(earlier).majors_to(version(later), parts) == majors
