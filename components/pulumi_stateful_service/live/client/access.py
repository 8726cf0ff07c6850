"""Everything that the component does to a cluster by itself: requests, when they are sent, and by which right.

The client sends no request that has no row: a change is made for an ``Action``, which must cover it, and what is read
must be one of ``READS``. SECURITY.md and the Role in docs/kubeconfig.md are made from these rows (``make docs``).
"""

from dataclasses import dataclass
from enum import Enum


class Right(Enum):
    """Where the right to a request is documented."""

    ROLE = "in the Role"
    ARGUMENT = "for some arguments only"
    OPTIONAL = "optional"
    PROVIDER = "among those that Pulumi's provider needs for the same object"
    EVERYBODY = "every user has it"


@dataclass(frozen=True)
class Access:
    """Requests of one purpose. The texts are Markdown."""

    verbs: tuple[str, ...]
    """As in a Role. An apply that may create needs ``create`` and ``patch``."""
    kinds: tuple[str, ...]
    what: str
    """Of an action what it does, of a read what is looked for."""
    when: str = ""
    """Of an action: on which occasion."""
    arguments: tuple[str, ...] = ()
    """The arguments that it comes from: for a program that never had one of them, it is not sent."""
    subresource: str = ""
    right: Right = Right.ROLE
    without: str = ""
    """Of an optional right: what happens without it."""
    changes: bool = True
    """Whether the API server, or what runs in a Pod, may be in another state afterwards."""
    is_dry_run: bool = False
    """Whether the API server is asked what it would do, and does nothing."""

    def covers(self, verb: str, kind: str, subresource: str | None = None) -> bool:
        """Whether a request is one of these."""
        return verb in self.verbs and kind in self.kinds and (subresource or "") == self.subresource


_VERSIONED = ("Secret", "ConfigMap")
_OF_VERSIONS = ("secret_env", "secret_files", "config_files")
_EXEC = ("create", "get")
_CLAIM, _STATEFUL_SET, _SERVICE, _POD = "PersistentVolumeClaim", "StatefulSet", "Service", "Pod"
_SNAPSHOT, _GROUP = "VolumeSnapshot", "VolumeGroupSnapshot"


