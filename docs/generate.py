"""Writes the pages of docs/ that are made from the sources: `make docs`.

The arguments come from their docstrings, the promises from promises.yaml and the tests that carry their ids, and what
was broken from the docstrings of the tests that break it. The diagrams are drawn from diagrams/diagrams.toml. Of other
pages some parts are made, such as the Role: those between a comment that names the part and the next ``end``.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from docs import access
from docs.diagrams import draw
from docs.reference.effects import effects
from docs.reference.examples import THEMES, TYPES
from docs.reference.sections import changes_section, example_section

DOCS = Path(__file__).parent
ROOT = DOCS.parent
PACKAGE = ROOT / "components" / "pulumi_stateful_service"
_IDS = re.compile(r"^test_((?:p\d\d_)+)")
_HEADING = re.compile(r"^    # == (.+) ==$")


@dataclass(frozen=True)
class Test:
    """A test function as it is written."""

    file: Path
    name: str
    says: str
    """Its docstring."""
    marks: frozenset[str]
    """Its pytest marks, such as ``alone``."""

    @property
    def promises(self) -> list[str]:
        """The ids of the promises that it carries in its name."""
        found = _IDS.match(self.name)
        return [each.upper() for each in found[1].split("_") if each] if found else []

    @property
    def link(self) -> str:
        """A link to it from a page in docs/."""
        return f"[`{self.name}`](../{self.file.relative_to(ROOT)})"


def tests(folder: Path) -> list[Test]:
    """The tests in a folder, by file and place."""
    return [
        Test(
            file=file,
            name=node.name,
            says=_in_markdown(ast.get_docstring(node) or ""),
            marks=frozenset(_marks(node)),
        )
        for file in sorted(folder.rglob("test_*.py"))
        for node in sorted(_functions(ast.parse(file.read_text())), key=lambda function: function.lineno)
        if node.name.startswith("test_")
    ]


def promises() -> dict[str, str]:
    """What is promised, by id."""
    read: dict[str, str] = yaml.safe_load((DOCS / "promises.yaml").read_text())
    return read


def without_a_test() -> list[str]:
    """The promises that no test shows on a cluster."""
    shown = {promise for test in tests(ROOT / "tests" / "cluster") for promise in test.promises}
    return sorted(promises().keys() - shown)


def promises_page() -> str:
    """Each promise with the tests that prove it."""
    kinds = {
        "On a running cluster, through `pulumi up`": tests(ROOT / "tests" / "cluster"),
        "On what is asked of Pulumi": tests(ROOT / "tests" / "unit"),
    }
    lines = [
        "# Promises and their tests",
        "",
        "What must hold, after the chapter *Stateful Service* of *Kubernetes Patterns*. A promise counts as kept when",
        "a test shows it on a running cluster, through a real `pulumi up`. `make test` runs them all.",
        "",
    ]
    for promise, text in promises().items():
        lines += [f"## {promise}", "", text, ""]
        for kind, all_tests in kinds.items():
            of_promise = [test for test in all_tests if promise in test.promises]
            if of_promise:
                lines += [f"{kind}:", "", *(f"- {test.says} {test.link}" for test in of_promise), ""]
        if promise in without_a_test():
            lines += ["No test shows it on a cluster yet.", ""]
    return "\n".join(lines)


_ABOUT_FAULTS = ("test_faults_", "test_nodes")


def reliability_page() -> str:
    """What was broken and what held, from the tests that say so on either side of a colon."""
    lines = [
        "# Fault tests",
        "",
        "On the embedded cluster, through a real engine and provider, while a client writes to every instance. In",
        "each case: every line that an instance confirmed is on its disk afterwards, no two Pods or processes of one",
        "identity ran at once, no claim was deleted but by the fault itself, and one more `pulumi up`, after what its",
        "message says, led to what was asked for. [Operating](operating.md) tells what to do. `make test` interrupts",
        "each operation at a few moments, `make test-faults MOMENTS=20` at as many as you like, and",
        "`make test-nodes FAULTS=50` lets nodes fail as often. [Databases under faults](database-faults.md) has what",
        "databases lose, and how long they pause.",
        "",
    ]
    all_tests = tests(ROOT / "tests" / "cluster")
    for file in sorted({test.file for test in all_tests if test.file.name.startswith(_ABOUT_FAULTS)}):
        heading = _as_written(ast.get_docstring(ast.parse(file.read_text())) or "").splitlines()[0].rstrip(".")
        lines += [f"## {heading}", "", "| broken | held | test |", "|---|---|---|"]
        for test in all_tests:
            if test.file == file:
                broken, _, held = test.says.partition(": ")
                lines.append(f"| {broken} | {held} | {test.link} |")
        lines.append("")
    return "\n".join(lines)


def statements() -> dict[str, dict[str, list[str] | str]]:
    """By page and by what the page says: the names of the tests, a source, or that it is a description."""
    read: dict[str, dict[str, list[str] | str]] = yaml.safe_load((DOCS / "statements.yaml").read_text())
    return read


def statements_page() -> str:
    """What the pages say of Pods, claims and data, with the tests that show it, or a source."""
    by_name = {test.name: test for folder in ("unit", "cluster") for test in tests(ROOT / "tests" / folder)}
    lines = [
        "# Statements and their tests",
        "",
        "Each is shown by tests, most of them on a running cluster, or has a source where another project decides it.",
        "A unit test holds that the page still says it, and that no sentence of these pages on what happens to Pods,",
        "claims or data is missing.",
        "",
    ]
    for page, said in statements().items():
        lines += [f"## {page}", "", "| it says | shown by |", "|---|---|"]
        lines += [
            f"| {_in_markdown(statement)} | {_shown_by(shown, by_name)} |"
            for statement, shown in said.items()
            if shown != "description"
        ]
        lines.append("")
    return "\n".join(lines)


def _shown_by(shown: list[str] | str, by_name: dict[str, Test]) -> str:
    return shown if isinstance(shown, str) else ", ".join(by_name[name].link for name in shown)


def kubernetes_scenarios() -> dict[str, list[str] | str]:
    """The names of the tests, or why there is none, by the scenario's name."""
    read: dict[str, list[str] | str] = yaml.safe_load((DOCS / "kubernetes-scenarios.yaml").read_text())
    return read


