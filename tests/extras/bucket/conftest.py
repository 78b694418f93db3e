import itertools

import pytest
from buckets import Collector, Gateway, Store, light_server

NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One light server for all tests of a process; each has a bucket of its own."""
    with light_server(tmp_path_factory.mktemp("server") / "log") as one:
        yield one


@pytest.fixture
def store(server):
    """A new bucket."""
    return Store(server.port, f"presence-{next(NUMBERS)}").make()


@pytest.fixture
def gateway(server):
    """What stands before the server, and may misbehave."""
    one = Gateway(server.port)
    yield one
    one.mode = "good"
    one.close()


@pytest.fixture
def behind(store, gateway):
    """The variables of a client that sees the bucket through the gateway alone."""
    return store.variables | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{gateway.port}"}


@pytest.fixture
def collect(tmp_path, store):
    """Start collectors; they are stopped at the end."""
    started = []

    def collect_one(folder=tmp_path / "collected", *arguments, **options):
        one = Collector(folder, tmp_path / f"collector-{len(started)}.log", store, *arguments, **options)
        started.append(one)
        return one.start()

    yield collect_one
    for one in started:
        if one.process.poll() is None:
            one.stop()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "collected"


@pytest.fixture
def inside(store, monkeypatch):
    """Lets the test's own process use the bucket."""
    for name, value in store.variables.items():
        monkeypatch.setenv(name, value)
    return store
