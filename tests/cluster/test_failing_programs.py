"""Programs that fail while the component's hooks are registered end with their message."""

from collections.abc import Callable

import pytest
from harness import Service

Make = Callable[..., Service]

PROGRAM = """\
import asyncio
import pulumi
from pulumi_stateful_service import StatefulService

{before}
StatefulService("rg", {{"image": "random-generator:1.0", "namespace": {namespace!r}, {arguments}}})
{after}
"""

FAIL = """\
def fail(value):
    raise pulumi.RunError("the message")

"""

PROGRAMS = {
    "an argument that is known later": (
        "",
        '"replicas": pulumi.Output.from_input(-1)',
        "",
        "replicas is -1; it must be",
    ),
    "arguments that contradict each other": (
        "",
        '"replicas": pulumi.Output.from_input(1), "quorum": {}',
        "",
        "quorum",
    ),
    "an apply of the program": (FAIL, "", "pulumi.Output.from_input(1).apply(fail)", "the message"),
    "an output of the component": (
        FAIL,
        "",
        "pulumi.export('x', pulumi.Output.from_input(1).apply(fail))",
        "the message",
    ),
    "an error that is not Pulumi's": (
        "",
        "",
        "pulumi.Output.from_input(1).apply(lambda value: value / 0)",
        "division by zero",
    ),
    "the program itself": ("", "", "raise pulumi.RunError('the message')", "the message"),
}


OF_ARGUMENTS = ("an argument that is known later", "arguments that contradict each other")


def fails(rg: Service, kind: str, *command: str) -> None:
    """A program of this kind fails, and says why."""
    before, arguments, after, message = PROGRAMS[kind]
    text = PROGRAM.format(before=before, arguments=arguments, after=after, namespace=rg.namespace)
    (rg.folder / "__main__.py").write_text(text)
    said = rg.must_fail(*command)
    assert message in said, kind
    assert "exit code: -1" not in said, kind
    if kind in OF_ARGUMENTS:
        assert "before hook" not in said, kind


def test_a_program_that_fails_early_ends_with_its_message(service: Make) -> None:
    """In the first moments, when the server through which the engine calls hooks would still be starting."""
    rg = service()
    fails(rg, "an argument that is known later", "up", "--yes", "--skip-preview")
    assert rg.kubectl("get", "services", "--output=name") == ""
    fails(rg, "an apply of the program", "preview")


@pytest.mark.long
def test_each_kind_of_program_fails_with_its_message_each_time(service: Make) -> None:
    """Nine times of nine; an argument that is refused leaves nothing on the cluster."""
    rg = service()
    for kind in PROGRAMS:
        for _ in range(9):
            fails(rg, kind, "preview")
    for kind in OF_ARGUMENTS:
        fails(rg, kind, "up", "--yes", "--skip-preview")
        assert rg.kubectl("get", "services", "--output=name") == ""


ONE_SERVER = """\
from pathlib import Path
import pulumi
from pulumi.runtime._callbacks import _CallbackServicer
from pulumi_stateful_service import StatefulService

arguments = {"image": "random-generator:1.0", "namespace": "NAMESPACE", "replicas": 0}
registered = pulumi.Output.all(*(StatefulService(f"rg-{number}", arguments).instances for number in range(3)))
registered.apply(lambda _: Path("servers").write_text(str(len(_CallbackServicer._servicers))), True)
"""


def test_the_hooks_of_a_program_have_one_server(service: Make) -> None:
    """By itself, Pulumi's SDK would start one for each resource with a hook: nine here."""
    rg = service()
    (rg.folder / "__main__.py").write_text(ONE_SERVER.replace("NAMESPACE", rg.namespace))
    rg.must("preview")
    assert (rg.folder / "servers").read_text() == "1"
