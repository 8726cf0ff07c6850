"""A report says of each service in a preview's log what its component has told, and nothing else.

The logs in ``logs/`` are those of real previews, shortened; beside each is what is reported of it. With
``WRITE_REPORTS=1`` they are written again.
"""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import fastjsonschema
import pulumi_stateful_service_report as package
import pytest
import yaml
from pulumi_stateful_service.foundation.names import COMPONENT_TYPE
from pulumi_stateful_service.live.before.forecast import ClaimOutcome, InstanceOutcome, StatefulSetOutcome
from pulumi_stateful_service_report.command import run
from pulumi_stateful_service_report.findings import MEANINGS, Finding, findings_of
from pulumi_stateful_service_report.markdown import as_markdown
from pulumi_stateful_service_report.preview_log import COMPONENT, read_previews
from pulumi_stateful_service_report.record import State, encode, new_record
from pulumi_stateful_service_report.report import new_report

LOGS = sorted(Path(__file__).with_name("logs").glob("*.json*"))
SCHEMA = json.loads(Path(package.__file__).with_name("report.schema.json").read_text())
SERVICE = f"urn:pulumi:prod::shop::{COMPONENT}::"
SET = f"urn:pulumi:prod::shop::{COMPONENT}$kubernetes:apps/v1:StatefulSet::"
PAGE = (Path(__file__).parents[3] / "docs" / "report.md").read_text()
GATES = [Finding.CLAIM_DELETED, Finding.UNKNOWN]


def reported(text: str) -> Any:
    """The report of a log as JSON, which fits the schema."""
    written = new_report(read_previews(text, "the log")).as_json([])
    fastjsonschema.validate(SCHEMA, written)
    return written


def event(**content: Any) -> str:
    return json.dumps({"sequence": 1, "timestamp": 1, **content}) + "\n"


def told(name: str, record: Any, severity: str = "debug") -> str:
    """The line of an event log in which a component tells of its service."""
    return event(diagnosticEvent={"urn": SERVICE + name, "message": encode(record) + "\n", "severity": severity})


def step(urn: str, operation: str = "same", **state: Any) -> str:
    old = {"parent": urn.replace("$kubernetes:apps/v1:StatefulSet", ""), **state}
    return event(resourcePreEvent={"metadata": {"op": operation, "urn": urn, "old": old}})


def end(result: str = "succeeded", *, is_preview: bool = True) -> str:
    summary = {"resourceChanges": {"same": 1}, "isPreview": is_preview, "result": result}
    return event(summaryEvent=summary) + event(cancelEvent={})


class TestRealLogs:
    @pytest.mark.parametrize("log", LOGS, ids=lambda log: log.name)
    @pytest.mark.parametrize("form", ["json", "md"])
    def test_the_report_is_as_it_was(self, log: Path, form: str) -> None:
        """Markdown and JSON, which fits its schema."""
        report = new_report(read_previews(log.read_text(), log.name))
        written = report.as_json(GATES)
        fastjsonschema.validate(SCHEMA, written)
        text = as_markdown(report, GATES) if form == "md" else json.dumps(written, indent=1) + "\n"
        expected = log.parent.with_name("reports") / f"{log.name}.{form}"
        if os.environ.get("WRITE_REPORTS"):
            expected.write_text(text)
        assert text == expected.read_text()

    def test_both_kinds_of_log_say_the_same(self) -> None:
        """Of one preview: the event log, and the document of --json."""
        events, document = (next(log for log in LOGS if log.name == f"changes.{kind}") for kind in ("jsonl", "json"))
        assert reported(events.read_text()) == reported(document.read_text())


