"""What the component says beside errors, with the names of arguments as the program's language writes them."""

import pulumi

from pulumi_stateful_service.documentation import with_page
from pulumi_stateful_service.errors import with_argument_names


def warn(text: str, resource: pulumi.Resource | None) -> None:
    """Shows a warning, with the page that explains it."""
    pulumi.log.warn(with_argument_names(with_page(text)), resource)


def info(text: str, resource: pulumi.Resource | None, *, ephemeral: bool = False) -> None:
    """Shows a message; an ephemeral one while something is in progress."""
    pulumi.log.info(with_argument_names(text), resource, ephemeral=ephemeral)
