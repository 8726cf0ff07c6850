"""Text from outside is fit for a terminal, wherever it is shown."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi_stateful_service import RolloutError
from pulumi_stateful_service.documentation import TROUBLESHOOTING
from pulumi_stateful_service.live.client.errors import ClusterError
from pulumi_stateful_service.outside_text import cleaned, exit_problem, without_controls


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("  two\n lines\tand \r\n more ", "two lines and more"),
        ("\x1b[31;1mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b2Jcleared", "cleared"),
        ("\x1bPq payload \x1b\\after", "after"),
        ("\x1b]0;never ends", ""),
        ("half an escape \x1b", "half an escape"),
        ("\x1b(Bcharset", "charset"),
        ("bell\x07 back\x08space null\x00", "bell backspace null"),
        ("right\u202eto left\u200b \ufeff", "rightto left"),
        ("a\x85b\u2028c", "a b c"),
        ("Größe 大小 🙂", "Größe 大小 🙂"),
        (None, "None"),
    ],
)
def test_escapes_and_controls_go(text: object, expected: str) -> None:
    """What a terminal would act on is not shown, and what a reader reads is."""
    assert cleaned(text) == expected


def test_long_text_is_cut() -> None:
    """At its end or at its beginning, and it says so."""
    assert cleaned("a" * 10, 5) == "aaaa…"
    assert cleaned("a" * 5 + "b" * 5, 5, end=True) == "…bbbb"
    assert cleaned("abcde", 5) == "abcde"
    assert cleaned("x" * 10**7, 300) == "x" * 299 + "…"
    assert cleaned("\x1b[1m" * 1000 + "x", 10).endswith("…")


def test_why_a_command_did_not_succeed() -> None:
    """Its status, where it ran, and the end of what it printed."""
    assert exit_problem(0, "well") is None
    assert exit_problem(7, "") == "exit status 7"
    assert exit_problem(7, "not\n \x1b[2Jnow", "rg-0") == "exit status 7 in rg-0: not now"


@given(st.text(st.characters(), max_size=200))
def test_nothing_is_left_that_has_no_shape(text: str) -> None:
    """Whatever comes in, one printable line goes out."""
    line = cleaned(text, 50)
    assert len(line) <= 50
    assert "\x1b" not in line
    assert all(unicodedata.category(each) not in {"Cc", "Cf"} or each in "\n\t" for each in without_controls(text))
    assert len(line.splitlines()) <= 1


def test_errors_are_fit_for_a_terminal() -> None:
    """Whatever they quote; their lines stay."""
    assert str(RolloutError("one:\n  \x1b[2Jtwo")) == f"one:\n  two\nSee {TROUBLESHOOTING}."
    assert str(ClusterError("\x1b]0;x\x07it")) == f"Kubernetes cluster: it ({TROUBLESHOOTING})"
