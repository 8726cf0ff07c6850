"""Java archives of pinned Maven artifacts, with what they depend on.

The versions stand in a pom.xml, and the digests of all archives beside it: others than these are in no image.
"""

import hashlib
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from local import commands, debian
from local.console import last_lines, step
from local.errors import LocalError
from local.paths import SOURCE

_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"


def pinned(folder: str) -> str:
    """The digests of the archives that the pom.xml in this folder below `local/` asks for, one a line."""
    return (SOURCE / folder / "jars.sha256").read_text()


def fetched(folder: str) -> dict[str, bytes]:
    """The archives by their names, as they are pinned."""
    debian.require(debian.JAVA_ARCHIVES)
    with TemporaryDirectory() as name, step(f"Java archives of {folder}"):
        # Maven writes beside the pom.xml, and nothing is ever written into the clone.
        shutil.copy(SOURCE / folder / "pom.xml", name)
        maven = [debian.program("mvn"), "--quiet", "--batch-mode", _COPY]
        result = commands.run([*maven, "-DincludeScope=runtime", "-DoutputDirectory=archives"], folder=Path(name))
        if result.returncode:
            raise LocalError(f"Maven could not fetch the archives:\n{last_lines(result.stdout + result.stderr, 8)}")
        found = {each.name: each.read_bytes() for each in sorted(Path(name, "archives").glob("*.jar"))}
    digests = "".join(f"{hashlib.sha256(content).hexdigest()}  {each}\n" for each, content in found.items())
    if digests != pinned(folder):
        differing = sorted({*digests.splitlines()} ^ {*pinned(folder).splitlines()})
        raise LocalError(f"The archives are not those of local/{folder}/jars.sha256:\n" + "\n".join(differing))
    return found
