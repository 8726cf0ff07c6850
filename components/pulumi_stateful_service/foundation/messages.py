"""What the component says beside errors, with the names of arguments as the program's language writes them."""

import os

import pulumi

from pulumi_stateful_service.documentation import with_page
from pulumi_stateful_service.errors import with_argument_names

FOR_PROGRAMS = "PULUMI_STATEFUL_SERVICE_REPORT"
"""The environment variable that has what is said for programs shown as people see it."""


def warn(text: str, resource: pulumi.Resource | None) -> None:
    """Shows a warning, with the page that explains it."""
    pulumi.log.warn(with_argument_names(with_page(text)), resource)


def info(text: str, resource: pulumi.Resource | None, *, ephemeral: bool = False) -> None:
    """Shows a message; an ephemeral one while something is in progress."""
    pulumi.log.info(with_argument_names(text), resource, ephemeral=ephemeral)


def for_programs(text: str, resource: pulumi.Resource) -> None:
    """Adds a line to the log of the engine that people do not see: a debug message, which event logs have.

    The output of ``pulumi preview --json`` has no debug messages, so there the user asks for it.
    """
    is_asked = os.environ.get(FOR_PROGRAMS, "").lower() in {"1", "true"}
    (pulumi.log.info if is_asked else pulumi.log.debug)(text, resource)
