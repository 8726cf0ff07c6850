"""What is built, and from what: one row for each binary.

The versions stand in the go.mod of each module folder and nowhere else.
"""

import re
from dataclasses import dataclass, field

from local.errors import LocalError
from local.paths import SOURCE

GO = "1.26.6"
"""The release of Go that is installed where there is none; any from `GO_MINIMUM` on will do."""

GO_MINIMUM = (1, 26, 0)

PULUMI_MINIMUM = (3, 230, 0)
"""The oldest installed Pulumi that is used instead of building one: the cluster tests of rollouts, disks and the plugin
pass with it."""

KUBERNETES_PROVIDER = "4.25.0"
"""The release of Pulumi's Kubernetes provider that the pinned commit belongs to."""


@dataclass(frozen=True)
class Binary:
    """One program, and how it is made from a pinned module."""

    name: str
    folder: str
    """The folder below `local/` with the go.mod and go.sum to build it with."""
    package: str
    module: str
    """The module that gives the program its version; empty for a program of our own."""
    link: tuple[str, ...] = ()
    """Variables the linker sets; `{version}`, `{major}` and `{minor}` are the module's."""
    version: str = ""
    """Where the module's version is a commit: the release it belongs to."""
    beside: tuple[str, ...] = ()
    """Files of the module that have to lie beside the program. One of that name in our folder takes its place, and
    finds the module's under the name with `-original`."""
    beside_from: str = field(default="", repr=False)
    """The module that these files are of, where it is not the program's."""
    embedded: tuple[str, ...] = ()
    """Files of the module that our own main package embeds."""
    seconds: float = field(default=5, repr=False)
    """How long the build takes on two processors after those before it, to tell how long is left. What is built does
    not depend on it, so it is left out of the digest that a build is kept under."""

    def pinned(self, module: str = "") -> str:
        """The version in go.mod, of the program's module or of another one."""
        module = module or self.module
        text = (SOURCE / self.folder / "go.mod").read_text()
        found = re.search(rf"^\s*(?:require )?{re.escape(module)} (v\S+)", text, re.MULTILINE)
        if found is None:
            raise LocalError(f"local/{self.folder}/go.mod does not require {module}.")
        return found[1]

    def shown_version(self) -> str:
        """The version to show, such as `v3.7.3`."""
        return f"v{self.version}" if self.version else self.pinned()

    def link_flags(self) -> str:
        """The flags for the linker, without symbols and with the version in."""
        version = self.shown_version()
        major, minor, *_ = version.removeprefix("v").split(".")
        values = [each.format(version=version, major=major, minor=minor) for each in self.link]
        return " ".join(["-s", "-w", *(f"-X {value}" for value in values)])


_KUBERNETES_VERSION = tuple(
    f"k8s.io/component-base/version.{each}" for each in ("gitVersion={version}", "gitMajor={major}", "gitMinor={minor}")
)


def _kubernetes(name: str, seconds: float) -> Binary:
    module = "k8s.io/kubernetes"
    package = f"{module}/cmd/{name}"
    return Binary(name, "modules/kubernetes", package, module, _KUBERNETES_VERSION, seconds=seconds)


def _kwok(name: str, seconds: float) -> Binary:
    module = "sigs.k8s.io/kwok"
    return Binary(
        name,
        "modules/kubernetes",
        f"{module}/cmd/{name}",
        module,
        beside=(
            "kustomize/stage/node/fast/node-initialize.yaml",
            "kustomize/stage/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
            "kustomize/stage/pod/fast/pod-complete.yaml",
            "kustomize/stage/pod/fast/pod-delete.yaml",
            "kustomize/stage/pod/fast/pod-ready.yaml",
        )
        if name == "kwokctl"
        else (),
        seconds=seconds,
    )


_SNAPSHOT_OBJECTS = (
    *(f"snapshot.storage.k8s.io_volumesnapshot{each}.yaml" for each in ("classes", "contents", "s")),
    *(f"groupsnapshot.storage.k8s.io_volumegroupsnapshot{each}.yaml" for each in ("classes", "contents", "s")),
)


def _side_car(repository: str, name: str, seconds: float) -> Binary:
    """A program of Kubernetes' storage group."""
    module = f"github.com/kubernetes-csi/{repository}"
    return Binary(
        name,
        "modules/csi",
        f"{module}/cmd/{name}",
        module,
        ("main.version={version}",),
        beside=tuple(f"config/crd/{each}" for each in _SNAPSHOT_OBJECTS) if name == "snapshot-controller" else (),
        beside_from="github.com/kubernetes-csi/external-snapshotter/client/v8",
        seconds=seconds,
    )


