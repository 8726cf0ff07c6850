"""The commands: `python3 -m local --help`."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from local import binaries, cluster, csi_faults, engine, images, machine, node, node_faults, paths, pins, setup
from local.console import say
from local.errors import LocalError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; what can be expected to go wrong gets one message."""
    options = _parser().parse_args(arguments)
    try:
        paths.check_supported()
        _COMMANDS[options.command](options)
    except LocalError as problem:
        say(f"error: {problem}")
        return 1
    except KeyboardInterrupt:
        say("Interrupted; run the same again to go on.")
        return 130
    return 0


def _binaries(options: argparse.Namespace) -> None:
    chosen = [pins.binary(name) for name in options.names] or list(pins.ALL)
    binaries.folder(chosen)
    say(f"In the cache: {', '.join(f'{each.name} {each.shown_version()}' for each in chosen)}.")


def _image(options: argparse.Namespace) -> None:
    for name in options.names or sorted({each.name for each in images.ALL}):
        for image in images.named(name):
            print(images.archive(image)[0])


def _load_image(options: argparse.Namespace) -> None:
    for name in options.names:
        node.load_images(images.named(name))


def _import_image(options: argparse.Namespace) -> None:
    for file in options.files:
        say(f"On the embedded cluster: {', '.join(node.import_images(file))}.")


def _status(_: argparse.Namespace) -> None:
    for part, pids, log in cluster.status():
        print(f"{part:24} {' '.join(map(str, pids)) or 'not running':12} {log}")


def _traces(_: argparse.Namespace) -> None:
    json.dump(machine.traces(), sys.stdout, indent=2)
    print()


def _disk_fault(options: argparse.Namespace) -> None:
    fault = {name: value for name, value in vars(options).items() if name != "command"}
    print(csi_faults.add(**fault))


_COMMANDS: dict[str, Callable[[argparse.Namespace], None]] = {
    "binaries": _binaries,
    "image": _image,
    "load-image": _load_image,
    "import-image": _import_image,
    "test-image": lambda _: images.test(),
    "cluster": lambda options: setup.set_up(options.nodes),
    "node": lambda options: node_faults.act(options.node, options.action),
    "disk-fault": _disk_fault,
    "end-disk-faults": lambda options: csi_faults.end(options.files),
    "limit-disks": lambda options: csi_faults.limit(options.node, options.number),
    "cluster-down": lambda _: cluster.stop(),
    "cluster-delete": lambda _: cluster.delete(),
    "scale-simulated-nodes": lambda options: cluster.scale_simulated_nodes(options.count),
    "env": lambda options: print(engine.exports(options.context)),
    "kubeconfig": lambda _: print(paths.KUBECONFIG),
    "status": _status,
    "traces": _traces,
}


def _add_disk_commands(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    fault = add("disk-fault", "make a call of the CSI driver fail or hang, and print the file to end that with")
    fault.add_argument("call", help="such as ControllerExpandVolume")
    fault.add_argument("--code", help="the gRPC code of the error, such as OUT_OF_RANGE")
    fault.add_argument("--message", help="the text of the error")
    fault.add_argument("--hang-seconds", type=float, help="how long it hangs first; below 0: until its caller gives up")
    fault.add_argument("--times", type=int, help="how often; always by default")
    fault.add_argument("--namespace", help="only for volumes of claims in this namespace")
    fault.add_argument("--claim", help="only for volumes of claims of this name")
    fault.add_argument("--volume", help="only for the volume with this handle")
    add("end-disk-faults", "let calls of the CSI driver go well again").add_argument(
        "files", nargs="*", type=Path, help="as disk-fault printed them; all by default"
    )
    limit = add("limit-disks", "have a real node say how many volumes it can have attached")
    limit.add_argument("node")
    limit.add_argument("number", type=int, help="0 for as many as at first")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m local", description="The embedded Pulumi engine and Kubernetes cluster."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text)

    add("binaries", "build programs from pinned modules into the cache").add_argument(
        "names", nargs="*", help="all by default"
    )
    add("image", "make images, and print where they are").add_argument("names", nargs="*", help="all by default")
    add("load-image", "make images, and give them to the cluster that runs").add_argument("names", nargs="+")
    add("import-image", "give images of your own to the cluster that runs, from files of docker save").add_argument(
        "files", nargs="+", type=Path
    )
    add("test-image", "test the programs in the images")
    add("cluster", "build what is missing, and start the cluster").add_argument(
        "--nodes", type=int, help="how many real nodes it has from now on, up to 3; one at first"
    )
    node_command = add("node", "do to a real node what happens to machines; cluster brings it back")
    node_command.add_argument("action", choices=node_faults.ACTIONS)
    node_command.add_argument("node")
    _add_disk_commands(add)
    add("cluster-down", "stop the cluster; its data stay")
    add("cluster-delete", "stop the cluster and delete its data")
    add("scale-simulated-nodes", "set the number of simulated nodes").add_argument("count", type=int)
    add("env", 'print the settings for a shell: eval "$(python3 -m local env)"').add_argument(
        "--context", default="", help="for a real cluster: the name of a kubectl context"
    )
    add("kubeconfig", "print the path of the embedded cluster's kubeconfig")
    add("status", "print each part of the cluster, its process and its log")
    add("traces", "print what a cluster could leave behind on this machine, to compare before and after")
    return parser


if __name__ == "__main__":
    sys.exit(main())