class TestStates:
    def test_a_service_without_a_forecast_is_unknown(self) -> None:
        """Whatever the engine does to it, or does not: nobody has looked."""
        for operation in ("same", "update", "create"):
            log = step(SERVICE + "db", "same") + step(SET + "db", operation) + end()
            [service] = reported(log)["services"]
            assert service["state"] == State.UNKNOWN
            assert service["findings"] == [Finding.UNKNOWN]

    def test_a_damaged_forecast_is_unknown(self) -> None:
        """And says so; it does not take the whole report with it."""
        log = told("db", new_record(State.UNCHANGED)).replace("Unchanged", "[secret]")
        [service, _] = reported(log + told("queue", new_record(State.UNCHANGED)) + end())["services"]
        assert (service["state"], service["reason"]) == ("Unknown", "its forecast in the log is damaged")

    def test_a_log_without_its_end_is_not_complete(self) -> None:
        """Of an engine that was killed in the middle of a line, and of one that failed. Errors are not repeated."""
        line = told("db", new_record(State.UNCHANGED))
        error = event(diagnosticEvent={"message": "the password is hunter2", "severity": "error"})
        for log in (line + line[:50], line + end("failed"), error + line + end("failed")):
            written = reported(log)
            assert written["findings"] == {Finding.PREVIEW_FAILED: 1}
            assert not written["previews"][0]["complete"]
            assert "hunter2" not in json.dumps(written)

    def test_a_deleted_service_takes_its_claims_where_the_policy_says_so(self) -> None:
        """What the engine deletes no component tells: it follows from Pulumi's state."""
        spec = {"replicas": 2, "ordinals": {"start": 5}, "volumeClaimTemplates": [{"metadata": {"name": "data"}}]}
        policy = {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}
        inputs = {"metadata": {"name": "db", "namespace": "prod"}, "spec": {**spec, **policy}}
        [service] = reported(step(SET + "db", "delete", inputs=inputs) + end())["services"]
        assert service["state"] == State.DELETED
        assert service["claims"] == {"data-db-5": "Deleted", "data-db-6": "Deleted"}
        assert Finding.CLAIM_DELETED in service["findings"]
        kept = step(SET + "db", "delete", inputs=inputs, retainOnDelete=True)
        assert reported(kept + end())["services"][0]["claims"] == {"data-db-5": "Kept", "data-db-6": "Kept"}

    def test_a_deleted_service_of_which_nothing_is_known_is_unknown_too(self) -> None:
        """For example because its inputs are secret."""
        [service] = reported(step(SET + "db", "delete", inputs={"metadata": "[secret]"}) + end())["services"]
        assert {Finding.SERVICE_DELETED, Finding.UNKNOWN} <= {*service["findings"]}

    def test_a_replaced_service_stops_as_a_whole(self) -> None:
        """With the instances that the program has, of those that Pulumi's state has."""
        metadata, volumes = {"name": "db", "namespace": "prod"}, [{"metadata": {"name": "data"}}]
        of = {"volumeClaimTemplates": volumes}
        old, new = ({"inputs": {"metadata": metadata, "spec": {"replicas": each, **of}}} for each in (3, 2))
        replaced = {"op": "replace", "urn": SET + "db", "old": old, "new": {**new, "parent": SERVICE + "db"}}
        log = event(resourcePreEvent={"metadata": replaced}) + told("db", new_record(State.UNKNOWN, "it exists"))
        [service] = reported(log + end())["services"]
        assert (service["state"], service["set"], service["reason"]) == ("Changed", "Replaced", None)
        assert service["instances"] == {"db-0": "Replaced", "db-1": "Replaced", "db-2": "Removed"}
        assert (service["order"], service["atATime"]) == (["db-0", "db-1"], 2)
        assert service["claims"] == {"data-db-0": "Kept", "data-db-1": "Kept", "data-db-2": "LeftBehind"}
        assert {Finding.STATEFUL_SET_REPLACED, Finding.QUORUM_AT_RISK} <= {*service["findings"]}
        scaled = told("db", new_record(State.UNKNOWN, "it exists", livePods=["db-1", "db-2", "db-3"]))
        [service] = reported(log + scaled + end())["services"]
        instances = {"db-1": "Replaced", "db-2": "Removed", "db-3": "Removed", "db-0": "Added"}
        assert service["instances"] == instances, "somebody has scaled it"
        refused = told("db", new_record(State.REFUSED, "claims would go"))
        assert reported(log + refused + end())["services"][0]["state"] == State.REFUSED

    def test_the_last_preview_of_a_stack_counts(self) -> None:
        """Event logs are appended to; an update's own part has no forecasts and is left out."""
        first, second = told("db", new_record(State.UNCHANGED)) + end(), told("db", new_record(State.CHANGED)) + end()
        update = step(SET + "db", "update") + end(is_preview=False)
        assert reported(first + second + update)["services"][0]["state"] == State.CHANGED

    def test_services_of_several_stacks_are_kept_apart(self) -> None:
        log = told("db", new_record(State.CHANGED)) + end()
        written = reported(log + log.replace("pulumi:prod::", "pulumi:test::"))
        assert [each["stack"] for each in written["previews"]] == ["prod", "test"]
        assert len(written["services"]) == 2

    def test_resources_of_others_are_no_services(self) -> None:
        """A StatefulSet of the program's own, and what is named like a service."""
        others = ("kubernetes:apps/v1:StatefulSet", f"my:index:Team${COMPONENT}$kubernetes:core/v1:Service")
        log = "".join(step(f"urn:pulumi:prod::shop::{each}::db", "delete") for each in others)
        assert reported(log + end())["services"] == []


