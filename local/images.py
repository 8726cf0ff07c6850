"""Container images, made without a builder and without a registry: some JSON files and a layer or two.

The same files give the same image, bit by bit, so its digest tells whether a node already has it.
"""

import hashlib
import io
import json
import platform
import subprocess
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

from local import binaries, commands, debian_image, go_toolchain, java_archives, pins
from local.errors import LocalError
from local.paths import CACHE, SOURCE

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_REGISTRY = "docker.io/library"
"""Where Kubernetes takes an image without a registry in its name to come from."""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"


@dataclass(frozen=True)
class Image:
    """An image of static programs, and of Debian packages where these need some."""

    name: str
    tag: str
    programs: tuple[str, ...]
    """The binaries in it; the first is what it runs."""
    environment: dict[str, str] = field(default_factory=dict)
    user: str = "65532:65532"
    """The only one that it knows besides root."""
    volumes: tuple[str, ...] = ()
    """Folders that it declares as volumes: without a mount at exactly this path, they are empty in each container."""
    ports: tuple[int, ...] = ()
    packages: tuple[str, ...] = ()
    """Debian packages in it, with what they depend on."""
    links: dict[str, str] = field(default_factory=dict)
    """Symbolic links in it: the target by the path."""
    registry: str = _REGISTRY
    archives: str = ""
    """The folder below `local/` with the pom.xml of Java archives in it."""
    archives_folder: str = ""
    """Where they are, such as ``opt/app/libs``."""
    programs_folder: str = ""
    """Where the binaries are, such as ``usr/local/bin``. At the root by default."""
    working_folder: str = "/"
    command: tuple[str, ...] = ()
    """What it runs where a container names no command."""

    @property
    def reference(self) -> str:
        """Its full name, as the node keeps it."""
        return f"{self.registry}/{self.name}:{self.tag}"


PAUSE = Image("pause", "1.0", ("pause",))

ALL = (
    PAUSE,
    # The same program in two versions, so that there is something to update to.
    *(Image("random-generator", tag, ("random-generator",), {"VERSION": tag}, ports=(8080,)) for tag in ("1.0", "2.0")),
    # Of the programs that the control plane has too, so there is nothing more to build; the shell is for scripts.
    Image(
        "etcd",
        "3.7.3",
        ("etcd", "etcdctl"),
        ports=(2379, 2380),
        packages=("busybox-static",),
        links={f"usr/bin/{name}": "busybox" for name in ("sh", "awk", "grep")},
    ),
)

_LOCAL_BIN = "usr/local/bin"

