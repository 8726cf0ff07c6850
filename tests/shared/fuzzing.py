"""Arguments at volume: mostly right ones, with anything at all in places; made from the TypedDicts themselves.

What is right for a value stands here once, by the rule that checks it; a rule that is new must get an entry.
"""

import copy
import inspect
import os
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi_kubernetes as kubernetes
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from pulumi._types import input_type_types, is_input_type, unwrap_type
from pulumi_stateful_service import StatefulServiceArgs
from pulumi_stateful_service.arguments.value_checks.table import CHECKS

AT_VOLUME = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "100")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize="FUZZ_EXAMPLES" not in os.environ,
)
"""A slice, always the same; or as many as FUZZ_EXAMPLES says, others each time."""

_LABEL = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
_PORT_NAMES = st.sampled_from(["http", "client", "peer", "dns"])
_KEYS = st.sampled_from(["a", "team", "example.com/key", "A-b_c.d"])
_NUMBERS = st.integers(0, 9)
_PORTS = st.integers(1, 65535)
_RESOURCES = st.sampled_from(["cpu", "memory", "ephemeral-storage", "example.com/gpu"])
_QUANTITIES = st.sampled_from(["1", "100m", "1.5", "64Mi", "1Gi", "2e3"])

_BY_RULE: Mapping[str, st.SearchStrategy[Any]] = {
    "dns_label": _LABEL,
    "dns_subdomain": st.one_of(_LABEL, st.just("a.b-c.d")),
    "dns_subdomain_or_empty": st.one_of(_LABEL, st.just("")),
    "snapshot": st.one_of(_LABEL, st.just("BeforeLastRollout")),
    "env_name": st.sampled_from(["A", "B", "C_D", "e.f", "_G"]),
    "secret_key_and_env_name": st.sampled_from(["S", "T.U"]),
    "label_key": _KEYS,
    "metadata_key": _KEYS,
    "label_value": st.sampled_from(["", "a", "A-b_c.d", "1"]),
    "mount_path": st.sampled_from(["/a", "/b/c", "/d/", "/opt/logs"]),
    "ip_address": st.sampled_from(["10.0.0.1", "fd00::1"]),
    "cidr": st.sampled_from(["10.0.0.0/8", "192.168.1.0/24", "fd00::/8"]),
    "not_empty": st.sampled_from(["a", "example.com/thing", "PersistentVolumeClaim"]),
    "file_path": st.sampled_from(["/a", "/b/c", "/etc/x.conf", "/etc/y/x.conf"]),
    "version_number": st.sampled_from(["16.4", "17-rc1", "v3"]),
    "http_url": st.just("http://prometheus:9090"),
    "number_or_percentage": st.one_of(st.integers(1, 4), st.sampled_from(["1%", "50%", "100%"])),
    "number_or_percentage_or_none": st.one_of(st.integers(0, 4), st.sampled_from(["0%", "50%"])),
    "instance_name": st.sampled_from(["{pod}", "at-{ordinal}"]),
    "peer_template": st.sampled_from(["{pod}", "{pod}=http://{address}:2380", "{ordinal}@{address}"]),
    "port_name": _PORT_NAMES,
    "port_name_or_number": st.one_of(_PORT_NAMES, _PORTS),
    "port_number": _PORTS,
    "config_key": st.sampled_from(["a", "a.b", "A_B-c"]),
    "resource_name": _RESOURCES,
    "quantity": _QUANTITIES,
    "service_name": _LABEL,
    "set_name": _LABEL,
    "group_name": _LABEL,
    "positive_quantity": st.sampled_from(["1Mi", "10Gi", "1.5Gi", "1e9"]),
    "sub_path": st.sampled_from(["a", "a/b"]),
    "file_mode": st.sampled_from(["0440", "600"]),
    "divisor": st.sampled_from(["1", "1m", "1Mi", "1k"]),
    "resource_field": st.sampled_from(["limits.memory", "requests.cpu"]),
    "capability": st.sampled_from(["NET_BIND_SERVICE", "CHOWN"]),
}
"""What is right, by the check's name."""