class TestFindings:
    @pytest.mark.parametrize(
        ("fields", "found"),
        [
            ({"claims": {"a": "Deleted"}}, Finding.CLAIM_DELETED),
            ({"claims": {"a": "Recreated"}}, Finding.CLAIM_DELETED),
            ({"claims": {"a": "Restored"}}, Finding.CLAIM_DELETED),
            ({"claims": {"a": "LeftBehind"}}, Finding.CLAIM_LEFT_BEHIND),
            ({"claims": {"a": "Expanded"}}, Finding.CLAIM_EXPANDED),
            ({"instances": {"a": "Replaced"}}, Finding.POD_REPLACED),
            ({"instances": {"a": "Removed"}}, Finding.POD_REMOVED),
            ({"heldBack": ["a"]}, Finding.POD_HELD_BACK),
            ({"set": "Recreated"}, Finding.STATEFUL_SET_RECREATED),
            ({"availability": {"required": 2, "ready": 2, "fewest": 1}}, Finding.QUORUM_AT_RISK),
            ({"availability": {"required": 2, "ready": 3, "fewest": 2}}, None),
            ({"availability": {"required": 2, "ready": 1, "fewest": 1}}, None),
            ({"drift": [{"field": "spec.replicas", "manager": "kubectl", "overwritten": True}]}, Finding.DRIFT),
            ({"drift": []}, None),
            ({"instances": {"a": "Kept", "b": "Added"}, "claims": {"c": "Created", "d": "Modified"}}, None),
        ],
    )
    def test_each_is_found(self, fields: Any, found: Finding | None) -> None:
        """In what a component tells, beside that something changes."""
        expected = {Finding.SERVICE_CHANGED} | ({found} if found else set())
        assert {*findings_of(new_record(State.CHANGED, **fields))} == expected

    def test_all_have_a_meaning_and_are_in_the_schema(self) -> None:
        assert [*MEANINGS] == [*Finding]
        assert SCHEMA["definitions"]["finding"]["enum"] == [*Finding]

    def test_the_words_are_those_of_the_forecast(self) -> None:
        """What the component can say is in the schema, and the other way round but for what only the engine does."""
        of = SCHEMA["properties"]["services"]["items"]["properties"]
        assert {*of["instances"]["additionalProperties"]["enum"]} == {*InstanceOutcome}
        assert {*of["claims"]["additionalProperties"]["enum"]} == {*ClaimOutcome}
        assert {*of["set"]["enum"]} == {*StatefulSetOutcome, "Replaced", "Deleted", "Kept", None}
        assert {*of["state"]["enum"]} == {*State}
        assert COMPONENT == COMPONENT_TYPE


class TestMarkdown:
    def test_what_others_have_named_is_no_markup(self) -> None:
        """A field manager is named by whoever changes the object, and a reason has the words of servers."""
        nasty = "x`|</td>\n# @octocat [a](https://example.org) ![b](c)"
        drift = [{"field": nasty, "manager": nasty, "overwritten": False}]
        text = as_markdown(
            new_report(read_previews(told("db", new_record(State.UNKNOWN, nasty, drift=drift)) + end(), "log")), []
        )
        [reason, changed] = [line for line in text.splitlines() if line.startswith("- ")]
        assert "@octocat" not in reason
        assert "</td>" not in reason
        assert "[a](" not in reason
        assert changed.count("`") == 4

    def test_a_comment_is_not_longer_than_github_takes(self) -> None:
        """The gravest come first, and the rest is counted."""
        instances = {f"a-rather-long-name-of-a-stateful-set-{number}": "Replaced" for number in range(10)}
        log = "".join(told(f"db-{number}", new_record(State.CHANGED, instances=instances)) for number in range(300))
        log += told("queue", new_record(State.REFUSED, "no"))
        text = as_markdown(new_report(read_previews(log + end(), "log")), [])
        assert len(text) < 65_536
        assert text.index("`queue`") < text.index("`db-0`")
        assert "more services are in the report as JSON" in text


