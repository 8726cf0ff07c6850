"""The example's image on a cluster of the user's own: brought along to kind, and explained for others."""

import shutil

from local import commands, images
from local.console import say, step
from local.errors import LocalError

_EXAMPLE = "random-generator"
_KIND = "kind-"
"""What kind puts before a cluster's name to name its context."""


def bring_image(context: str) -> None:
    """Give the cluster of a context the example's image where it is kind's; say how for others."""
    wanted = images.named(_EXAMPLE)
    names = " and ".join(f"{image.name}:{image.tag}" for image in wanted)
    if not context.startswith(_KIND):
        say(
            f"The nodes of {context} must be able to pull the image of the stack ({names} are made here and are in no "
            "registry). `make image` writes archives to push; name yours with IMAGE=registry.example.com/NAME:TAG."
        )
        return
    kind, cluster = shutil.which("kind"), context.removeprefix(_KIND)
    if kind is None:
        raise LocalError(
            f"Context {context} is a cluster of kind, and kind is not on PATH: with it, the image {names} would be "
            "loaded. Install kind, or name an image that the cluster can pull with IMAGE=."
        )
    for image in wanted:
        path, _ = images.archive(image)
        with step(f"kind loads {image.name}:{image.tag}"):
            command = [kind, "load", "image-archive", str(path), "--name", cluster]
            result = commands.run(command)
            if result.returncode:
                raise LocalError(f"{' '.join(command[:3])} failed:\n{result.stderr.strip()}")
