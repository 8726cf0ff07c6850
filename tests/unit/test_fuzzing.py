"""Bad input at volume: whatever is given, it is deployed or refused with one clear message."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fuzzing
import pulumi
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pulumi_stateful_service import ArgumentError, StatefulService
from pulumi_stateful_service.testing import deploy, deploy_stack

ROOT = Path(__file__).parents[2]
KEYS = sorted([*yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"], "canary"])


def refusal(program: Callable[[], object]) -> pulumi.RunError | None:
    """What a program is refused with, if it is; any other error is raised."""
    try:
        program()
    except pulumi.RunError as refused:
        return refused
    return None


_RULE = re.compile(r"; |: |requires|required|mutually exclusive|must be|must not be|cannot be set|Use at most")


def is_clear(refused: pulumi.RunError) -> bool:
    """One line that begins with the component and says what is wrong and what is allowed."""
    message = str(refused)
    return message.startswith("StatefulService 'rg': ") and "\n" not in message and bool(_RULE.search(message))


@fuzzing.AT_VOLUME
@given(fuzzing.anything())
def test_anything_is_deployed_or_gets_one_message(args: Any) -> None:
    """Whatever stands in an argument's place: never a stack trace, never two lines."""
    refused = refusal(lambda: deploy(lambda: StatefulService("rg", args)))
    assert refused is None or (isinstance(refused, ArgumentError) and is_clear(refused)), str(refused)


@fuzzing.AT_VOLUME
@given(fuzzing.pod_templates())
def test_any_pod_template_is_deployed_or_gets_one_message(template: dict[str, Any]) -> None:
    """Lists, maps and single values in each other's place, in each field that pulumi_kubernetes knows."""
    args: Any = {"image": "i", "ports": {"http": 8080}, "pod_template": template}
    refused = refusal(lambda: deploy(lambda: StatefulService("rg", args)))
    assert refused is None or (isinstance(refused, ArgumentError) and is_clear(refused)), str(refused)


@fuzzing.AT_VOLUME
@given(fuzzing.likely())
def test_likely_arguments_are_deployed_or_contradict_each_other(args: Any) -> None:
    """Of arguments that are each right by themselves none is refused for its own value."""
    refused = refusal(lambda: deploy(lambda: StatefulService("rg", args)))
    assert refused is None or (isinstance(refused, ArgumentError) and is_clear(refused)), str(refused)
    assert "is not an argument" not in str(refused)
    assert "is required" not in str(refused)


@fuzzing.AT_VOLUME
@given(
    st.sampled_from(["dev", "staging", "prod"]),
    st.dictionaries(
        st.sampled_from(KEYS),
        st.one_of(
            st.text(max_size=20),
            st.sampled_from(["", "0", "-1", "3", "1.5", "true", "null", "[]", "{}", '{"type": 1}', '{"a": {}}', "1Gi"]),
        ),
        max_size=3,
    ),
)
def test_any_stack_configuration_is_deployed_or_gets_one_message(stack: str, config: dict[str, str]) -> None:
    """Whatever a stack's file says of the program's keys: a mistake is Pulumi's own kind of error, and one line."""
    refused = refusal(lambda: deploy_stack(stack, ROOT, config=config))
    assert refused is None or "random-generator:" in str(refused) or is_clear(refused), str(refused)
