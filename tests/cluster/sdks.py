"""The SDKs of other languages, as ``pulumi package add`` and ``pulumi install`` generate them."""

from pathlib import Path

from harness import ROOT, printed

from local import binaries, pins

IN_PROJECT = Path("sdks") / "pulumi-stateful-service-stateful-service"
"""Where Pulumi puts them in a project: the package's namespace and name."""


def generate(language: str, folder: Path) -> None:
    """Writes the SDK in a language (``nodejs``, ``go``) to a folder."""
    generator = binaries.folder([pins.binary("sdk-generator")]) / "sdk-generator"
    printed(str(generator), str(ROOT / "components" / "schema.json"), language, str(folder))