# Made when an example wants one: in place of the public images that the examples name, with their users, their folders
# and what else an example could rely on, but of Debian's packages.
EXAMPLES = (
    # Nothing but the programs.
    Image(
        "etcd",
        "v3.7.3",
        ("etcd", "etcdctl"),
        user="0:0",
        ports=(2379, 2380),
        registry="gcr.io/etcd-development",
        programs_folder=_LOCAL_BIN,
        working_folder="/var/lib/etcd",
    ),
    Image(
        "busybox",
        "1.37-musl",
        (),
        user="0:0",
        packages=("busybox-static",),
        links={f"usr/bin/{name}": "busybox" for name in ("sh", "cp")},
    ),
    Image(
        "nats",
        "2.15-alpine",
        ("nats-server",),
        user="0:0",
        packages=("busybox-static",),
        links={f"usr/bin/{name}": "busybox" for name in ("sh", "grep")},
        ports=(4222, 6222, 8222),
        programs_folder=_LOCAL_BIN,
    ),
    Image(
        "nats-box",
        "0.20.0-nonroot",
        ("nats",),
        user="1000:1000",
        packages=("busybox-static",),
        links={f"usr/bin/{name}": "busybox" for name in ("sh", "cp")},
        registry="docker.io/natsio",
        programs_folder=_LOCAL_BIN,
    ),
    Image(
        "postgres",
        "17",
        (),
        user="999:999",
        volumes=("/var/lib/postgresql/data",),
        packages=("postgresql-17", "dash", "coreutils"),
        links={"usr/bin/sh": "dash"},
        ports=(5432,),
    ),
    Image(
        "redis",
        "8",
        (),
        user="999:999",
        volumes=("/data",),
        packages=("redis-server", "dash", "coreutils", "grep", "libc-bin"),
        links={"usr/bin/sh": "dash"},
        ports=(6379, 16379),
        working_folder="/data",
        command=("redis-server",),
    ),
    Image(
        "valkey",
        "8.1",
        (),
        user="999:1000",
        volumes=("/data",),
        packages=("valkey-server", "dash", "coreutils", "grep", "sed", "libc-bin"),
        links={"usr/bin/sh": "dash"},
        ports=(6379,),
        registry="docker.io/valkey",
        working_folder="/data",
        command=("valkey-server",),
    ),
    Image(
        "rabbitmq",
        "4.0",
        (),
        {"PATH": f"/opt/rabbitmq/sbin:{_PATH}", "HOME": "/var/lib/rabbitmq"},
        user="999:999",
        volumes=("/var/lib/rabbitmq",),
        packages=("rabbitmq-server", "dash", "coreutils", "sed", "libc-bin"),
        links={"usr/bin/sh": "dash", "opt/rabbitmq/sbin": "../../usr/lib/rabbitmq/bin"},
        ports=(4369, 5672, 25672),
    ),
    Image(
        "kafka",
        "4.1.0",
        (),
        user="1000:1000",
        volumes=("/etc/kafka/secrets", "/var/lib/kafka/data", "/mnt/shared/config"),
        packages=("openjdk-21-jre-headless", "mawk", "dash", "coreutils", "grep", "sed", "libc-bin"),
        links={
            "usr/bin/sh": "dash",
            "usr/bin/awk": "mawk",
            "usr/bin/java": "../lib/jvm/java-21-openjdk-amd64/bin/java",
        },
        archives="modules/kafka",
        archives_folder="opt/kafka/libs",
        ports=(9092,),
        registry="docker.io/apache",
    ),
    # Of our own: there is no other one of this name.
    Image(
        "strongbox",
        "1.0",
        ("strongbox",),
        user="0:0",
        packages=("busybox-static",),
        links={f"usr/bin/{name}": "busybox" for name in ("sh", "grep", "sed", "sleep")},
        ports=(8200,),
        programs_folder=_LOCAL_BIN,
    ),
    Image(
        "zookeeper",
        "3.9",
        (),
        user="1000:1000",
        volumes=("/data", "/datalog", "/logs"),
        packages=(
            "libzookeeper-java",
            "openjdk-21-jre-headless",
            "busybox-static",
            "dash",
            "coreutils",
            "grep",
            "libc-bin",
        ),
        links={
            "usr/bin/sh": "dash",
            "usr/bin/nc": "busybox",
            "usr/bin/java": "../lib/jvm/java-21-openjdk-amd64/bin/java",
            "apache-zookeeper-3.9.3-bin/lib": "../usr/share/java",
        },
        ports=(2181, 2888, 3888),
        working_folder="/apache-zookeeper-3.9.3-bin",
    ),
    Image(
        "mariadb",
        "11.8",
        (),
        user="999:999",
        volumes=("/var/lib/mysql",),
        # The state transfer is a script for Bash, which calls what the others of these have.
        packages=(
            "mariadb-server",
            "mariadb-backup",
            "galera-4",
            "bash",
            "dash",
            "coreutils",
            "findutils",
            "gawk",
            "grep",
            "sed",
            "hostname",
            "diffutils",
            "libc-bin",
        ),
        links={"usr/bin/sh": "dash", "usr/bin/awk": "gawk"},
        ports=(3306, 4567, 4568, 4444),
    ),
)


def test() -> None:
    """Run the tests of our own Go programs, with what Go prints."""
    for folder in (SOURCE / "images", SOURCE / "modules" / "kubernetes", SOURCE / "modules" / "csi"):
        command = [str(go_toolchain.find()), "test", go_toolchain.COMPILER_FLAGS, "./..."]
        result = subprocess.run(command, cwd=folder, env=go_toolchain.environment(), check=False)
        if result.returncode:
            raise LocalError(f"The tests in {folder.relative_to(SOURCE.parent)} fail; see above.")


def named(name: str) -> tuple[Image, ...]:
    """The images of this name."""
    every = ALL + EXAMPLES
    found = tuple(each for each in every if name in (each.name, f"{each.name}:{each.tag}"))
    if not found:
        raise LocalError(
            f"There is no image {name!r}; there are {', '.join(f'{each.name}:{each.tag}' for each in every)}."
        )
    return found


def archive(image: Image) -> tuple[Path, str]:
    """The image as a file that containers' tools can import, and its digest; made where it is not there yet."""
    folder = binaries.folder([pins.binary(each) for each in image.programs])
    pinned = java_archives.pinned(image.archives) if image.archives else ""
    key = hashlib.sha256(repr((image, folder.name, pinned, _VERSION)).encode()).hexdigest()[:16]
    path = CACHE / "images" / f"{image.name}-{image.tag}-{key}.tar"
    note = path.with_suffix(".digest")
    if not (path.exists() and note.exists()):
        base = debian_image.file_system(image.packages, image.links, image.user) if image.packages else None
        java = java_archives.fetched(image.archives) if image.archives else {}
        content, digest = pack(image, {name: (folder / name).read_bytes() for name in image.programs}, base, java)
        path.parent.mkdir(parents=True, exist_ok=True)
        for target, data in ((path, content), (note, digest.encode())):
            scratch = target.with_name(f".{target.name}.new")
            scratch.write_bytes(data)
            scratch.replace(target)
    return path, note.read_text()


_VERSION = 4  # of what `pack` makes


