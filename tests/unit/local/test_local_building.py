"""Programs and images are built once from what is pinned, and a failed build goes on where it stopped."""

import dataclasses
import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from local import binaries, go_toolchain, images, pins
from local.errors import LocalError
from local.images import Image
from local.paths import SOURCE

_GO = """#!/bin/sh
echo "$@" >> {calls}
if [ -e {broken} ]; then
  echo "go: downloading example.org/x v1.0.0" >&2
  echo "main.go:7:2: undefined: x" >&2
  exit 1
fi
while [ "$1" != "-o" ]; do shift; done
echo program > "$2"
"""


class FakeGo:
    """A Go that writes down how it was called, and fails while it is told to."""

    def __init__(self, folder: Path) -> None:
        self.program = folder / "go"
        self._calls = folder / "calls"
        self._broken = folder / "broken"
        self.program.write_text(_GO.format(calls=self._calls, broken=self._broken))
        self.program.chmod(0o755)

    def fail(self) -> None:
        """Fail from now on."""
        self._broken.touch()

    def work(self) -> None:
        """Build again from now on."""
        self._broken.unlink()

    def built(self) -> list[str]:
        """The packages it was called to build since the last time."""
        lines = self._calls.read_text().splitlines() if self._calls.exists() else []
        self._calls.unlink(missing_ok=True)
        return [line.split()[-1] for line in lines]


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeGo:
    """A cache of the test's own, and a Go that builds quickly."""
    fake = FakeGo(tmp_path)
    cache = tmp_path / "cache"
    monkeypatch.setattr(binaries, "CACHE", cache)
    monkeypatch.setattr(binaries, "_BUILT", cache / "binaries")
    monkeypatch.setattr(binaries, "_FOLDERS", cache / "bin")
    monkeypatch.setattr(go_toolchain, "find", lambda: fake.program)
    return fake


ETCD = pins.binary("etcd")
PROXY = pins.binary("kube-proxy")
COREDNS = pins.binary("coredns")


class TestBuilding:
    def test_a_program_is_built_once(self, go: FakeGo) -> None:
        """The second time it comes from the cache, by the same path, fit to run."""
        folder = binaries.folder([ETCD, PROXY])
        assert go.built() == [ETCD.package, PROXY.package]
        assert binaries.folder([ETCD, PROXY]) == folder
        assert go.built() == []
        assert sorted(each.name for each in folder.iterdir()) == ["etcd", "kube-proxy"]
        assert folder.stat().st_mode & 0o777 == 0o755

    def test_what_is_common_to_two_sets_is_built_once(self, go: FakeGo) -> None:
        """A program belongs to as many folders as ask for it."""
        binaries.folder([ETCD])
        go.built()
        binaries.folder([ETCD, PROXY])
        assert go.built() == [PROXY.package]

    def test_a_failed_build_goes_on_where_it_stopped(self, go: FakeGo) -> None:
        """It shows the compiler's last lines, leaves nothing half made, and what was built stays."""
        binaries.folder([ETCD])
        go.fail()
        with pytest.raises(LocalError) as caught:
            binaries.folder([ETCD, PROXY])
        assert "undefined: x" in str(caught.value)
        assert "downloading" not in str(caught.value)
        assert "goes on where it stopped" in str(caught.value)
        assert [each.name[:4] for each in (go.program.parent / "cache" / "binaries").iterdir()] == ["etcd"]
        go.work()
        go.built()
        binaries.folder([ETCD, PROXY])
        assert go.built() == [PROXY.package]

    def test_a_disk_without_room_is_noticed_before(self, go: FakeGo, monkeypatch: pytest.MonkeyPatch) -> None:
        """The message says how much is needed, where, and what to do."""
        monkeypatch.setattr("shutil.disk_usage", lambda _: _Usage())
        with pytest.raises(LocalError, match=r"needs \d+ GB of disk.*0\.5 GB free.*XDG_CACHE_HOME"):
            binaries.folder([ETCD])
        assert go.built() == []


