"""Errors of the Kubernetes API and of the way to it. Pulumi prints each as its message alone."""

from pulumi_stateful_service.documentation import with_page
from pulumi_stateful_service.errors import StatefulServiceError
from pulumi_stateful_service.outside_text import without_controls


class ClusterError(StatefulServiceError):
    """The Kubernetes API cannot be used: the kubeconfig, the connection or the API's answer is why."""

    def __init__(self, problem: str, *, cluster: str = "", status: int = 0, transient: bool = False) -> None:
        problem = without_controls(problem)
        super().__init__(with_page(f"Kubernetes cluster{f' ({cluster})' if cluster else ''}: {problem}"))
        self.problem = problem
        """What is wrong, in one sentence without a full stop."""
        self.cluster = cluster
        """The kubeconfig's context, or another short description of the cluster."""
        self.status = status
        """HTTP status of the answer; 0 where there was none."""
        self.transient = transient
        """Whether the same request may succeed later: the API server was busy, or could not be reached."""

    def at(self, cluster: str) -> "ClusterError":
        """The same error, with the cluster that it is about."""
        return type(self)(self.problem, cluster=cluster, status=self.status, transient=self.transient)


class ForbiddenError(ClusterError):
    """The API refused the credentials (401) or the right to do this (403). Trying again does not help."""


class NoClusterError(ClusterError):
    """No kubeconfig names a cluster, and the program does not run in a Pod."""


class CredentialsError(ClusterError):
    """The credentials could not be had: from a plugin, an identity provider or a file."""


class TimedOutError(ClusterError):
    """A request was sent, and its answer was not complete in time."""


class PodError(ClusterError):
    """An instance did not do what it was asked, although the API server passed it on: that is the instance's answer."""
