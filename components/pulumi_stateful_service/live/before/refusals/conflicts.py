"""Existing Services and PodDisruptionBudgets that have the name of one of the component's and cannot become it.

Pulumi's provider merges the desired object into the live one by server-side apply. What others set stays, and the API
server refuses the result where both do not go together, but only in ``pulumi up``.
"""

from pulumi_stateful_service.documentation import ADOPTION
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.live.before.refusals.owners import owner_refusals
from pulumi_stateful_service.live.state.field_managers import is_made_by_component


def service_refusals(
    live: KubernetesObject | None, desired: KubernetesObject, set_name: str, *, adopting: bool = False
) -> list[str]:
    """Refuses an existing Service that cannot become the governing Service."""
    if live is None:
        return []
    if not is_made_by_component(live, set_name) and (owned := owner_refusals(live, "Service")):
        return owned
    service = f"Service {_path(live)}"
    rename = "" if adopting else "set another service_name, or "
    refusals = []
    selector, live_selector = desired["spec"]["selector"], live["spec"].get("selector", {})
    if live_selector != selector:
        refusals.append(
            f"{service} already exists and selects Pods by {live_selector}, not by {selector}: its clients would be "
            f"sent to other Pods. To resolve this, {rename}change the Service's selector first."
        )
    if is_made_by_component(live, set_name):
        return refusals
    cluster_ip = live["spec"].get("clusterIP")
    if cluster_ip != "None":
        refusals.append(
            f"{service} already exists and is not headless: clusterIP is {cluster_ip}, must be None, and cannot be "
            f"changed. To resolve this, {rename}delete the Service, which pulumi up then creates as a headless one: "
            f"{_delete('service', live)}. Clients of its address need another Service first ({ADOPTION})."
        )
    ports = {_key(port) for port in desired["spec"].get("ports", [])}
    names = {port["name"]: port for port in desired["spec"].get("ports", [])}
    for port in live["spec"].get("ports", []):
        wanted = names.get(port.get("name"))
        if wanted is not None and _key(port) not in ports:
            refusals.append(
                f"{service} already exists with port {port['name']!r} as {_shown(port)}, and the program has "
                f"{_shown(wanted)}: Kubernetes would keep both, and two ports must not have one name. To resolve this, "
                f"{rename}change the port in ports, or remove it from the Service first."
            )
    return refusals


def disruption_budget_refusals(live: KubernetesObject | None, set_name: str) -> list[str]:
    """Refuses an existing PodDisruptionBudget that cannot become the component's, which has ``minAvailable``."""
    if (
        live is not None
        and not is_made_by_component(live, set_name)
        and (owned := owner_refusals(live, "PodDisruptionBudget"))
    ):
        return owned
    if live is None or "maxUnavailable" not in live["spec"] or is_made_by_component(live, set_name):
        return []
    refusal = (
        f"PodDisruptionBudget {_path(live)} already exists with maxUnavailable={live['spec']['maxUnavailable']}, which "
        "cannot be combined with the minAvailable that quorum and min_available set. To resolve this, delete the "
        "PodDisruptionBudget, which pulumi up then creates with minAvailable: "
        f"{_delete('poddisruptionbudget', live)}. Or remove quorum and min_available from the program."
    )
    return [refusal]


def _key(port: KubernetesObject) -> tuple[object, object]:
    """The keys by which server-side apply merges the ports of a Service."""
    return port["port"], port.get("protocol", "TCP")


def _shown(port: KubernetesObject) -> str:
    number, protocol = _key(port)
    return f"{number}/{protocol}"


def _path(live: KubernetesObject) -> str:
    return f"{live['metadata'].get('namespace', 'default')}/{live['metadata']['name']}"


def _delete(kind: str, live: KubernetesObject) -> str:
    return (
        f"kubectl --namespace {live['metadata'].get('namespace', 'default')} delete {kind} {live['metadata']['name']}"
    )


def refusal_of_existing(where: str) -> str:
    """Why an object of somebody else stops a creation."""
    return (
        f"{where} already exists and is not managed by this component: it would be merged into, and deleted with the "
        "component. Choose another name, or delete it. If the component, its parent, the project or the stack was "
        'renamed, add an alias: aliases=[pulumi.Alias(name="old")] or Alias(stack="old").'
    )


def warning_of_existing(where: str, setting: str) -> str:
    """With which setting Pulumi's provider updates an object that exists, where it would fail to create it."""
    return (
        f"{where} already exists, and Pulumi's provider does not create what exists. Unless Pulumi is about to replace "
        f"it, run pulumi up once with {setting}: it then adopts the object."
    )