class TestProgress:
    def test_each_line_tells_what_is_built_and_how_far_it_is(
        self, go: FakeGo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The count is that of all programs, whichever of them are in the cache; the first line says where that is."""
        monkeypatch.setattr("os.cpu_count", lambda: 2)
        binaries.build([ETCD])
        capsys.readouterr()
        binaries.build([ETCD, PROXY, COREDNS])
        first, proxy, coredns, last = capsys.readouterr().err.splitlines()
        cache = go.program.parent / "cache"
        assert first == f"2 of 3 programs have to be built, which takes less than a minute. They are kept in {cache}."
        assert proxy.startswith(f"[2/3] kube-proxy {PROXY.shown_version()} (less than a minute left) … ")
        assert coredns.startswith(f"[3/3] coredns {COREDNS.shown_version()} (less than a minute left) … ")
        assert last.startswith("2 built in ")
        assert last.endswith(", 1 cached")

    def test_the_time_that_is_left_follows_the_machine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """On two processors it is what was measured; on a machine that turns out slower it is more."""
        monkeypatch.setattr("os.cpu_count", lambda: 2)
        everything = binaries.seconds_left(pins.ALL, [], 0)
        assert everything == sum(each.seconds for each in pins.ALL)
        built, missing = pins.ALL[:6], pins.ALL[6:]
        took = sum(each.seconds for each in built)
        assert binaries.seconds_left(missing, built, took) == pytest.approx(everything - took)
        assert binaries.seconds_left(missing, built, 3 * took) > 2 * (everything - took)

    def test_how_long_a_build_takes_does_not_decide_where_it_is_kept(self) -> None:
        """A better estimate builds nothing again."""
        assert repr(dataclasses.replace(ETCD, seconds=1000)) == repr(ETCD)


class _Usage:
    free = 1 << 29


class TestPins:
    @pytest.mark.parametrize("binary", pins.ALL, ids=lambda each: each.name)
    def test_every_program_has_a_version(self, binary: pins.Binary) -> None:
        """It is found in the go.mod that pins it, and goes into the program."""
        assert binary.shown_version().startswith("v")
        assert "{" not in binary.link_flags()

    def test_every_module_has_its_checksums(self) -> None:
        """What is downloaded is checked against what was pinned."""
        for binary in pins.CLUSTER + pins.NODE + pins.ENGINE + pins.PROVIDER:
            assert (SOURCE / binary.folder / "go.sum").exists(), binary.name

    def test_an_unknown_program_is_answered_with_the_known_ones(self) -> None:
        """The message lists them."""
        with pytest.raises(LocalError, match=r"no binary 'etc'; there are etcd,"):
            pins.binary("etc")

    @pytest.mark.parametrize(
        ("text", "version"), [("go1.26.8\n", (1, 26, 8)), ("go1.27", (1, 27, 0)), ("devel", (0,)), ("", (0,))]
    )
    def test_the_version_of_go(self, text: str, version: tuple[int, ...]) -> None:
        """What is not a release is never new enough."""
        assert go_toolchain.parse_version(text) == version


EXAMPLE = Image("example", "1.0", ("program",), {"VERSION": "1.0"}, ports=(8080,))


class TestImages:
    def test_the_same_files_give_the_same_image(self) -> None:
        """Bit by bit, so that its digest tells whether a node has it."""
        first = images.pack(EXAMPLE, {"program": b"code"})
        assert first == images.pack(EXAMPLE, {"program": b"code"})
        assert first[1] != images.pack(EXAMPLE, {"program": b"other"})[1]

    def test_an_image_has_what_the_node_needs_to_run_it(self) -> None:
        """Its full name, a user that is not root, the program, and blobs that are what their names say."""
        content, digest = images.pack(EXAMPLE, {"program": b"code"})
        files = _files(content)
        entry = json.loads(files["index.json"])["manifests"][0]
        assert entry["digest"] == digest
        assert entry["annotations"]["io.containerd.image.name"] == "docker.io/library/example:1.0"
        manifest = json.loads(files[_blob(digest)])
        config = json.loads(files[_blob(manifest["config"]["digest"])])
        assert config["config"]["User"] == "65532:65532"
        assert config["config"]["Entrypoint"] == ["/program"]
        assert config["config"]["Env"] == ["PATH=/", "VERSION=1.0"]
        layer = files[_blob(manifest["layers"][0]["digest"])]
        with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
            (program,) = archive.getmembers()
            assert (program.name, program.mode, program.mtime) == ("program", 0o755, 0)
        for name, blob in files.items():
            if name.startswith("blobs/"):
                assert name.endswith(hashlib.sha256(blob).hexdigest())

    def test_an_image_is_like_the_public_one_that_it_stands_for(self) -> None:
        """It has that one's full name, its programs and working directory where that one has them, and its PATH."""
        public = dataclasses.replace(
            EXAMPLE, registry="gcr.io/public", programs_folder="usr/local/bin", working_folder="/data"
        )
        files = _files(images.pack(public, {"program": b"code"})[0])
        entry = json.loads(files["index.json"])["manifests"][0]
        assert entry["annotations"]["io.containerd.image.name"] == "gcr.io/public/example:1.0"
        manifest = json.loads(files[_blob(entry["digest"])])
        config = json.loads(files[_blob(manifest["config"]["digest"])])["config"]
        assert (config["Entrypoint"], config["WorkingDir"]) == (["/usr/local/bin/program"], "/data")
        assert "/usr/local/bin" in config["Env"][0].removeprefix("PATH=").split(":")
        assert list(_files(files[_blob(manifest["layers"][0]["digest"])])) == ["usr/local/bin/program"]

    def test_an_image_is_named_with_or_without_its_tag(self) -> None:
        """Without, all its tags are meant; an unknown one is answered with the known ones."""
        assert [each.tag for each in images.named("random-generator")] == ["1.0", "2.0"]
        assert [each.tag for each in images.named("random-generator:2.0")] == ["2.0"]
        with pytest.raises(LocalError, match=r"no image 'rg'; there are .*random-generator:1\.0"):
            images.named("rg")

    @pytest.mark.parametrize(
        ("name", "full"),
        [
            ("db:1", "docker.io/library/db:1"),
            ("team/db:1", "docker.io/team/db:1"),
            ("ghcr.io/team/db:1", "ghcr.io/team/db:1"),
            ("localhost:5000/db:1", "localhost:5000/db:1"),
        ],
    )
    def test_the_names_of_images_in_a_file(self, tmp_path: Path, name: str, full: str) -> None:
        """As docker saves them, completed as Kubernetes does; and as this repository makes them."""
        saved = tmp_path / "saved.tar"
        saved.write_bytes(images._tar({"manifest.json": (json.dumps([{"RepoTags": [name]}]).encode(), 0o644)}))
        assert images.names_in(saved) == {full}
        made = tmp_path / "made.tar"
        made.write_bytes(images.pack(EXAMPLE, {"program": b"code"})[0])
        assert images.names_in(made) == {"docker.io/library/example:1.0"}

    def test_a_file_without_a_named_image_is_refused(self, tmp_path: Path) -> None:
        """The message has the command that makes one."""
        file = tmp_path / "image.tar"
        with pytest.raises(LocalError, match=r"is no file with images \(.*No such file.*docker save --output"):
            images.names_in(file)
        file.write_text("no archive")
        with pytest.raises(LocalError, match="is no file with images"):
            images.names_in(file)
        file.write_bytes(images._tar({"manifest.json": (b'[{"RepoTags": null}]', 0o644)}))
        with pytest.raises(LocalError, match="has no image with a name"):
            images.names_in(file)


def _files(content: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return {each.name: _read(archive, each) for each in archive.getmembers()}


def _blob(digest: str) -> str:
    return f"blobs/sha256/{digest.removeprefix('sha256:')}"


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file is not None
    return file.read()
