"""Settings that are wrong: gunicorn does not start, and says each fault in a line of its own."""
import json
import subprocess
import sys
from pathlib import Path

from running import COMMAND, ROOT, environment, free_port

from presence_receiver import config

NO_NUMBER = "must be a whole number from 1 up."
MISSING = "PRESENCE_SECRET is missing: set it to what HiveManager sends; `presence-cli new-secret` makes one."


def refusal(folder, **settings):
    """Run a receiver, which ends by itself; its exit status and what it said on stderr."""
    variables = environment(folder, **settings) | {"PORT": str(free_port())}
    ran = subprocess.run(COMMAND, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=30)
    assert not folder.exists()
    assert {json.loads(line)["level"] for line in ran.stdout.splitlines()} == {"INFO"}
    return ran.returncode, ran.stderr.splitlines()


def test_no_secret(tmp_path):
    assert refusal(tmp_path / "data", SECRET=None) == (1, [MISSING])


def test_every_setting_at_once(tmp_path):
    settings = {
        "SECRET": "1234", "PREVIOUS_SECRET": "x", "MAX_BODY_BYTES": "16M", "ROTATE_BYTES": "0",
        "ROTATE_SECONDS": "-1", "FSYNC": "perhaps", "MAC_KEY": "guess me", "DROP_FIELDS": "os,clientMac",
    }
    status, lines = refusal(tmp_path / "data", **settings)
    assert (status, sorted(lines)) == (1, [
        "PRESENCE_DROP_FIELDS must not name clientMac: what may become null is ipv4, ipv6, ssid, rssi, manufacturer, "
        "os, lat, lng, unc, x, y.",
        "PRESENCE_FSYNC must be true or false.",
        "PRESENCE_MAC_KEY must have at least 16 characters: `presence-cli new-key` makes one.",
        f"PRESENCE_MAX_BODY_BYTES {NO_NUMBER}",
        "PRESENCE_PREVIOUS_SECRET must have at least 5 characters.",
        f"PRESENCE_ROTATE_BYTES {NO_NUMBER}",
        f"PRESENCE_ROTATE_SECONDS {NO_NUMBER}",
        "PRESENCE_SECRET must have at least 5 characters.",
    ])


def test_a_secret_longer_than_hivemanager_takes_is_a_warning(start):
    one = start(SECRET="x" * 33)
    assert "PRESENCE_SECRET has 33 characters; HiveManager keeps only the first 32." in one.text()
    assert one.post([], {"Authorization": "x" * 33}).status == 200


def test_a_secret_with_a_newline_and_one_that_is_no_text(tmp_path):
    around = "has blanks or a newline around it: take them away (`echo` adds one, `printf` none)."
    assert refusal(tmp_path / "data", SECRET="aHVudGVyMjI=\n") == (1, [f"PRESENCE_SECRET {around}"])
    assert refusal(tmp_path / "data", SECRET="hunter\udcff22") == (1, ["PRESENCE_SECRET is not UTF-8."])


def test_an_unknown_name_is_a_warning_and_no_fault(start):
    one = start(SECRET="x" * 32, ROTATE_BYTE="5", SERVICE_HOST="10.0.0.1")
    warnings = [entry["message"] for entry in map(json.loads, one.text().splitlines()) if entry["level"] == "WARNING"]
    assert set(warnings) == {"PRESENCE_ROTATE_BYTE is no setting and is ignored; is PRESENCE_ROTATE_BYTES meant?"}


def said(one):
    return [json.loads(line)["message"] for line in one.text().splitlines()]


def test_the_first_lines_say_where_lines_go_and_what_comes_next(start, tmp_path):
    one = start(workers=1)
    command = Path(sys.executable).with_name("presence-cli")
    assert said(one)[3:5] == [
        f"Lines go to {tmp_path}/data/presence.jsonl, rejected ones to rejected.jsonl beside it.",
        f"Try it with: {command} send http://localhost:{one.port}/presence. Then let HiveManager post: "
        f"{command} init asks for its credentials and tells what comes next."]


def test_with_a_bucket_they_say_so():
    settings = config.load({"PRESENCE_SECRET": "hunter22", "PRESENCE_BUCKET_URL": "s3://presence/lines"})
    assert settings.destination == (
        "Lines go to s3://presence/lines, from where presence-cli collect writes them to files.")


def test_a_data_folder_that_is_a_file(tmp_path):
    (tmp_path / "file").write_bytes(b"mine")
    variables = environment(tmp_path / "file") | {"PORT": str(free_port())}
    ran = subprocess.run(COMMAND, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=30)
    assert (ran.returncode, ran.stderr) == (1, f"PRESENCE_DATA_DIR must be a folder, and {tmp_path}/file is none.\n")


def test_names_that_are_no_text_are_told_all_the_same(start, tmp_path):
    one = start(workers=1, variables={"PRESENCE_SECR\udce9T": "x", "PRESENCE_DATA_DIR": f"{tmp_path}/d\udce9"})
    assert "Traceback" not in one.text()
    assert f"Lines go to {tmp_path}/d\\udce9/presence.jsonl, rejected ones to rejected.jsonl beside it." in said(one)
    assert one.post([]).status == 200