def pack(
    image: Image, programs: dict[str, bytes], base: bytes | None = None, archives: dict[str, bytes] | None = None
) -> tuple[bytes, str]:
    """The image in the layout of the Open Container Initiative, and the digest of its manifest."""
    architecture = _ARCHITECTURES.get(platform.machine(), platform.machine())
    layers = [base] if base is not None else []
    paths = {name: f"{image.programs_folder}/{name}".lstrip("/") for name in programs}
    if programs:
        layers.append(_tar({paths[name]: (content, 0o755) for name, content in programs.items()}))
    if archives:
        layers.append(_tar({f"{image.archives_folder}/{name}": (content, 0o644) for name, content in archives.items()}))
    path = f"{_PATH}:/" if base is not None or image.programs_folder else "/"
    config = _json(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {
                "User": image.user,
                **({"Volumes": {folder: {} for folder in image.volumes}} if image.volumes else {}),
                "ExposedPorts": {f"{port}/tcp": {} for port in image.ports},
                "Env": [f"{key}={value}" for key, value in {"PATH": path, **image.environment}.items()],
                "Entrypoint": [f"/{paths[image.programs[0]]}"] if programs else [],
                "Cmd": list(image.command),
                "WorkingDir": image.working_folder,
            },
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer) for layer in layers]},
            "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "local/images.py"} for _ in layers],
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": _descriptor("application/vnd.oci.image.config.v1+json", config),
            "layers": [_descriptor("application/vnd.oci.image.layer.v1.tar", layer) for layer in layers],
        }
    )
    entry = {
        **_descriptor("application/vnd.oci.image.manifest.v1+json", manifest),
        "platform": {"architecture": architecture, "os": "linux"},
        "annotations": {
            "io.containerd.image.name": image.reference,
            "org.opencontainers.image.ref.name": image.tag,
        },
    }
    files = {f"blobs/sha256/{_digest(blob)[7:]}": (blob, 0o644) for blob in (*layers, config, manifest)}
    files["oci-layout"] = (_json({"imageLayoutVersion": "1.0.0"}), 0o644)
    files["index.json"] = (_json({"schemaVersion": 2, "manifests": [entry]}), 0o644)
    return _tar(files), _digest(manifest)


def _tar(files: dict[str, tuple[bytes, int]]) -> bytes:
    """A tar file without anything in it that depends on when or by whom it was made."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(files):
            content, mode = files[name]
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), mode
            tar.addfile(info, io.BytesIO(content))
    return output.getvalue()


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _descriptor(media_type: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}


def load(images: tuple[Image, ...], ctr: list[str]) -> list[Image]:
    """Give the containerd that ``ctr`` asks those of the images that it does not have, and return them."""
    present = _present(ctr)
    loaded = []
    for image in images:
        path, digest = archive(image)
        if present.get(image.reference) != digest:
            _ctr(ctr, "images", "import", str(path))
            loaded.append(image)
    return loaded


def import_file(path: Path, ctr: list[str]) -> None:
    """Give the containerd that ``ctr`` asks the images in a file."""
    _ctr(ctr, "images", "import", str(path))


def names_in(path: Path) -> set[str]:
    """The names of the images in a file that docker, podman or buildah has saved, as a node keeps them."""
    try:
        with tarfile.open(path) as tar:
            files = {name: tar.extractfile(name) for name in {"index.json", "manifest.json"} & {*tar.getnames()}}
            found = {name: json.load(file) for name, file in files.items() if file is not None}
    except (OSError, tarfile.TarError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no tar archive of them"
        raise LocalError(
            f"{path} is no file with images ({reason}). Make one: docker save --output FILE NAME:TAG"
        ) from None
    manifests = found.get("index.json", {}).get("manifests", [])
    names = [each.get("annotations", {}).get("io.containerd.image.name") for each in manifests]
    names += [name for each in found.get("manifest.json", []) for name in each.get("RepoTags") or []]
    if not any(names):
        raise LocalError(
            f"{path} has no image with a name, so no Pod could refer to it. Save it by its name: "
            "docker save --output FILE NAME:TAG"
        )
    return {full_name(name) for name in names if name}


def full_name(name: str) -> str:
    """The name of an image with its registry, as Kubernetes completes it."""
    registry, slash, rest = name.partition("/")
    if not slash:
        return f"{_REGISTRY}/{name}"
    return name if "." in registry or ":" in registry or registry == "localhost" else f"docker.io/{registry}/{rest}"


def _present(ctr: list[str]) -> dict[str, str]:
    """The names of the images that it has, and their digests."""
    rows = [line.split() for line in _ctr(ctr, "images", "list").splitlines()[1:]]
    return {name: digest for name, _, digest, *_ in rows}


def _ctr(ctr: list[str], *arguments: str) -> str:
    result = commands.run([*ctr, "--namespace", "k8s.io", *arguments])
    if result.returncode:
        raise LocalError(f"ctr {' '.join(arguments[:2])} failed: {result.stderr.strip()}")
    return result.stdout
