"""What a component tells of its service is read as it was written, or is not read at all."""

from typing import Any

import pytest
from pulumi_stateful_service_report.record import MARK, RecordError, State, decode, encode, new_record

DRIFT = [{"field": "spec.replicas", "manager": "kubectl-scale", "overwritten": True}]
FULL = new_record(
    State.CHANGED,
    namespace="prod",
    statefulSet="db",
    set="Updated",
    instances={"db-0": "Replaced"},
    order=["db-0"],
    claims={"data-db-0": "Expanded"},
    sizes={"data-db-0": ("1Gi", "2Gi")},
    availability={"required": 1, "ready": 1, "fewest": 0},
    drift=DRIFT,
)


@pytest.mark.parametrize("told", [FULL, new_record(State.UNKNOWN, 'a "quoted"\nreason with \x1b[1m')])
@pytest.mark.parametrize("around", ["{}\n", "debug: <{%reset%}>{}<{%reset%}>\n"])
def test_a_record_is_read_as_it_was_written(told: Any, around: str) -> None:
    """Whatever the engine puts around it, it is one line."""
    line = encode(told)
    assert "\n" not in line
    sizes = {claim: list(each) for claim, each in told["sizes"].items()}
    assert decode(around.replace("{}", line)) == {**told, "sizes": sizes}


def test_what_people_read_is_no_record() -> None:
    assert decode("StatefulService 'db': db-0: replaced (image).") is None


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (encode(FULL).replace(f"{MARK}1 ", f"{MARK}2 "), "version '2', and this report reads 1"),
        (encode(FULL)[:-30], "damaged"),
        (encode(FULL).replace("db-0", '[secret]"'), "damaged"),
        (encode(FULL).replace('"Changed"', '"Fine"'), "damaged"),
        (encode(FULL).replace('"order":["db-0"]', '"order":{}'), "damaged"),
        (encode(FULL).replace('"manager":"kubectl-scale",', ""), "damaged"),
        (encode(FULL).replace('"fewest":0', '"fewest":"0"'), "damaged"),
        (encode(FULL).replace('"sizes":{', '"sizes":{"x":["1Gi"],'), "damaged"),
        (f"{MARK}1 {'[' * 100_000}", "damaged"),
        (f"{MARK}1 []", "damaged"),
        (MARK, "version ''"),
    ],
)
def test_what_cannot_be_read_is_an_error(line: str, says: str) -> None:
    """Of another version, cut off, or where the engine has put [secret] in place of a part."""
    with pytest.raises(RecordError, match="forecast") as error:
        decode(line)
    assert says in str(error.value)
