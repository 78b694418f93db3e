import logging
import math

from presence_receiver import create_app
from presence_receiver.errors import StorageError
from presence_receiver.log_limit import LimitedLog

SECRET = "x" * 32


def limited(caplog, times):
    caplog.set_level(logging.WARNING)
    moments = iter(times)
    return LimitedLog(logging.getLogger("presence_receiver.test"), lambda: next(moments))


def test_one_of_a_kind_a_minute_is_logged_and_the_next_says_how_many_were_left_out(caplog):
    log = limited(caplog, [0, 0.1, 59.9, 60, 60.1, 120, 200])
    for number in range(7):
        log.warning("full", "Number %d.", number)
    assert caplog.messages == [
        "Number 0.",
        "Number 3. (2 more like this since the last such line.)",
        "Number 5. (1 more like this since the last such line.)",
        "Number 6.",
    ]


def test_with_no_end_to_the_time_each_kind_is_logged_once(caplog):
    caplog.set_level(logging.WARNING)
    log = LimitedLog(logging.getLogger("presence_receiver.test"), iter([0, 100, 1e9]).__next__, seconds=math.inf)
    for number in range(3):
        log.warning("full", "Number %d.", number)
    assert caplog.messages == ["Number 0."]


def test_kinds_do_not_hide_each_other(caplog):
    log = limited(caplog, [0, 0, 0])
    for kind in ("full", "read-only", "full"):
        log.warning(kind, "It is %s.", kind)
    assert caplog.messages == ["It is full.", "It is read-only."]


def post(app, secret=SECRET, body=b"{}"):
    return app.test_client().post("/presence", data=body, headers={"Authorization": f"Basic {secret}"}).status_code


def test_senders_without_the_secret_and_bad_deliveries_do_not_flood_the_log(tmp_path, caplog):
    app = create_app({"PRESENCE_SECRET": SECRET, "PRESENCE_DATA_DIR": str(tmp_path)})
    assert [post(app, "wrong") for _ in range(5)] == [401] * 5
    assert [post(app) for _ in range(5)] == [422] * 5
    assert caplog.messages == [
        "A delivery from 127.0.0.1 was refused with 401: "
        "The Authorization header must carry the secret, as in: Authorization: Basic <secret>",
        "A delivery had 1 rejected observations and 0 good ones.",
    ]


def test_each_kind_of_storage_error_is_logged_once(tmp_path, caplog, monkeypatch):
    app = create_app({"PRESENCE_SECRET": SECRET, "PRESENCE_DATA_DIR": str(tmp_path)})
    kinds = iter(["full", "full", "read-only", "full", "read-only", "permission"])

    def fail(*lines):
        kind = next(kinds)
        raise StorageError(f"It is {kind}.", kind)

    monkeypatch.setattr(app.extensions["presence_receiver"].writer, "append", fail)
    assert [post(app) for _ in range(6)] == [503] * 6
    assert caplog.messages == [
        f"A delivery was refused with 503: It is {kind}." for kind in ("full", "read-only", "permission")
    ]


def test_who_shows_no_secret_is_named_and_behind_a_router_as_it_claims(tmp_path, caplog):
    app = create_app({"PRESENCE_SECRET": SECRET, "PRESENCE_DATA_DIR": str(tmp_path)})
    for claimed in (None, "10.1.1.1, 203.0.113.9", "\x1b[31m" + "9" * 100):
        log = app.extensions["presence_receiver"].log
        log._quiet_until.clear()
        app.test_client().post("/presence", headers={"X-Forwarded-For": claimed} if claimed else {})
    assert [message.partition(" was ")[0] for message in caplog.messages] == [
        "A delivery from 127.0.0.1",
        "A delivery from 203.0.113.9 (as X-Forwarded-For claims)",
        f"A delivery from  [31m{'9' * 55} (as X-Forwarded-For claims)",
    ]


def test_401s_are_counted_once_a_minute(tmp_path, caplog):
    moments = iter([0, 1, 2, 61])
    app = create_app({"PRESENCE_SECRET": SECRET, "PRESENCE_DATA_DIR": str(tmp_path)})
    app.extensions["presence_receiver"].log._clock = lambda: next(moments)
    assert [post(app, "wrong") for _ in range(4)] == [401] * 4
    assert len(caplog.messages) == 2
    assert caplog.messages[1].endswith(" (2 more like this since the last such line.)")