class TestCommand:
    def test_a_gate_has_an_exit_code_of_its_own(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        """5 where it is hit, and 0 where it is not: then what it cannot see is said."""
        log = tmp_path / "log"
        log.write_text(told("db", new_record(State.UNKNOWN, "why")) + end())
        assert run(["report", str(log), "--format", "json", "--fail-on", "claim-deleted,unknown"]) == 5
        output = capsys.readouterr()
        assert json.loads(output.out)["failed"] == ["unknown"]
        assert output.err == "error: --fail-on: unknown\n"
        assert run(["report", str(log), "--fail-on", "claim-deleted", "--fail-on", "pod-replaced"]) == 0
        assert "warning: unknown, which --fail-on does not name" in capsys.readouterr().err
        assert run(["report", str(log)]) == 0

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            ("", "is empty"),
            ("Previewing update (prod):\n", "is not the log of a preview"),
            ('{"result": "succeeded", "resources": []}', "is not the log of a preview"),
            ("[1]", "is not the log of a preview"),
            (step(SET + "db", "update") + end(is_preview=False), "is not the log of a preview"),
            ('{"steps": [], "changeSummary": {"same": 3}}', "has no forecast of a StatefulService"),
            (b"\xff\xfe", "is not the log of a preview"),
            (None, "cannot be read: No such file or directory"),
        ],
    )
    def test_what_is_no_log_is_refused(
        self, content: str | bytes | None, says: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        """With an exit code of its own, and one message."""
        log = tmp_path / "log"
        if content is not None:
            log.write_bytes(content if isinstance(content, bytes) else content.encode())
        assert run(["report", str(log), "--fail-on", "unknown"]) == 1
        output = capsys.readouterr()
        assert says in output.err
        assert output.err.count("\n") == 1
        assert output.out == ""

    def test_an_unknown_gate_is_refused_with_the_list(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            run(["report", "--fail-on", "claims-deleted"])
        assert ended.value.code == 2
        assert f"'claims-deleted' is not a finding; it must be one of {', '.join(Finding)}" in capsys.readouterr().err

    def test_help_lists_the_findings(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            run(["report", "--help"])
        text = capsys.readouterr().out
        assert all(f"{each} " in text and meaning in text for each, meaning in MEANINGS.items())

    def test_it_reads_standard_input_and_starts_without_pulumi(self) -> None:
        """As the console script does: the component's imports alone take longer than a large report."""
        program = "import sys; from pulumi_stateful_service_report.command import run; code = run(['report']); "
        program += "sys.exit(code or ('pulumi' in sys.modules) * 9)"
        log = told("db", new_record(State.UNCHANGED)) + end()
        result = subprocess.run([sys.executable, "-c", program], input=log, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        assert "### Stateful services: 1 unchanged" in result.stdout


class TestPage:
    """``docs/report.md``."""

    def test_it_lists_the_findings(self) -> None:
        """With the words of the help."""
        rows = [f"| `{each}` | {meaning} |" for each, meaning in MEANINGS.items()]
        assert "\n".join(rows) in PAGE

    def test_its_commands_can_be_given(self) -> None:
        """Those of the first lines, and that of the workflow, which is YAML."""
        [workflow] = [block.split("```")[0] for block in PAGE.split("```yaml\n")[1:]]
        commands = [step.get("run", "") for step in yaml.safe_load(workflow)["jobs"]["prod"]["steps"]]
        given = [line.strip() for line in [*PAGE.splitlines(), *"\n".join(commands).splitlines()]]
        reports = [shlex.split(line)[2:] for line in given if line.startswith("pulumi-stateful-service report ")]
        assert len(reports) >= 2
        for arguments in reports:
            assert run(["report", os.devnull, *arguments[1 : arguments.index("--fail-on") + 2]]) == 1
