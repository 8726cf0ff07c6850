"""docs/environments.md: its project, its stack prod and its policy as they stand, but for image and size."""

import re
from dataclasses import dataclass
from pathlib import Path

from harness import ROOT, Project, Service
from lightkube import Client

PAGE = ROOT / "docs" / "environments.md"
FILE = re.compile(r"^```(?:py|yaml)\n# (\S+\.(?:py|yaml))\n(.*?)^```$", re.DOTALL | re.MULTILINE)
EVERY_DAY = "shop:restartDays=Mon Tue Wed Thu Fri Sat Sun"
NEVER = "shop:restartDays=never"


@dataclass
class Shop(Service):
    """The project of the page."""

    stack: str = "prod"

    def __post_init__(self) -> None:
        Project.__post_init__(self)
        for name, content in FILE.findall(PAGE.read_text()):
            (self.folder / name).write_text(content)
        (self.folder / ".venv").symlink_to(ROOT / ".venv")
        self.init()
        self.configure(namespace=self.namespace, image="random-generator:1.0", size="10Mi")

    def configure(self, **settings: str) -> None:
        """Changes the stack's configuration."""
        for key, value in settings.items():
            self.must("config", "set", key, value)


def test_the_policy_of_the_page_forbids_restarts(
    env: dict[str, str], client: Client, namespace: str, tmp_path: Path
) -> None:
    """Three instances in prod; on a day without restarts an image is refused, and a larger disk is not."""
    shop = Shop(tmp_path / "shop", env, namespace=namespace, client=client)
    try:
        shop.up()
        assert len(shop.pods()) == 3
        shop.configure(image="random-generator:2.0")
        refused = shop.must_fail("preview", "--config", NEVER)
        assert re.search(r"error: Policy: no Pod is replaced on \w{3}, and .* cache-0, cache-1, cache-2\.", refused)
        assert "Traceback" not in refused
        shop.must("preview", "--config", EVERY_DAY)
        shop.configure(image="random-generator:1.0", size="20Mi")
        assert "expanded from 10Mi to 20Mi" in shop.must("preview", "--config", NEVER)
    finally:
        shop.run("destroy", "--yes", "--skip-preview")
