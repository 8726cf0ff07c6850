"""The examples in README.md and docs/ run as they stand: programs under mocks, tests as users run them."""

import re
import subprocess
import sys
import tomllib
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from pulumi_stateful_service import documentation
from pulumi_stateful_service.live.before.refusals.volumes import shrink_refusal
from pulumi_stateful_service.testing import deploy

from benchmarks.imports import imported_beyond_plain
from benchmarks.measure import RESULTS, load
from benchmarks.report import performance_page, plots
from docs.diagrams.draw import FOLDER as DIAGRAMS
from docs.diagrams.draw import diagrams
from docs.diagrams.svg import width_of
from docs.generate import PAGES as GENERATED
from docs.generate import ROOT as REPOSITORY
from docs.generate import (
    generated,
    kubernetes_scenarios,
    pages_with_parts,
    with_parts,
    without_a_test,
)
from docs.generate import tests as found_tests
from local.pins import KUBERNETES_PROVIDER, PULUMI_MINIMUM

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(python|yaml)\n(?:# (\S+\.(?:py|yaml))\n)?(.*?)^```$", re.DOTALL | re.MULTILINE)
PAGES = [*sorted(ROOT.glob("*.md")), ROOT / "components" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PROGRAMS = [
    pytest.param(code, id=f"{page.relative_to(ROOT)}:{number}")
    for page in PAGES
    for number, (language, name, code) in enumerate(BLOCK.findall(page.read_text()))
    if language == "python" and not name
]


@pytest.mark.parametrize("code", PROGRAMS)
def test_each_program_deploys(code: str) -> None:
    """An example is accepted, and makes at least one service."""

    def program() -> None:
        names: dict[str, Any] = {}
        exec(compile(code, "example", "exec"), names)  # noqa: S102 - our own examples

    assert deploy(program, config={"password": "known"}).all("StatefulService")


def test_the_testing_page(tmp_path: Path) -> None:
    """Its files, put into an empty folder, are a project whose tests pass."""
    files = [found for found in BLOCK.findall((ROOT / "docs" / "testing.md").read_text()) if found[1]]
    for _, name, content in files:
        (tmp_path / name).write_text(content)
    tests = sum(name.startswith("test_") for _, name, _ in files)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:anyio"]
    run = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert tests >= 5


@pytest.mark.parametrize("page", GENERATED)
def test_a_generated_page_is_current(page: str) -> None:
    """It is what the sources say now."""
    assert (ROOT / "docs" / page).read_text() == generated(page), "run `make docs`"


@pytest.mark.parametrize("page", pages_with_parts(), ids=lambda page: page.name)
def test_the_generated_parts_of_a_page_are_current(page: Path) -> None:
    """They are what the sources say now."""
    assert page.read_text() == with_parts(page.read_text()), "run `make docs`"


def test_the_diagrams_are_current() -> None:
    """Each is what its source says now, and no other is left over."""
    drawn = diagrams()
    assert {each.name: each.read_text() for each in DIAGRAMS.glob("*.svg")} == drawn, "run `make docs`"
    assert len(drawn) >= 4


@pytest.mark.parametrize(
    "file", sorted([*DIAGRAMS.glob("*.svg"), *(ROOT / "docs" / "plots").glob("*.svg")]), ids=lambda file: file.name
)
def test_no_text_of_a_drawing_overlaps_another(file: Path) -> None:
    """Each text has its own place, inside the drawing; widths are those of a wide font."""
    boxes = []
    root = ET.fromstring(file.read_text())  # noqa: S314 - our own drawings
    for text in root.iter("{http://www.w3.org/2000/svg}text"):
        size, anchor = float(text.attrib["font-size"]), text.attrib["text-anchor"]
        code, bold = "font-family" in text.attrib, "font-weight" in text.attrib
        width = width_of(text.text or "", size=size, bold=bold, code=code)
        left = float(text.attrib["x"]) - {"start": 0, "middle": width / 2, "end": width}[anchor]
        boxes.append((left, float(text.attrib["y"]) - size, left + width, float(text.attrib["y"]), text.text))
        assert left >= 0, text.text
        assert left + width <= float(root.attrib["width"]), text.text
        assert float(text.attrib["y"]) <= float(root.attrib["height"]), text.text
    overlapping = [
        (one[4], other[4])
        for one, other in combinations(boxes, 2)
        if one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
    ]
    assert not overlapping


def test_the_plots_show_what_was_measured() -> None:
    """From the values beside the benchmarks; the page's tables too."""
    for file, content in {**plots(), **performance_page()}.items():
        assert file.read_text() == content, "run `make bench-docs`"


def test_each_row_says_when_it_was_measured() -> None:
    """The day and the commit; `make bench-docs` notes them for rows that have none yet."""
    for file in RESULTS.glob("*.json"):
        for row in load(file.stem).rows:
            assert re.fullmatch(r"\d{4}-\d\d-\d\d, [0-9a-f]{7,}\+?", row.measured), (file.name, row.what)


def test_the_performance_page_names_what_the_package_imports() -> None:
    """Of all that is installed here nothing but the package's own dependencies: those of earlier days are gone."""
    text = (ROOT / "docs" / "performance.md").read_text()
    installed = set(re.findall(r"^([\w.-]+)==", (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE))
    project = tomllib.loads((ROOT / "components" / "pyproject.toml").read_text())["project"]
    own = {re.split(r"[<>=;]", each)[0] for each in project["dependencies"]} | set(imported_beyond_plain())
    words = {word.strip(".") for word in re.findall(r"[\w.-]+", text)}
    named = words - {"requests"}  # those to the API server
    assert named & (installed | {"lightkube", "httpx2", "msgspec"}) <= own


def test_each_promise_has_a_test_on_the_cluster() -> None:
    """None that was shown once is left without a test; the package as others use it is still to be shown."""
    assert set(without_a_test()) <= {"P16"}


def test_the_readme_lists_every_page() -> None:
    """Each page of docs/ is one click away."""
    text = (ROOT / "README.md").read_text()
    assert not [page.name for page in (ROOT / "docs").glob("*.md") if f"](docs/{page.name})" not in text]


def test_the_design_page_lists_every_decision() -> None:
    """By its number and its title."""
    text = (ROOT / "docs" / "design.md").read_text()
    for place, file in enumerate(sorted((ROOT / "docs" / "decisions").glob("*.md")), 1):
        [(number, title)] = re.findall(r"\A# (\d+)\. (.+)$", file.read_text(), re.MULTILINE)
        assert int(number) == place
        assert file.name.startswith(f"{place:04}-")
        assert f"| {number} | [{title}](decisions/{file.name}) | " in text


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.name != "CHANGELOG.md" and page.name not in GENERATED],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_a_page_is_not_too_long(page: Path) -> None:
    """2,000 words of prose at most, but for the pages that are made from the sources, and the changelog."""
    prose = re.sub(r"^```.*?^```$|^\|.*?$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    assert len(prose.split()) <= 2000


def test_the_versions_page_names_what_is_supported_and_tested() -> None:
    """The bounds of the package, and the releases that the engine and the cluster are built from."""
    project = tomllib.loads((ROOT / "components" / "pyproject.toml").read_text())["project"]
    bounds = dict(re.findall(r"([\w-]+)>=(\d+\.\d+)", " ".join(project["dependencies"])))
    pinned = dict(re.findall(r"^([\w-]+)==(\d+\.\d+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    kubernetes = (ROOT / "local" / "modules" / "kubernetes" / "go.mod").read_text()
    expected = {
        "Python": {project["requires-python"].removeprefix(">=")},
        "Pulumi SDK (`pulumi`)": {bounds["pulumi"], pinned["pulumi"]},
        "Pulumi CLI": {".".join(map(str, PULUMI_MINIMUM[:2])), pinned["pulumi"]},
        "`pulumi-kubernetes`": {bounds["pulumi-kubernetes"], ".".join(KUBERNETES_PROVIDER.split(".")[:2])},
        "Kubernetes": set(re.findall(r"k8s.io/kubernetes v(\d+\.\d+)", kubernetes)),
    }
    lines = (ROOT / "docs" / "versions.md").read_text().splitlines()
    rows = {cells[1].strip(): " ".join(cells[2:]) for line in lines if len(cells := line.split("|")) > 3}
    assert not [
        name for name, versions in expected.items() if not versions or not all(v in rows[name] for v in versions)
    ]


def test_the_readme_shows_what_a_preview_says() -> None:
    """The refusal of its example, word for word but for the address of the page."""
    claims = [f"data-cache-{ordinal}" for ordinal in range(3)]
    refusal = f"StatefulService 'cache': {shrink_refusal('data', '10Gi', '5Gi', claims)}"
    assert re.sub(r"https://\S*?(?=/docs/)", "…", refusal) in " ".join((ROOT / "README.md").read_text().split())


def test_the_readme_names_what_is_supported() -> None:
    """The lowest releases, as the versions page has them, and the Kubernetes of the cluster tests."""
    [said] = re.findall(r"^Supported: .*?\n\n", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    rows = re.findall(r"^\| .*? \| (\d+\.\d+)", (ROOT / "docs" / "versions.md").read_text(), re.MULTILINE)
    assert {*rows[:5], "1.37"} == set(re.findall(r"\d+\.\d+", said))


def test_each_link_leads_somewhere() -> None:
    """A link from a page to a file of the repository finds it."""
    links = [
        (page.relative_to(ROOT), link)
        for page in PAGES
        for link in re.findall(r"\]\(((?!https?:|#)[^)#]+)", BLOCK.sub("", page.read_text()))
    ]
    assert not [(page, link) for page, link in links if not (ROOT / page.parent / link).exists()]
    assert len(links) > 10


def anchors(page: Path) -> set[str]:
    """What a link to a page can name after #: its headings as GitHub writes them, and the anchors that it sets."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    headings = [re.sub(r"[^\w\- ]", "", each.lower()) for each in re.findall(r"^#+ (.+)$", text, re.MULTILINE)]
    return {each.replace(" ", "-") for each in headings} | set(re.findall(r'<a id="([^"]+)">', text))


def test_each_link_to_a_heading_finds_it() -> None:
    """In the pages, in those of the examples, and in the addresses that messages name."""
    links = [
        (page, page.parent / name if name else page, anchor)
        for page in [*PAGES, *(ROOT / "examples").glob("*/README.md")]
        for name, anchor in re.findall(r"\]\(((?!https?:)[^)#]*)#([^)]+)\)", page.read_text())
    ]
    links += [
        (ROOT, ROOT / "docs" / address.partition("#")[0].rpartition("/")[2], address.partition("#")[2])
        for address in vars(documentation).values()
        if isinstance(address, str) and address.startswith("https://") and "#" in address
    ]
    assert not [(page, anchor) for page, target, anchor in links if anchor not in anchors(target)]
    assert len(links) > 10


def test_kubernetes_scenarios_are_told_by_tests_that_exist() -> None:
    """All 33 of Kubernetes 1.37, or the reason why one is not told."""
    known = {test.name for test in found_tests(REPOSITORY / "tests" / "cluster")}
    scenarios = kubernetes_scenarios()
    assert len(scenarios) == 33
    for scenario, told in scenarios.items():
        assert isinstance(told, str) or (told and set(told) <= known), scenario
