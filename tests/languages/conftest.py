"""What the tests of other languages share."""

import uuid
from collections.abc import Iterator

import pytest
from harness import client_for, environment
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Namespace


@pytest.fixture
def namespace() -> Iterator[str]:
    """A namespace for one test, deleted afterwards with everything in it."""
    with client_for(environment()) as client:
        name = f"test-{uuid.uuid4().hex[:8]}"
        client.create(Namespace(metadata=ObjectMeta(name=name)))
        yield name
        client.delete(Namespace, name)
