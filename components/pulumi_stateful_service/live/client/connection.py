"""The settings of Pulumi's Kubernetes provider that say which cluster it uses."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Connection:
    """The provider's settings of the same names; each is None where the provider has its default."""

    kubeconfig: str | None = field(default=None, repr=False)
    """Contents of a kubeconfig, or the path of one. Not part of the representation, since it has credentials in it."""
    context: str | None = None
    """Name of the kubeconfig's context to use instead of its ``current-context``."""
    cluster: str | None = None
    """Name of the kubeconfig's cluster to use instead of the context's."""
    namespace: str | None = None
    """Namespace of objects that name none, instead of the context's."""
    renders: bool = False
    """Whether the provider writes manifests to a folder instead of using a cluster."""
