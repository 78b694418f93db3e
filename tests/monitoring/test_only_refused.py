"""A receiver whose secret is not the subscription's has answered only 401s, and says so where it is asked."""
from command_line import run
from running import SECRET, Receiver

from presence_receiver.extras.probe.service import NO_AGE

WARNING = (
    "This worker has refused every delivery so far with 401: give the receiver and the subscription the same "
    "PRESENCE_SECRET."
)


def test_only_401s_are_told_until_somebody_shows_the_secret(tmp_path):
    with Receiver(tmp_path / "data", tmp_path / "log", workers=1, MIN_FREE_BYTES=0) as receiver:
        def warnings():
            return receiver.request("GET", "/readyz").json["warnings"]

        assert warnings() == []
        assert receiver.post([], {"Authorization": "Basic wrong"}).status == 401
        assert warnings() == [WARNING]
        said = run("status", f"http://127.0.0.1:{receiver.port}/presence")
        assert (said.code, said.out) == (0, f"Ready.\nWarning: {WARNING}\n{NO_AGE}\n")
        assert receiver.post(b"{", {"Authorization": f"Basic {SECRET}"}).status == 400
        assert warnings() == []
        assert receiver.post([], {"Authorization": "Basic wrong"}).status == 401
        assert warnings() == []