def kubernetes_scenarios_page() -> str:
    """Kubernetes' own scenarios of StatefulSets, with the tests that tell them through the component."""
    by_name = {test.name: test for test in tests(ROOT / "tests" / "cluster")}
    scenarios = kubernetes_scenarios()
    told = sum(not isinstance(names, str) for names in scenarios.values())
    lines = [
        "# Kubernetes' own scenarios",
        "",
        f"Kubernetes 1.37 tests StatefulSets with {len(scenarios)} scenarios (`test/e2e/apps/statefulset.go`).",
        f"{told} of them are repeated here through the component, on a running cluster.",
        "",
        "| scenario | test |",
        "|---|---|",
    ]
    for scenario, names in scenarios.items():
        told_by = names if isinstance(names, str) else ", ".join(by_name[name].link for name in names)
        lines.append(f"| {_in_markdown(scenario)} | {told_by} |")
    return "\n".join([*lines, ""])


def argument_groups(source: str) -> dict[str, list[str]]:
    """The arguments of the component by heading: a comment above the first of them in arguments/types.py."""
    lines = source.splitlines()
    groups: dict[str, list[str]] = {}
    for field in _class(ast.parse(source), "StatefulServiceArgs").body:
        if isinstance(field, ast.AnnAssign):
            headings = [found[1] for line in lines[: field.lineno - 1] if (found := _HEADING.match(line))]
            groups.setdefault(headings[-1] if headings else "", []).append(ast.unparse(field.target))
    return groups