class Action(Enum):
    """What the component does besides reading. Sent in ``pulumi up`` alone, but for those that change nothing."""

    CHANGE_CLAIM = Access(
        ("patch",),
        (_CLAIM,),
        "changes a claim: requests a larger size, or an earlier one while the larger one is not provided; sets the "
        "VolumeAttributesClass; sets labels and annotations, and removes those that it has set before",
        "the claim is bound, and is not what the program asks for",
        (
            "volumes.size",
            "volume_sizes",
            "volumes.volume_attributes_class_name",
            "volumes.labels",
            "volumes.annotations",
        ),
    )
    RELEASE_CLAIM = Access(
        ("patch",),
        (_CLAIM,),
        "removes the StatefulSet from the owners of a claim",
        "`when_deleted` is `Retain`, its default, and the claim would be deleted with the StatefulSet all the same",
    )
    RESTORE_CLAIM = Access(
        ("create",),
        (_CLAIM,),
        "creates a claim",
        "before the StatefulSet gets an instance that is to start with this data",
        ("restore",),
        right=Right.ARGUMENT,
    )
    STOP_INSTANCE = Access(
        ("delete",),
        ("Pod",),
        "deletes a Pod, with its grace period",
        "its claim is to be replaced by one with the data of a VolumeSnapshot",
        ("restore.snapshot",),
        right=Right.ARGUMENT,
    )
    REPLACE_CLAIM = Access(
        ("delete",),
        (_CLAIM,),
        "deletes a claim; its volume is kept",
        "it is replaced by one with the data of a VolumeSnapshot, and its instance is stopped",
        ("restore.snapshot",),
        right=Right.ARGUMENT,
    )
    DELETE_CLAIM = Access(
        ("delete",),
        (_CLAIM,),
        "deletes a claim; its volume is kept unless `reclaim_policy` is `Delete`",
        "the claim differs from those that new instances get",
        ("recreate_claims",),
        right=Right.ARGUMENT,
    )
    DELETE_CLAIM_OF_LOST_VOLUME = Access(
        ("delete",),
        (_CLAIM,),
        "deletes a claim; its volume is kept unless `reclaim_policy` is `Delete`",
        "the program names the volume that it has, and enough other instances are ready",
        ("rebuild",),
        right=Right.ARGUMENT,
    )
    FORCE_DELETE_POD = Access(
        ("delete",),
        (_POD,),
        "deletes a Pod without waiting until its node has ended it (grace period 0)",
        "the program names its node as lost, and that node is not Ready or does not exist",
        ("rebuild.lost_node",),
        right=Right.ARGUMENT,
    )
    MAKE_SNAPSHOT = Access(
        ("create",),
        (_SNAPSHOT,),
        "creates a VolumeSnapshot of a claim",
        "before a change touches the instance",
        ("snapshots",),
        right=Right.ARGUMENT,
    )
    DELETE_SNAPSHOT = Access(
        ("delete",),
        (_SNAPSHOT,),
        "deletes a VolumeSnapshot that the component has made",
        "newer ones are ready, and the claim has more than `snapshots.keep`; or it has failed, and is made again",
        ("snapshots",),
        right=Right.ARGUMENT,
    )
    LABEL_CLAIM = Access(
        ("patch",),
        (_CLAIM,),
        "labels a claim with a digest of the claims that are snapshotted with it",
        "before a VolumeGroupSnapshot of the instance is made, where the claim has another label",
        ("snapshots.group_class_name",),
    )
    MAKE_GROUP_SNAPSHOT = Access(
        ("create",),
        (_GROUP,),
        "creates a VolumeGroupSnapshot of the claims of an instance",
        "before a change touches the instance",
        ("snapshots.group_class_name",),
        right=Right.ARGUMENT,
    )
    LABEL_SNAPSHOT = Access(
        ("patch",),
        (_SNAPSHOT,),
        "labels and annotates the VolumeSnapshots that a VolumeGroupSnapshot has made, as those that it makes itself",
        "they are there",
        ("snapshots.group_class_name",),
        right=Right.ARGUMENT,
    )
    DELETE_GROUP_SNAPSHOT = Access(
        ("delete",),
        (_GROUP,),
        "deletes a VolumeGroupSnapshot that the component has made, and so its VolumeSnapshots",
        "each of these would be deleted: newer ones are ready, or it has failed",
        ("snapshots.group_class_name",),
        right=Right.ARGUMENT,
    )
    TEST_RESTORE = Access(
        ("create",),
        ("Job",),
        "creates a Job with volumes made from VolumeSnapshots, which runs the check",
        "the VolumeSnapshots before a change are ready, and before the change begins",
        ("snapshots.restore_test",),
        right=Right.ARGUMENT,
    )
    END_RESTORE_TEST = Access(
        ("delete",),
        ("Job",),
        "deletes that Job, its Pod and its volumes",
        "its check has passed",
        ("snapshots.restore_test",),
        right=Right.ARGUMENT,
    )
    NOTE_RESTORE_TEST = Access(
        ("patch",),
        (_SNAPSHOT,),
        "notes on a VolumeSnapshot, as an annotation, whether the check passed and when",
        "the check has ended",
        ("snapshots.restore_test",),
        right=Right.ARGUMENT,
    )
    RUN_QUIESCE = Access(
        _EXEC,
        ("Pod",),
        "runs the command in the instance's container",
        "before and after the VolumeSnapshots of the instance are made",
        ("snapshots.quiesce",),
        subresource="exec",
        right=Right.ARGUMENT,
    )
    NOTE_QUIESCED = Access(
        ("patch",),
        (_CLAIM,),
        "notes on a claim, as an annotation, that its instance is quiesced",
        "before the instance is quiesced, and when it is resumed",
        ("snapshots.quiesce",),
    )
    FORM_CLUSTER = Access(
        _EXEC,
        ("Pod",),
        "runs the command in the instance's container",
        "the first instances run, and nothing is noted of a cluster",
        ("form_cluster",),
        subresource="exec",
        right=Right.ARGUMENT,
    )
    CHECK_CLUSTER = Access(
        _EXEC,
        ("Pod",),
        "runs the command of `check` in the instance's container",
        "before that command, each time",
        ("form_cluster",),
        subresource="exec",
        right=Right.ARGUMENT,
    )
    NOTE_CLUSTER = Access(
        ("patch",),
        (_SERVICE,),
        "notes on the governing Service, as an annotation, that the application's cluster is formed, or since when the "
        "command runs",
        "before and after the command",
        ("form_cluster",),
        right=Right.ARGUMENT,
    )
    NOTE_CLUSTER_ON_CLAIM = Access(
        ("patch",),
        (_CLAIM,),
        "notes on a claim, as an annotation, that the application's cluster is formed",
        "after the command, and when the claim is created later",
        ("form_cluster",),
    )
    MAKE_OUTPUT_SECRET = Access(
        ("create",),
        ("Secret",),
        "creates a Secret without values",
        "before the command",
        ("form_cluster.secret_name",),
        right=Right.ARGUMENT,
    )
    STORE_OUTPUT = Access(
        ("patch",),
        ("Secret",),
        "stores the output of the command in that Secret",
        "after the command",
        ("form_cluster.secret_name",),
        right=Right.ARGUMENT,
    )
    RECOVER_FROM = Access(
        _EXEC,
        ("Pod",),
        "runs the command in the instance's container",
        "no instance is ready, and this recovery is not noted as done",
        ("recover",),
        subresource="exec",
        right=Right.ARGUMENT,
    )
    COMPARE_INSTANCES = Access(
        _EXEC,
        ("Pod",),
        "the number that the command prints in the instance's container, in previews too",
        arguments=("recover.compare",),
        subresource="exec",
        right=Right.ARGUMENT,
        changes=False,
    )
    NOTE_RECOVERY = Access(
        ("patch",),
        (_SERVICE,),
        "notes on the governing Service, as an annotation, from which instance the application is recovered, and how "
        "far that has come",
        "before and after the command, and when the instance is ready",
        ("recover",),
        right=Right.ARGUMENT,
    )
    NOTE_RECOVERY_ON_CLAIM = Access(
        ("patch",),
        (_CLAIM,),
        "notes on a claim, as an annotation, that the application was recovered",
        "the instance is ready, and when the claim is created later",
        ("recover",),
    )
    NOTE_DATA_VERSION = Access(
        ("patch",),
        (_CLAIM,),
        "notes on a claim, as an annotation, which version of the application its data are of",
        "an instance has run another version on it",
        ("version",),
    )
    CHECK_VERSION = Access(
        _EXEC,
        ("Pod",),
        "runs the command in the instance's container",
        "before the first instance gets another image",
        ("version.before",),
        subresource="exec",
        right=Right.ARGUMENT,
    )
    SET_RECLAIM_POLICY = Access(
        ("patch",),
        ("PersistentVolume",),
        "sets `persistentVolumeReclaimPolicy` of a claim's volume",
        "before that claim is deleted, where the volume has another policy",
        ("recreate_claims", "rebuild", "restore.snapshot"),
        right=Right.ARGUMENT,
    )
    EVICT_UNREADY_POD = Access(
        ("create",),
        ("Pod",),
        "evicts a Pod, within its disruption budget",
        "it has an outdated revision, and was never ready or crashes again and again; with `replace_unready` also "
        "where it is not ready any more",
        subresource="eviction",
    )
    EVICT_POD_WITHOUT_VOLUME = Access(
        ("create",),
        ("Pod",),
        "evicts a Pod, within its disruption budget",
        "it lacks a volume that was added, and all instances are ready",
        ("volumes",),
        subresource="eviction",
    )
    EVICT_POD_TO_GROW = Access(
        ("create",),
        ("Pod",),
        "evicts a Pod, within its disruption budget",
        "the file system of its volume grows when a Pod mounts it, and all instances are ready",
        ("restart_to_grow",),
        subresource="eviction",
    )
    EVICT_POD_IN_TURN = Access(
        ("create",),
        ("Pod",),
        "evicts a Pod, within its disruption budget",
        "it has an outdated revision, and all instances are ready or it never served; the leader is the last",
        ("leader_last",),
        subresource="eviction",
    )
    EVICT_POD_TO_ROLL_BACK = Access(
        ("create",),
        ("Pod",),
        "evicts a Pod, within its disruption budget",
        "a step of the rollout has failed, and the Pod has the new revision",
        ("rollout.on_failure",),
        subresource="eviction",
    )
    EVICT_POD_OF_DELETED_CLAIM = Access(
        ("create",),
        ("Pod",),
        "evicts a Pod, within its disruption budget",
        "its claim was deleted to be created again",
        ("recreate_claims",),
        subresource="eviction",
    )
    EVICT_POD_OF_LOST_VOLUME = Access(
        ("create",),
        ("Pod",),
        "evicts a Pod, within its disruption budget",
        "its claim was deleted, since its volume is given up",
        ("rebuild",),
        subresource="eviction",
    )
    RUN_CHECK = Access(
        _EXEC,
        ("Pod",),
        "runs the command of a check in the instance's container",
        "an instance is checked, or it is asked whether it leads",
        ("rollout.checks.exec", "leader_last.exec"),
        subresource="exec",
        right=Right.ARGUMENT,
    )
    RUN_HAND_OVER = Access(
        _EXEC,
        ("Pod",),
        "runs the command in the leader's container",
        "the leader alone has an outdated revision",
        ("leader_last.hand_over",),
        subresource="exec",
        right=Right.ARGUMENT,
    )
    RUN_MEMBER_COMMAND = Access(
        _EXEC,
        ("Pod",),
        "runs the command in the container of the instance or of a peer",
        "an instance is added or removed, or comes back with new volumes",
        ("members.add", "members.join", "members.leave"),
        subresource="exec",
        right=Right.ARGUMENT,
    )
    GET_FROM_POD = Access(
        ("get",),
        ("Pod",),
        "sends a GET request to an instance, which the API server passes on",
        "an instance is checked, or it is asked whether it leads",
        ("rollout.checks.http_get", "leader_last.http_get"),
        subresource="proxy",
        right=Right.ARGUMENT,
    )
    DELETE_STATEFUL_SET = Access(
        ("delete",),
        (_STATEFUL_SET,),
        "deletes the StatefulSet, but not its Pods (`--cascade=orphan`)",
        "a field changes that Kubernetes does not allow to be changed in place, or claims are replaced by others with "
        "the data of a VolumeSnapshot",
        ("recreate_keeping_pods", "adopt", "restore.snapshot"),
    )
    CREATE_STATEFUL_SET = Access(
        ("create", "patch"),
        (_STATEFUL_SET,),
        "creates the StatefulSet",
        "it was deleted for the reason above, or somebody else has deleted it and Pulumi updates it",
    )
    RESIZE_POD = Access(
        ("patch",),
        (_POD,),
        "changes CPU and memory of a running Pod",
        "they change in the program, and nothing else in the Pod template does",
        ("resize",),
        subresource="resize",
        right=Right.ARGUMENT,
    )
    LABEL_POD = Access(
        ("patch",),
        (_POD,),
        "sets the label `controller-revision-hash` of a Pod",
        "the Pod has been resized, and is as the StatefulSet would create it",
        ("resize",),
        right=Right.ARGUMENT,
    )
    SET_PARTITION = Access(
        ("patch",),
        (_STATEFUL_SET,),
        "sets `updateStrategy.rollingUpdate.partition`",
        "before a new version, after each step, and before a roll-back; before Pods are resized, and afterwards",
        ("rollout", "resize"),
    )
    SET_REPLICAS = Access(
        ("patch",),
        (_STATEFUL_SET,),
        "sets `replicas`",
        "a member is added, or has left",
        ("members",),
    )
    SET_REVISION_HISTORY_LIMIT = Access(
        ("patch",),
        (_STATEFUL_SET,),
        "sets `revisionHistoryLimit`",
        "it changes (Pulumi's provider would replace the StatefulSet)",
        ("revision_history_limit",),
    )
    NOTE_NAMESPACE = Access(
        ("patch",),
        (_STATEFUL_SET,),
        "annotates the StatefulSet with the namespace that was asked for",
        "another namespace is refused, and the earlier one is a resource of the program, which Pulumi may delete",
        ("namespace",),
    )
    KEEP_RESTART = Access(
        ("patch",),
        (_STATEFUL_SET,),
        "changes `managedFields`, so that a restart by `kubectl rollout restart` is kept",
        "somebody has started one, and Pulumi updates the StatefulSet",
    )
    OWN_FIELDS = Access(
        ("patch",),
        (_STATEFUL_SET, _SERVICE, "PodDisruptionBudget", "NetworkPolicy", "StorageClass", *_VERSIONED),
        "changes `managedFields` of an object of the component, so that fields which the program removes go",
        "Pulumi creates an object that exists, for example because its state was lost",
        right=Right.PROVIDER,
    )
    NOTE_MEMBERS = Access(
        ("patch",),
        (_SERVICE,),
        "notes on the governing Service, as annotations, how many instances are members and which one is to join again",
        "that changes",
        ("members",),
        right=Right.ARGUMENT,
    )
    CREATE_VERSION = Access(
        ("create", "patch"),
        _VERSIONED,
        "creates a Secret or ConfigMap of the component again",
        "Pulumi's state has it, and it was deleted",
        _OF_VERSIONS,
    )
    OWN_VERSION = Access(
        ("patch",),
        _VERSIONED,
        "makes the StatefulSet the owner of a Secret or ConfigMap of the component, and an earlier one no owner",
        "after the StatefulSet was created or updated, and before it is",
        _OF_VERSIONS,
    )
    DELETE_VERSION = Access(
        ("delete",),
        _VERSIONED,
        "deletes a Secret or ConfigMap of the component",
        "the rollout is complete, and no revision of the StatefulSet refers to it",
        _OF_VERSIONS,
    )
    MAKE_WAY_FOR_VERSION = Access(
        ("delete",),
        _VERSIONED,
        "deletes a Secret or ConfigMap of the component, and Pulumi creates the same",
        "Pulumi's state lacks it, and the provider cannot update what exists",
        _OF_VERSIONS,
    )
    FORECAST = Access(
        ("create", "patch"),
        (_STATEFUL_SET,),
        "what the StatefulSet would be after a change, by dry runs",
        changes=False,
        is_dry_run=True,
    )
    FORECAST_RESIZE = Access(
        ("patch",),
        (_POD,),
        "whether the API server would change CPU and memory of a running Pod, by a dry run",
        arguments=("resize",),
        subresource="resize",
        right=Right.ARGUMENT,
        changes=False,
        is_dry_run=True,
    )
    TRY_SNAPSHOT = Access(
        ("create",),
        (_SNAPSHOT,),
        "whether a VolumeSnapshot could be made",
        arguments=("snapshots",),
        right=Right.ARGUMENT,
        changes=False,
        is_dry_run=True,
    )
    TRY_GROUP_SNAPSHOT = Access(
        ("create",),
        (_GROUP,),
        "whether a VolumeGroupSnapshot could be made",
        arguments=("snapshots.group_class_name",),
        right=Right.ARGUMENT,
        changes=False,
        is_dry_run=True,
    )
    REVIEW_RIGHTS = Access(
        ("create",),
        ("SelfSubjectAccessReview",),
        "whether Pulumi's provider may follow a Service that it creates; with `resize`, whether Pods may be resized",
        right=Right.EVERYBODY,
        changes=False,
    )

    @property
    def row(self) -> Access:
        """What the action is."""
        return self.value

    def require(self, verb: str, kind: str, subresource: str | None = None) -> None:
        """Raises LookupError for a request that is not this action's."""
        if not self.row.covers(verb, kind, subresource):
            what = "/".join(filter(None, [kind, subresource]))
            raise LookupError(f"{self.name} in client/access.py does not cover: {verb} {what}")


