import importlib.util
import shutil

import nats_servers
import pytest
from nats_servers import Collector, NatsServer


@pytest.fixture(autouse=True)
def needs():
    """What these tests cannot do without."""
    if not shutil.which(nats_servers.PROGRAM):
        pytest.skip("nats-server is not installed")
    if not importlib.util.find_spec("nats"):
        pytest.skip("the extra `stream` is not installed")


@pytest.fixture
def server(tmp_path):
    """One running server."""
    one = NatsServer(tmp_path)
    one.start()
    nats_servers.wait_until_ready([one])
    yield one
    one.kill()


@pytest.fixture
def stream(server):
    """The settings for it."""
    return {"STREAM_URL": server.url, "STREAM_REPLICAS": 1}


@pytest.fixture
def collect(tmp_path, stream):
    """Start collectors; they are stopped at the end."""
    started = []

    def collect_one(folder=tmp_path / "collected", **options):
        one = Collector(folder, tmp_path / "collector.log", **stream | options)
        started.append(one)
        return one.start()

    yield collect_one
    for one in started:
        if one.process.poll() is None:
            one.stop()
