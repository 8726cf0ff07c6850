"""The file system of an image from Debian packages: unpacked with what they depend on, their scripts not run."""

import io
import os
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from local import commands
from local.console import last_lines
from local.errors import LocalError

_LEFT_OUT = ("usr/share/doc/", "usr/share/man/", "usr/share/locale/", "usr/share/info/", "usr/share/lintian/")
_MERGED = ("bin", "sbin", "lib", "lib64")
"""Folders that are links into /usr, as Debian's installer makes them."""

_LINKS = {name: f"usr/{name}" for name in _MERGED}
_ROOT = "0:0"
_RELEASE = "trixie"
"""Debian's release that the packages are of, whichever this machine has."""
_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
_SOURCES = f"""\
deb [signed-by={_KEYS}] http://deb.debian.org/debian {_RELEASE} main
deb [signed-by={_KEYS}] http://deb.debian.org/debian-security {_RELEASE}-security main
"""


def file_system(packages: tuple[str, ...], links: Mapping[str, str], user: str) -> bytes:
    """A tar file with the packages, what they depend on, and further symbolic links (target by path).

    ``user`` is the only one that it knows besides root, as ``UID:GID``.
    """
    output = io.BytesIO()
    with _downloaded(packages) as archives, tarfile.open(fileobj=output, mode="w", format=tarfile.GNU_FORMAT) as made:
        written: set[str] = set()
        for path, target in sorted({**_LINKS, **links}.items()):
            _add(made, written, path, tarfile.SYMTYPE, target=target)
        for path, text in _accounts(user).items():
            _add(made, written, path, tarfile.REGTYPE, content=text.encode())
        _add(made, written, "tmp", tarfile.DIRTYPE, mode=0o1777)
        for archive in archives:
            _unpack(archive, made, written)
    return output.getvalue()


def _accounts(user: str) -> dict[str, str]:
    users, groups = "root:x:0:0:root:/root:/bin/sh\n", "root:x:0:\n"
    if user != _ROOT:
        users += f"app:x:{user}:app:/tmp:/bin/sh\n"
        groups += f"app:x:{user.partition(':')[2]}:\n"
    return {"etc/passwd": users, "etc/group": groups}


@contextmanager
def _downloaded(packages: tuple[str, ...]) -> Iterator[list[Path]]:
    """The archives of the packages and of all that they depend on, as on a system without any package."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        for each in ("archives", "lists"):
            (folder / each / "partial").mkdir(parents=True)
        (folder / "status").touch()
        (folder / "sources.list").write_text(_SOURCES)
        settings = {
            "Dir::State": folder,
            "Dir::State::status": folder / "status",
            "Dir::Cache": folder,
            "Dir::Etc::sourcelist": folder / "sources.list",
            "Dir::Etc::sourceparts": folder / "none",
            "Acquire::Languages": "none",
            "APT::Sandbox::User": "",
        }
        apt_get = ["apt-get", "-qq", "--yes", "--no-install-recommends", "--download-only"]
        apt_get += [f"--option={name}={value}" for name, value in settings.items()]
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (["update"], ["install", *packages]):
            result = commands.run([*apt_get, *arguments], environment=environment)
            if result.returncode:
                raise LocalError(
                    f"apt-get could not download {' '.join(packages)}:\n{last_lines(result.stdout + result.stderr, 8)}"
                )
        yield sorted((folder / "archives").glob("*.deb"))


def _unpack(archive: Path, made: tarfile.TarFile, written: set[str]) -> None:
    content = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(archive)], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(content)) as package:
        for member in package:
            path = _merged(member.name.removeprefix("./").rstrip("/"))
            if path in {"", "."} or path in written or path.startswith(_LEFT_OUT):
                continue
            written.add(path)
            member.name = path
            if member.islnk():
                member.linkname = _merged(member.linkname.removeprefix("./"))
            member.mtime, member.uname, member.gname = 0, "", ""
            made.addfile(member, package.extractfile(member) if member.isreg() else None)


def _merged(path: str) -> str:
    first, _, rest = path.partition("/")
    return f"usr/{path}" if first in _MERGED and rest else path


def _add(
    made: tarfile.TarFile,
    written: set[str],
    path: str,
    kind: bytes,
    *,
    content: bytes = b"",
    target: str = "",
    mode: int = 0o755,
) -> None:
    written.add(path)
    info = tarfile.TarInfo(path)
    info.type, info.size, info.linkname = kind, len(content), target
    info.mode = 0o644 if content else mode
    made.addfile(info, io.BytesIO(content))