def arguments_page() -> str:
    """Every argument and output."""
    source = (PACKAGE / "arguments" / "types.py").read_text()
    arguments = ast.parse(source)
    component = ast.parse((PACKAGE / "component.py").read_text())
    classes = [node for node in arguments.body if isinstance(node, ast.ClassDef)]
    main = _class(arguments, "StatefulServiceArgs")
    instance = _class(ast.parse((PACKAGE / "foundation" / "names.py").read_text()), "Instance")
    forecast = _class(ast.parse((PACKAGE / "live" / "before" / "forecast.py").read_text()), "ForecastOutput")
    objects = [each for each in classes if _base(each) == "TypedDict" and each is not main]
    enumerations = [each for each in classes if _base(each) == "StrEnum"]
    groups = argument_groups(source)
    names = {"Instance", "ForecastOutput", *(each.name for each in classes)}
    lines = [
        "# Arguments and outputs",
        "",
        "The arguments and outputs of `StatefulService(NAME, ARGS, OPTIONS)`. A value can be an Output unless its type",
        "says plain. Maps and lists themselves are plain; their items can be Outputs. Other languages than Python use",
        "camelCase names (`serviceName` for `service_name`).",
        "",
        "Kubernetes fields without an object, such as `spec.replicas`, are fields of the StatefulSet; `containers[]`",
        "stands for the container of the component in `spec.template.spec`.",
        "",
        "Each example has the arguments that it is about, and is run by a unit test. What else an image needs, such as",
        "the user of `postgres:17`, is in the [examples](../examples/postgresql/README.md). A YAML program begins with",
        "`name`, `runtime` and `packages` ([packages](packages.md#yaml)).",
        "",
        *changes_section(),
        "## Arguments",
        "",
        ", ".join(f"[{heading}](#{_anchor(heading)})" for heading in groups),
        "",
        *(line for heading in groups for line in _group(main, names, heading, groups[heading])),
        *_table(_class(component, "StatefulService"), names, "output", "## Outputs"),
        *_table(instance, names, "field", "## Instance"),
        *_table(forecast, names, "field", "## ForecastOutput"),
    ]
    for each in objects:
        lines += [*_table(each, names, "argument", f"## {each.name}"), *example_section(TYPES[each.name])]
    for each in enumerations:
        lines += [f"## {each.name}", "", _docstring(each), "", "| value | meaning |", "|---|---|"]
        lines += [f"| `{ast.literal_eval(value)}` | {says} |" for _, value, says in _fields(each)]
        lines.append("")
    # Each mention of an object or an enumeration is a link to it.
    return re.sub(rf"(?<!\[)`({'|'.join(names)})`", lambda of: f"[{of[0]}](#{of[1].lower()})", "\n".join(lines))


PAGES: dict[str, Callable[[], str]] = {
    "arguments.md": arguments_page,
    "promises.md": promises_page,
    "reliability.md": reliability_page,
    "statements.md": statements_page,
    "kubernetes-scenarios.md": kubernetes_scenarios_page,
}


PARTS: dict[str, Callable[[], list[str]]] = {
    "changes": access.changes_table,
    "reads": access.reads_table,
    "role": access.role,
    "rights of arguments": access.rights_of_arguments,
    "optional rights": access.optional_rights,
}
_PART = re.compile(r"^(<!-- made by `make docs`: ([\w ]+) -->\n).*?^(<!-- end -->)$", re.DOTALL | re.MULTILINE)


def pages_with_parts() -> list[Path]:
    """The pages of which a part is made."""
    pages = [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]
    return sorted(page for page in pages if page.name not in PAGES and _PART.search(page.read_text()))


def with_parts(text: str) -> str:
    """The text of a page, its parts made anew."""
    return _PART.sub(lambda part: "\n".join([part[1].strip(), *PARTS[part[2]](), part[3]]), text)


def generated(page: str) -> str:
    """The text of a page, with a comment on how it is generated."""
    title, _, rest = PAGES[page]().rstrip().partition("\n")
    return f"{title}\n\n<!-- Made by `make docs` from the sources; changes here are lost. -->\n{rest}\n"


