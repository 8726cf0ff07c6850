"""Pulumi's resource options that a component cannot have: what to use in place of each.

Pulumi gives a component's children its parent, provider, dependencies, aliases, transforms, ``protect``,
``retain_on_delete`` and ``deleted_with``. The other options would be accepted, and have no effect.
``docs/customising.md`` has all of them; a test fails until a new one is there.
"""

from collections.abc import Mapping

import pulumi

from pulumi_stateful_service.errors import ArgumentError

_NOT_PASSED_ON = "Pulumi does not pass it on to the objects of a component"
_NOT_REPLACED = (
    f"{_NOT_PASSED_ON}. To restart the instances with another resource, one after another, use pod_annotations with a "
    "value of that resource; to create the StatefulSet again around its Pods, use recreate_keeping_pods"
)
_TRANSFORM = "use a transform that sets it for one object"

REFUSED: Mapping[str, str] = {
    "additional_secret_outputs": f"{_NOT_PASSED_ON}. Use pulumi.Output.secret where an output is used",
    "custom_timeouts": f"{_NOT_PASSED_ON}; use rollout_timeout_seconds",
    "delete_before_replace": f"{_NOT_PASSED_ON}, and each is replaced in the order that it requires",
    "env_var_mappings": "it is an option of providers; use it for the provider that the component gets",
    "hide_diffs": f"{_NOT_PASSED_ON}; {_TRANSFORM}",
    "hooks": f"{_NOT_PASSED_ON}; use a transform that adds them to one object, such as the StatefulSet",
    "id": "a component is not read by its ID; use adopt for a StatefulSet that exists",
    "ignore_changes": (
        f"{_NOT_PASSED_ON}. Use autoscaled for replicas that an autoscaler sets; for a field of one object {_TRANSFORM}"
    ),
    "import_": "a component is not imported; use adopt for a StatefulSet that exists",
    "plugin_download_url": "use a provider with this option: provider=kubernetes.Provider(…)",
    "replace_on_changes": _NOT_REPLACED,
    "replace_with": _NOT_REPLACED,
    "replacement_trigger": _NOT_REPLACED,
    "urn": "a component is not read by its URN; use pulumi.StackReference for another stack's outputs",
    "version": "use a provider with this option: provider=kubernetes.Provider(…)",
}
"""Each option, and how the sentence goes on that begins with "cannot be set"."""


def check_options(prefix: str, opts: pulumi.ResourceOptions | None) -> None:
    """Raises ArgumentError where an option is given that has no effect on the objects of a component."""
    for option, instead in REFUSED.items():
        if _is_given(getattr(opts, option, None)):
            raise ArgumentError(prefix, f"{option} cannot be set: {instead}")


def _is_given(value: object) -> bool:
    """Whether an option says something: other languages give empty ones for those that a program does not have."""
    if isinstance(value, pulumi.ResourceHookBinding):
        return any(vars(value).values())
    return value is not None and value not in (False, "", [], {})
