"""An image of one's own, from a file, in the embedded cluster."""

from collections.abc import Callable
from pathlib import Path

from harness import Service, local

from local import binaries, images, pins

Make = Callable[..., Service]


def test_a_service_runs_an_image_of_ones_own(service: Make, tmp_path: Path) -> None:
    """``import-image`` takes the file that a builder has saved; no registry has the image."""
    image = images.Image("own-image", "1.0", ("random-generator",), ports=(8080,))
    program = binaries.folder([pins.binary("random-generator")]) / "random-generator"
    file = tmp_path / "image.tar"
    file.write_bytes(images.pack(image, {"random-generator": program.read_bytes()})[0])
    local("import-image", str(file))
    rg = service(image="own-image:1.0", replicas=1)
    rg.up()
    [pod] = rg.pods().values()
    assert pod.status.containerStatuses[0].image.endswith("own-image:1.0")