def _class(module: ast.Module, name: str) -> ast.ClassDef:
    [found] = [node for node in module.body if isinstance(node, ast.ClassDef) and node.name == name]
    return found


def _base(node: ast.ClassDef) -> str:
    return ast.unparse(node.bases[0]) if node.bases else ""


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr, str]]:
    """Each field of a class: its name, its annotation (of an enumeration its value), and the docstring below it."""
    for field, below in zip(node.body, node.body[1:], strict=False):
        if not (isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)):
            continue
        says = _in_markdown(str(below.value.value))
        if isinstance(field, ast.AnnAssign):
            yield ast.unparse(field.target), field.annotation, says
        elif isinstance(field, ast.Assign):
            yield ast.unparse(field.targets[0]), field.value, says


def _table(node: ast.ClassDef, names: set[str], what: str, heading: str) -> list[str]:
    return [heading, "", _docstring(node), "", *_rows(node, names, what), ""]


def _group(node: ast.ClassDef, names: set[str], heading: str, arguments: list[str]) -> list[str]:
    return [f"### {heading}", "", *_rows(node, names, "argument", arguments), "", *example_section(THEMES[heading])]


def _rows(node: ast.ClassDef, names: set[str], what: str, only: list[str] | None = None) -> list[str]:
    if what != "argument":
        lines = [f"| {what} | type | meaning |", "|---|---|---|"]
        return lines + [f"| `{name}` | {_type(to, names)[0]} | {says} |" for name, to, says in _fields(node)]
    lines = [f"| {what} | type | meaning | change |", "|---|---|---|---|"]
    for name, annotation, says in _fields(node):
        if only is None or name in only:
            type_, required, plain = _type(annotation, names)
            effect = effects()[node.name, name]
            lines.append(f"| `{name}` | {'plain ' * plain}{type_} | {'Required. ' * required}{says} | {effect} |")
    return lines


def _anchor(heading: str) -> str:
    return heading.lower().replace(" ", "-")


def _type(annotation: ast.expr, names: set[str]) -> tuple[str, bool, bool]:
    """An annotation in markdown without Pulumi's wrappers, whether it is required, and whether it takes no Output."""
    written = ast.unparse(annotation)
    groups = [name for name in sorted(names) if re.search(rf"\b{name}\b", written)]
    plain = not groups and not re.search(r"\b(?:Input|Any)\b", written)
    bare = ast.unparse(_Bare().visit(annotation)).replace("|", "\\|")
    text = f"[`{bare}`](#{groups[0].lower()})" if groups else f"`{bare}`"
    return text, not written.startswith("NotRequired["), plain


class _Bare(ast.NodeTransformer):
    """Takes ``NotRequired``, ``pulumi.Input`` and ``pulumi.Output`` off what is in them."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        inner = self.generic_visit(node)
        wrapped = ast.unparse(node.value) in ("NotRequired", "pulumi.Input", "pulumi.Output")
        return node.slice if wrapped else inner


def _docstring(node: ast.ClassDef) -> str:
    return "\n\n".join(" ".join(each.split()) for each in _as_written(ast.get_docstring(node) or "").split("\n\n"))


def _in_markdown(text: str) -> str:
    """A docstring as one line of a table."""
    return " ".join(_as_written(text).split()).replace("|", "\\|")


def _as_written(text: str) -> str:
    return text.replace("``", "`")


def _functions(module: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _marks(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = ast.unparse(called)
        if name.startswith("pytest.mark."):
            yield name.removeprefix("pytest.mark.")


if __name__ == "__main__":
    for page in PAGES:
        (DOCS / page).write_text(generated(page))
    for file in pages_with_parts():
        file.write_text(with_parts(file.read_text()))
    draw.write()
    if missing := without_a_test():
        sys.stderr.write(f"No test shows on a cluster: {', '.join(missing)}\n")
