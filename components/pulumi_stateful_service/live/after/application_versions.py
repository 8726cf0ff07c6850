"""Notes on claims which version of the application has used them, and runs the check before another one comes.

Every look at the Pods while a rollout is followed is one at what runs: the notes are written with it. What an ``up``
that is killed has not noted, the next one does from the Pods that there are.
"""

from collections.abc import Mapping

from pulumi_stateful_service.documentation import APPLICATION_VERSIONS
from pulumi_stateful_service.errors import RefusedError
from pulumi_stateful_service.foundation.image_versions import Version
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import CONTAINER_NAME, DATA_VERSION_ANNOTATION
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ClusterError
from pulumi_stateful_service.live.object_notes import annotate
from pulumi_stateful_service.live.state.application_versions import VersionWork, WantedVersion, has_run, lagging_notes
from pulumi_stateful_service.live.state.pod_status import claim_names, is_ready
from pulumi_stateful_service.outside_text import exit_problem


class NotingCluster(Cluster):
    """A cluster that notes, whenever Pods are listed, which version has run on their claims."""

    def __init__(self, cluster: Cluster, wanted: WantedVersion) -> None:
        super().__init__(cluster._api, cluster.default_namespace)  # noqa: SLF001 - of its own class
        self._wanted = wanted
        self._noted: set[tuple[str, bool]] = set()

    async def list_pods(self, stateful_set: KubernetesObject) -> list[KubernetesObject]:
        """The Pods that a StatefulSet owns."""
        pods = await super().list_pods(stateful_set)
        # A Pod has one image, and its claims one note of it, and another one when it is ready.
        changed = [pod for pod in pods if has_run(pod) and _state(pod) not in self._noted]
        names = {name for pod in changed for name in claim_names(pod)}
        if names:
            metadata, labels = stateful_set["metadata"], stateful_set["spec"]["selector"]["matchLabels"]
            claims = await self.list_claims(metadata["namespace"], names, labels)
            await note_versions(self, stateful_set, lagging_notes(stateful_set, changed, claims, self._wanted))
            self._noted |= {_state(pod) for pod in changed}
        return pods


def _state(pod: KubernetesObject) -> tuple[str, bool]:
    return pod["metadata"]["uid"], is_ready(pod)


async def note_versions(cluster: Cluster, stateful_set: KubernetesObject, notes: Mapping[str, Version]) -> None:
    """Notes on claims the version that their data are of."""
    metadata = stateful_set["metadata"]
    for name, version in notes.items():
        noted = {DATA_VERSION_ANNOTATION: str(version)}
        await annotate(
            cluster,
            "PersistentVolumeClaim",
            metadata["namespace"],
            name,
            noted,
            metadata["name"],
            action=Action.NOTE_DATA_VERSION,
            may_be_gone=True,
        )


async def check_version(cluster: Cluster, prefix: str, work: VersionWork) -> None:
    """Runs the check before another version comes. Raises RefusedError where it does not pass: nothing is changed."""
    before, pod = work.wanted.plan.before, work.checked_in
    if before is None or pod is None:
        return
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    words = before.words(pod, work.wanted.image)
    try:
        status, output = await cluster.run_in_pod(
            namespace, name, CONTAINER_NAME, words, before.timeout_seconds, action=Action.CHECK_VERSION
        )
        why = exit_problem(status, output)
    except ClusterError as error:
        why = error.problem
    if why:
        raise RefusedError(
            f"{prefix}: version.before did not pass in {name}: {why}. The change was not begun, and no instance was "
            f"touched ({APPLICATION_VERSIONS})."
        )
