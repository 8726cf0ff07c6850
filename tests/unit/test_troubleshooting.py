"""docs/troubleshooting.md is made of what messages say, and each message leads to a page."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from pulumi_stateful_service import RefusedError, documentation
from pulumi_stateful_service.documentation import STORAGE, TROUBLESHOOTING, with_page
from pulumi_stateful_service.foundation import messages
from pulumi_stateful_service.live.client.errors import ClusterError

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "components" / "pulumi_stateful_service"
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text()
HEADINGS = re.findall(r"^(?:### |\| )`([^`]+)`(?: \||$)", PAGE, re.MULTILINE)
PAGES = {name for name in vars(documentation) if name.isupper() and not name.startswith("_")}
SHOWN_BY = re.compile(r"(\w*Error|warn|_warn_not_checked|_not_checked)$")
"""The names of what is called to show a message."""
SENTENCE = 10
"""Words from which on a text is a message by itself, and not a part of one."""
PAGE_OF = {
    "client/access.py": "kubeconfig.md",
    "client/credentials.py": "kubeconfig.md",
    "client/exec_plugin.py": "kubeconfig.md",
    "client/id_token.py": "kubeconfig.md",
    "client/kubeconfig.py": "kubeconfig.md",
    "client/kubeconfig_fields.py": "kubeconfig.md",
    "client/tls.py": "kubeconfig.md",
    "client/transport.py": "kubeconfig.md",
    "client/large_json.py": "troubleshooting.md",
    "client/repeating.py": "kubeconfig.md",
    "before/forecast_text.py": "rollouts.md",
    "before/resizes.py": "rollouts.md",
    "state/resize.py": "rollouts.md",
    "before/application_versions.py": "application-versions.md",
    "after/application_versions.py": "application-versions.md",
    "after/cluster_forming.py": "members.md",
    "before/recovery.py": "recovery.md",
    "after/recovery.py": "recovery.md",
    "state/recovery.py": "recovery.md",
    "instance_numbers.py": "recovery.md",
    "before/volume_snapshots.py": "snapshots.md",
    "before/roll_back.py": "volumes.md",
    "turns.py": "groups.md",
    "before/refusals/restore.py": "volumes.md",
    "before/refusals/rebuild.py": "volumes.md",
    "after/rebuild.py": "volumes.md",
    "after/group_snapshots.py": "snapshots.md",
    "after/volume_snapshots.py": "snapshots.md",
    "state/volume_snapshots.py": "snapshots.md",
    "after/restore_test.py": "snapshots.md",
    "client/exec.py": "rollout-steps.md",
    "instance_checks.py": "rollout-steps.md",
    "reclaim_policy.py": "volumes.md",
}
"""The pages that treat all messages of a module in `live/`."""

PARTS = (
    "get the new version, since none was ready",
    "no instance is ready, so all get the new version",
    "Kubernetes does not replace a Pod while its node",
    "If a Pod still blocks the rollout",
    "If a volume is lost for good",
    "Pods whose template changes are then replaced in turn",
    "Pods of an outdated revision that never became ready",
    "set it to the number of instances that are members",
)
"""Of messages that have a heading or a page, or of what is said while all goes well."""


@dataclass(frozen=True)
class Text:
    """A text of the package, with "…" for each value in it."""

    module: str
    words: str
    names: frozenset[str]
    """What is named by its values."""
    is_shown: bool
    """Whether it is what a message is made of, whatever its length."""

    @property
    def is_message(self) -> bool:
        """Whether it is long enough to be a message."""
        written = len(self.words.replace("…", "").split())
        continues = self.words.startswith((" ", ",")) or any(part in self.words for part in PARTS)
        return (self.is_shown and written > 2) or (written >= SENTENCE and not continues)


def texts(file: Path) -> Iterator[Text]:
    """All texts in a module, but docstrings and what is said while all goes well."""
    module = ast.parse(file.read_text())
    calls = [node for node in ast.walk(module) if isinstance(node, ast.Call)]
    left_out = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    left_out |= {id(part) for call in calls if _is_said(call) for part in ast.walk(call)}
    left_out |= {
        id(part)
        for node in ast.walk(module)
        if isinstance(node, ast.JoinedStr)
        for part in node.values
        if isinstance(part, ast.Constant)
    }
    shown = {id(part) for call in calls if SHOWN_BY.match(_called(call)) for part in call.args[:1]}
    name = str(file.relative_to(PACKAGE)).removeprefix("live/")
    for node in ast.walk(module):
        if id(node) in left_out:
            continue
        if isinstance(node, ast.JoinedStr):
            words = "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
            names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
            yield Text(name, words, frozenset(names), id(node) in shown)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield Text(name, node.value, frozenset(), id(node) in shown)


def _is_said(call: ast.Call) -> bool:
    """Whether it shows what is said while all goes well."""
    return _called(call) in {"info", "_say"} or ast.unparse(call.func).endswith("verdicts.say")


def _called(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


@cache
def everywhere() -> list[Text]:
    """The texts of all modules."""
    return [text for file in sorted(PACKAGE.rglob("*.py")) for text in texts(file)]


def is_in(heading: str, text: Text) -> bool:
    """Whether a message has the words of the heading in it."""
    return re.search(".*".join(map(re.escape, heading.split("…"))), text.words) is not None


@pytest.mark.parametrize("heading", HEADINGS)
def test_a_heading_is_what_a_message_says(heading: str) -> None:
    """Word for word, so that a search for the message finds it."""
    assert any(is_in(heading, text) for text in everywhere())


def test_each_message_has_a_heading_or_a_page() -> None:
    """What ends an operation or is warned of is on the page, or the message names another page."""
    found = [text for text in everywhere() if text.is_message and _is_of_operation(text)]
    assert len(found) > 60
    assert not [
        (text.module, text.words)
        for text in found
        if not text.names & PAGES and text.module not in PAGE_OF and not any(is_in(each, text) for each in HEADINGS)
    ]


def _is_of_operation(text: Text) -> bool:
    return (PACKAGE / "live" / text.module).exists()


def test_a_message_without_a_page_gets_this_one() -> None:
    """Before its full stop, or below its lines; a message that names a page stays as it is."""
    assert with_page("no right.") == f"no right ({TROUBLESHOOTING})."
    assert with_page("no right") == f"no right ({TROUBLESHOOTING})"
    assert with_page("refused:\n  a") == f"refused:\n  a\nSee {TROUBLESHOOTING}."
    assert with_page(f"keep it ({STORAGE}).") == f"keep it ({STORAGE})."
    assert TROUBLESHOOTING in str(RefusedError("it is protected"))
    assert TROUBLESHOOTING in str(ClusterError("it is away"))


def test_a_warning_names_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """As errors do."""
    said: list[str] = []
    monkeypatch.setattr("pulumi.log.warn", lambda text, _: said.append(text))
    messages.warn("it was edited.", None)
    assert said == [f"it was edited ({TROUBLESHOOTING})."]
