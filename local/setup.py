"""Sets the machine up for everything else: builds what is missing, all with one count, and starts the cluster."""

from local import binaries, cluster, debian, engine, paths, pins


def set_up(nodes: int | None = None) -> None:
    """Build the programs that are missing, and start what does not run of the cluster, with so many real nodes."""
    paths.check_supported()
    if cluster.has_real_node():
        # Before anything is built, since that takes long.
        debian.require(debian.NODE)
    binaries.build(programs())
    cluster.start(nodes)


def programs() -> list[pins.Binary]:
    """Every program that the cluster and Pulumi need on this machine."""
    images = pins.IMAGES if cluster.has_real_node() else ()
    return [*cluster.programs(), *images, *engine.programs()]
