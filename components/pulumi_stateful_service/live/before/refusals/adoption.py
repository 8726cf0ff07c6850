"""Adoption of a StatefulSet that the component did not create.

Pulumi's provider would merge the desired StatefulSet into the live one by server-side apply, which keeps everything
else that the live one has, such as containers of other names. So the StatefulSet is recreated, and its Pods and
PersistentVolumeClaims must fit the new one.
"""

from pulumi_stateful_service.documentation import ADOPTION
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.live.before.refusals.identity import identity_refusals
from pulumi_stateful_service.live.before.refusals.owners import owner_refusals
from pulumi_stateful_service.live.before.refusals.terms import Terms
from pulumi_stateful_service.live.before.refusals.update import RECREATED
from pulumi_stateful_service.live.before.refusals.volumes import claim_field_changes, volume_refusals
from pulumi_stateful_service.live.state.field_managers import pulumi_managers
from pulumi_stateful_service.live.state.stateful_set_fields import claim_templates, first_ordinal


def adoption_terms(live: KubernetesObject, desired: KubernetesObject, *, adopt: bool) -> Terms:
    """Whether the component may adopt the live StatefulSet, which must fit the desired one."""
    described = f"StatefulSet {live['metadata'].get('namespace', 'default')}/{live['metadata']['name']}"
    if not adopt:
        refusal = (
            f"{described} already exists and is not managed by this component. To adopt it, set adopt=True "
            f"({ADOPTION}). If the component, its parent, the project or the stack was renamed, add an alias: "
            'aliases=[pulumi.Alias(name="old")] or Alias(stack="old").'
        )
        return Terms([refusal])
    lasting = claim_field_changes(live, desired)
    refusals = [*owner_refusals(live, "StatefulSet"), *_pulumi_refusals(live, described)]
    refusals += [*identity_refusals(live, desired), *volume_refusals(lasting)]
    if "matchExpressions" in live["spec"]["selector"]:
        refusals.append(f"{described} selects its Pods by matchExpressions, so it cannot be adopted ({ADOPTION}).")
    for field, before, after in (
        ("replicas", live["spec"].get("replicas", 1), desired["spec"]["replicas"]),
        ("ordinals.start", first_ordinal(live), first_ordinal(desired)),
        ("volumes", sorted(claim_templates(live)), sorted(claim_templates(desired))),
    ):
        if before != after:
            refusals.append(
                f"{described} has {field} {before}, and the program has {after}. Adopt it as it is, and change "
                f"{field} in a later pulumi up."
            )
    warning = f"{described} is adopted: {RECREATED}. Pods whose template changes are then replaced in turn."
    return Terms(refusals, [warning], recreate=True)


def _pulumi_refusals(live: KubernetesObject, described: str) -> list[str]:
    """Refuses what Pulumi manages elsewhere: it deletes by name, and would delete the adopted StatefulSet."""
    managers = pulumi_managers(live)
    if not managers:
        return []
    metadata = live["metadata"]
    refusal = (
        f"{described} is managed by Pulumi, by another resource of this stack or by another stack (field manager "
        f"{', '.join(managers)}). When it is removed there, Pulumi deletes the StatefulSet of this name with its Pods. "
        "If the component, its parent, the project or the stack was renamed, add an alias instead: "
        'aliases=[pulumi.Alias(name="old")] or Alias(stack="old"). Else remove it from that state first (pulumi state '
        f"delete URN), and clear its field managers: kubectl --namespace {metadata.get('namespace', 'default')} patch "
        f"statefulset {metadata['name']} --type merge --patch "
        """'{"metadata":{"managedFields":[{}]}}'. """
        f"Then run pulumi up again ({ADOPTION})."
    )
    return [refusal]