# The quick ones come first: whatever is wrong with Go, the network or the disk shows within the first minute.
CLUSTER = (
    Binary("etcd", "modules/etcd", ".", "go.etcd.io/etcd/server/v3", seconds=25),
    Binary("etcdctl", "modules/etcd", "go.etcd.io/etcd/etcdctl/v3", "go.etcd.io/etcd/etcdctl/v3", seconds=10),
    _kwok("kwok", 80),
    _kwok("kwokctl", 10),
    _kubernetes("kube-apiserver", 170),
    _kubernetes("kube-controller-manager", 75),
    _kubernetes("kube-scheduler", 10),
    _kubernetes("kubectl", 18),
    Binary("volume-provisioner", "modules/kubernetes", "./volume-provisioner", "", version="1.0", seconds=7),
)

NODE = (
    Binary("network-disks", "modules/kubernetes", "./network-disks", "", version="1.0", seconds=4),
    Binary("network-policies", "modules/kubernetes", "./network-policies", "", version="1.0", seconds=2),
    _kubernetes("kubelet", 22),
    _kubernetes("kube-proxy", 10),
    Binary("coredns", "modules/kubernetes", "./coredns", "github.com/coredns/coredns", seconds=7),
    Binary("csi-driver", "modules/csi", "./driver", "", version="1.0", seconds=2),
    _side_car("external-provisioner/v6", "csi-provisioner", 15),
    _side_car("external-attacher/v4", "csi-attacher", 6),
    _side_car("external-resizer/v2", "csi-resizer", 6),
    _side_car("external-snapshotter/v8", "csi-snapshotter", 6),
    _side_car("external-snapshotter/v8", "snapshot-controller", 6),
)

ENGINE = (
    Binary(
        "pulumi-language-python",
        "modules/pulumi-language-python",
        "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python",
        "github.com/pulumi/pulumi/sdk/v3",
        beside=("python/cmd/pulumi-language-python-exec",),
        seconds=20,
    ),
    Binary(
        "pulumi-language-yaml",
        "modules/pulumi-yaml",
        "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",
        "github.com/pulumi/pulumi-yaml",
        seconds=40,
    ),
    Binary(
        "pulumi",
        "modules/pulumi",
        "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        "github.com/pulumi/pulumi/pkg/v3",
        ("github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={version}",),
        seconds=130,
    ),
)

# Apart from the rest, since Pulumi takes a plugin that is on PATH before any other, and says so at each step.
PROVIDER = (
    Binary(
        "pulumi-resource-kubernetes",
        "modules/pulumi-resource-kubernetes",
        ".",
        "github.com/pulumi/pulumi-kubernetes/provider/v4",
        (f"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version={KUBERNETES_PROVIDER}",),
        version=KUBERNETES_PROVIDER,
        embedded=(
            "cmd/pulumi-resource-kubernetes/schema.json",
            "cmd/pulumi-resource-kubernetes/terraform-mapping.json",
        ),
        seconds=200,
    ),
)

# What runs in the images is ours, and is versioned by the image.
IMAGES = tuple(Binary(name, "images", f"./{name}", "", version="1.0") for name in ("pause", "random-generator"))

# Built when tests want them.
TESTS = (
    _side_car("csi-test/v5", "csi-sanity", 12),
    Binary("history-checker", "modules/history-checker", ".", "", version="1.0", seconds=5),
    Binary("sdk-generator", "modules/sdk-generator", ".", "", version="1.0", seconds=10),
    Binary(
        "pulumi-language-nodejs",
        "modules/pulumi-language-nodejs",
        "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs",
        "github.com/pulumi/pulumi/sdk/v3",
        seconds=40,
    ),
    Binary(
        "pulumi-language-go",
        "modules/pulumi-language-go",
        "github.com/pulumi/pulumi/sdk/v3/go/pulumi-language-go",
        "github.com/pulumi/pulumi/sdk/v3",
        seconds=40,
    ),
)

# In images of examples, built when one is wanted.
EXAMPLES = (
    Binary("strongbox", "images", "./strongbox", "", version="1.0", seconds=5),
    Binary(
        "nats-server",
        "modules/nats",
        "github.com/nats-io/nats-server/v2",
        "github.com/nats-io/nats-server/v2",
        seconds=30,
    ),
    Binary(
        "nats",
        "modules/nats",
        "github.com/nats-io/natscli/nats",
        "github.com/nats-io/natscli",
        ("main.version={version}",),
        seconds=30,
    ),
)

ALL = CLUSTER + NODE + ENGINE + PROVIDER + IMAGES


def binary(name: str) -> Binary:
    """The row of one program."""
    for each in (*ALL, *TESTS, *EXAMPLES):
        if each.name == name:
            return each
    raise LocalError(f"There is no binary {name!r}; there are {', '.join(each.name for each in ALL)}.")