READS = (
    Access(
        ("get", "list"),
        (_STATEFUL_SET,),
        "the StatefulSet and the state of its rollout; another one that belongs to the same component",
    ),
    Access(
        ("get",),
        (_SERVICE,),
        "whether a Service of this name belongs to somebody else; of the governing one its selector and the notes "
        "about members",
    ),
    Access(
        ("get",),
        ("PodDisruptionBudget", "NetworkPolicy"),
        "whether an object of this name belongs to somebody else",
    ),
    Access(("list",), ("Pod",), "the instances"),
    Access(
        ("get", "list"),
        (_CLAIM,),
        "sizes, owners and deletions of the claims",
    ),
    Access(
        ("list",),
        ("Event",),
        "why an instance or a claim is not ready: Warning events",
    ),
    Access(
        ("get", "list", "watch"),
        ("Endpoints", "EndpointSlice"),
        "whether the names of the instances resolve (list EndpointSlices); the rest is how Pulumi's provider follows "
        "Services",
    ),
    Access(
        ("list",),
        ("ControllerRevision",),
        "which Pods have the revision of a roll-back already; from which template a Pod was made; which revision came "
        "before the last rollout; which Secrets and ConfigMaps a revision refers to",
    ),
    Access(
        ("get", "list"),
        _VERSIONED,
        "the component's own, by a label; whether one of this name belongs to somebody else. A Secret is read with its "
        "values, of which the component uses and shows none",
        arguments=_OF_VERSIONS,
    ),
    Access(
        ("get",),
        ("Secret",),
        "whether the Secret has the output of `form_cluster`, and belongs to this service",
        arguments=("form_cluster.secret_name",),
        right=Right.ARGUMENT,
    ),
    Access(
        ("get",),
        ("StorageClass",),
        "whether a class of this name belongs to somebody else",
        arguments=("storage_class",),
        right=Right.ARGUMENT,
    ),
    Access(
        ("list",),
        (_SNAPSHOT,),
        "the VolumeSnapshots that the component has made before changes, and whether they are ready",
        arguments=("snapshots", "restore.snapshot"),
        right=Right.ARGUMENT,
    ),
    Access(
        ("get",),
        (_SNAPSHOT,),
        "whether the VolumeSnapshot is there and ready",
        arguments=("restore.snapshot",),
        right=Right.ARGUMENT,
    ),
    Access(
        ("list",),
        (_GROUP,),
        "the VolumeGroupSnapshots that the component has made before changes, and whether they have failed",
        arguments=("snapshots.group_class_name",),
        right=Right.ARGUMENT,
    ),
    Access(
        ("get",),
        ("Job",),
        "whether the check of restored VolumeSnapshots has ended",
        arguments=("snapshots.restore_test",),
        right=Right.ARGUMENT,
    ),
    Access(
        ("list",),
        ("VolumeSnapshotClass", "VolumeGroupSnapshotClass"),
        "whether there is a class for the driver of the volumes",
        arguments=("snapshots",),
        without="where there is none, `pulumi up` says so when a VolumeSnapshot fails, and no preview does",
        right=Right.OPTIONAL,
    ),
    Access(
        ("get",),
        ("StorageClass",),
        "whether its volumes can be expanded",
        without="where they cannot, `pulumi up` fails by the API server's refusal, and no preview says so",
        right=Right.OPTIONAL,
    ),
    Access(
        ("get",),
        ("PersistentVolume",),
        "whether the volume of a claim that is deleted is kept (`persistentVolumeReclaimPolicy`)",
        without="it is taken for one that is not kept: changes that end such a claim are refused, and "
        "`recreate_claims` and `rebuild` set the policy again",
        right=Right.OPTIONAL,
    ),
    Access(
        ("get",),
        ("Node",),
        "whether the node of an instance answers",
        without="a Pod that was never ready is evicted although its node does not answer, and `rebuild.lost_node` is "
        "refused",
        right=Right.OPTIONAL,
    ),
    Access(
        ("get",),
        ("Namespace",),
        "whether the Namespace is being deleted",
        without="changes in it are not refused",
        right=Right.OPTIONAL,
    ),
)
"""What is read, in previews and in ``pulumi up``."""


def require_read(verb: str, kind: str) -> None:
    """Raises LookupError for what is not read."""
    if not any(row.covers(verb, kind) for row in READS):
        raise LookupError(f"client/access.py has no row for: {verb} {kind}")