_BY_ARGUMENT: Mapping[str, st.SearchStrategy[Any]] = {
    "StatefulServiceArgs.pod_template": st.sampled_from(
        [{}, {"spec": {"nodeSelector": {"a": "b"}}}, {"metadata": {"labels": {"tier": "data"}}}]
    ),
    "StatefulServiceArgs.affinity": st.just({}),
    "GroupArgs.affinity": st.just({}),
    "HttpGetArgs.http_headers{}": st.sampled_from(["X-A", "Host"]),
    "StatefulServiceArgs.port_protocols{}": _PORT_NAMES,
    "StatefulServiceArgs.app_protocols{}": _PORT_NAMES,
    "LoadBalancerArgs.ports{}": _PORT_NAMES,
    "LoadBalancerArgs.node_ports{}": _PORT_NAMES,
    "ClientServiceArgs.ports{}": _PORT_NAMES,
    "InstanceServicesArgs.node_ports{}": _PORT_NAMES,
    "LoadBalancerArgs.target_port": _PORT_NAMES,
    "NetworkClientArgs.ports[]": _PORT_NAMES,
    "LoadBalancerArgs.traffic_distribution": st.sampled_from(["PreferSameZone", "PreferSameNode"]),
    "StorageClassArgs.provisioner": st.just("example.com/driver"),
    "StatefulServiceArgs.ip_families[]": st.just("IPv4"),
    "StatefulServiceArgs.ip_family_policy": st.sampled_from(["SingleStack", "PreferDualStack"]),
}
"""What is right for one argument, where its check alone does not tell."""

_ONE_OF = {
    "ProbeArgs": ["http_get", "tcp_socket", "grpc", "exec"],
    "RolloutCheckArgs": ["http_get", "exec"],
    "LifecycleHandlerArgs": ["exec", "http_get", "sleep_seconds"],
    "LeaderArgs": ["labels", "http_get", "exec"],
    "EnvFromArgs": ["secret", "config_map"],
    "NetworkClientArgs": ["namespace", "namespace_labels", "pod_labels", "cidr"],
}
"""Arguments of which exactly one is to be given, nearly."""

_BY_TYPE: Mapping[Any, st.SearchStrategy[Any]] = {
    str: st.sampled_from(["a", "$(POD_NAME)", "x y"]),
    int: _NUMBERS,
    float: st.floats(0, 1),
    bool: st.booleans(),
}

_JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.floats(allow_nan=True),
    st.text(max_size=300),
    st.sampled_from(["", " ", "-", "..", "/", ":", "a" * 300, "ä", "\x00", "0", "{}", "{", "$(A)", "a\nb"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


def right(to: Any, rule: str) -> st.SearchStrategy[Any]:
    """Values that are right for a place of this type, under this rule."""
    to = _inner(to)
    if typing.is_typeddict(to):
        return typed_dict(to)
    origin = typing.get_origin(to)
    if origin is Sequence:
        least = 1 if rule in CHECKS else 0
        return st.lists(right(typing.get_args(to)[0], f"{rule}[]"), min_size=least, max_size=2)
    if rule in _BY_ARGUMENT:
        return _BY_ARGUMENT[rule]
    if origin is Mapping:
        by_check = _by_check(rule + "{}")
        keys = _BY_ARGUMENT.get(rule + "{}", _BY_TYPE[str] if by_check is None else by_check)
        return st.dictionaries(keys, right(typing.get_args(to)[1], f"{rule}[]"), max_size=2)
    by_check = _by_check(rule)
    return _BY_TYPE[to] if by_check is None else by_check


def typed_dict(to: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Arguments of this type, each of them right by itself."""
    if to.__name__ in _ONE_OF:
        return _one_of(to)
    fields = {key: right(hint, f"{to.__name__}.{key}") for key, hint in inspect.get_annotations(to).items()}
    # A volume's size may stand elsewhere.
    needed = to.__required_keys__ | ({"size"} if to.__name__ == "VolumeArgs" else set())
    required = {key: fields[key] for key in needed}
    optional = {key: fields[key] for key in fields.keys() - required.keys()}

    @st.composite
    def some(draw: st.DrawFn) -> dict[str, Any]:
        # A few of many: where all are given, some two contradict each other nearly always.
        chosen = draw(st.sets(st.sampled_from(sorted(optional)), max_size=7)) if optional else set()
        return {key: draw(strategy) for key, strategy in (required | {k: optional[k] for k in sorted(chosen)}).items()}

    return some()


def _one_of(to: Any) -> st.SearchStrategy[dict[str, Any]]:
    hints = inspect.get_annotations(to)
    fields = {key: right(hint, f"{to.__name__}.{key}") for key, hint in hints.items()}
    ways = _ONE_OF[to.__name__]
    others = st.fixed_dictionaries({}, optional={key: fields[key] for key in sorted(fields.keys() - set(ways))})
    way = st.sampled_from(ways).flatmap(lambda way: st.fixed_dictionaries({way: fields[way]}))
    return st.builds(lambda way, others: way | others, way, others)


def likely() -> st.SearchStrategy[dict[str, Any]]:
    """Arguments that will mostly do: ports and volumes are there for others to refer to."""
    ports = st.just({"http": 8080, "client": 5432, "peer": 2380, "dns": 53})
    return st.builds(lambda args, ports: {**args, "ports": ports}, typed_dict(StatefulServiceArgs), ports)


@st.composite
def anything(draw: st.DrawFn) -> Any:
    """Arguments with something else in one place or more."""
    args = copy.deepcopy(draw(likely()))
    for _ in range(draw(st.integers(1, 3))):
        _spoil(draw, args)
    return args


def _spoil(draw: st.DrawFn, args: Any) -> None:
    place = args
    while True:
        keys = sorted(place, key=str) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or not place[key] or draw(st.booleans()):
            place[key] = draw(_JUNK)
            return
        place = place[key]


def pod_templates() -> st.SearchStrategy[dict[str, Any]]:
    """Pod templates in Kubernetes' words, with something else in some places; empty lists and maps foremost."""
    fields = input_type_types(kubernetes.core.v1.PodTemplateSpecArgs)
    return st.fixed_dictionaries({}, optional={key: _kubernetes(to) for key, to in fields.items()})


def _kubernetes(to: Any) -> st.SearchStrategy[Any]:
    to = unwrap_type(to)
    wrong = st.one_of(st.just([]), st.just({}), st.none(), st.sampled_from([[[]], [{}], [None], {"a": []}, "a", 1]))
    origin = typing.get_origin(to)
    if origin is Sequence:
        right: st.SearchStrategy[Any] = st.lists(_kubernetes(typing.get_args(to)[0]), max_size=2)
    elif origin is Mapping:
        right = st.dictionaries(_KEYS, _kubernetes(typing.get_args(to)[1]), max_size=2)
    elif isinstance(to, type) and is_input_type(to):
        right = st.deferred(lambda: _some_fields(input_type_types(to)))
    else:
        right = _BY_TYPE.get(to, st.just("a"))
    return st.one_of(right, right, wrong)


def _some_fields(fields: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    chosen = st.lists(st.sampled_from(sorted(fields)), max_size=4, unique=True)
    return chosen.flatmap(lambda keys: st.fixed_dictionaries({key: _kubernetes(fields[key]) for key in keys}))


def _by_check(rule: str) -> st.SearchStrategy[Any] | None:
    check = CHECKS.get(rule)
    if check is None:
        return None
    name = check.__qualname__.partition(".")[0]
    if name in {"one_of", "member_of"}:
        closure = inspect.getclosurevars(check)
        return st.sampled_from(closure.nonlocals["known"])
    if name == "between":
        bounds = inspect.getclosurevars(check).nonlocals
        return st.integers(bounds["least"], min(bounds["most"], bounds["least"] + 6))
    return _BY_RULE[name]


def _inner(hint: Any) -> Any:
    origin = typing.get_origin(hint)
    if origin is typing.NotRequired:
        return _inner(typing.get_args(hint)[0])
    if origin in (typing.Union, types.UnionType):
        return typing.get_args(hint)[0]
    return hint
