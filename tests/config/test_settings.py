from pathlib import Path

import pytest

from presence_receiver import config
from presence_receiver.config import privacy_rules, setting_names
from presence_receiver.errors import ConfigError
from presence_receiver.validation.schemas import LINE_FIELDS


def faults(**values):
    with pytest.raises(ConfigError) as error:
        config.load({f"PRESENCE_{name}": value for name, value in values.items()})
    return set(error.value.args)


def test_only_the_secret_is_required():
    settings = config.load({"PRESENCE_SECRET": "12345", "HOME": "/root"})
    assert settings.secrets == (b"12345",)
    assert settings.data_dir == Path("data")
    assert settings.max_body_bytes == 16 * 1024 * 1024
    assert (settings.rotate_bytes, settings.rotate_seconds, settings.fsync) == (100_000_000, 86_400, True)


def test_values_may_be_typed_already_as_in_app_config():
    settings = config.load({"PRESENCE_SECRET": "12345", "PRESENCE_FSYNC": False, "PRESENCE_ROTATE_BYTES": 5})
    assert (settings.fsync, settings.rotate_bytes) == (False, 5)


def test_an_empty_string_counts_as_missing():
    settings = config.load({"PRESENCE_SECRET": "12345", "PRESENCE_PREVIOUS_SECRET": "", "PRESENCE_DATA_DIR": ""})
    assert settings.secrets == (b"12345",)
    assert settings.data_dir == Path("data")


def test_all_faults_are_reported_at_once_each_with_its_variable():
    assert faults(PREVIOUS_SECRET="abcd", MAX_BODY_BYTES="16M", ROTATE_BYTES="0", FSYNC="maybe") == {
        "PRESENCE_SECRET is missing: set it to what HiveManager sends; `presence-cli new-secret` makes one.",
        "PRESENCE_PREVIOUS_SECRET must have at least 5 characters.",
        "PRESENCE_MAX_BODY_BYTES must be a whole number from 1 up.",
        "PRESENCE_ROTATE_BYTES must be a whole number from 1 up.",
        "PRESENCE_FSYNC must be true or false.",
    }


def test_no_fault_shows_a_secret():
    assert "hunt" not in str(faults(SECRET="hunt"))


def test_the_secrets_are_not_in_the_repr():
    settings = config.load({"PRESENCE_SECRET": "hunter22", "PRESENCE_PREVIOUS_SECRET": "hunter21"})
    assert "hunter" not in repr(settings)


def test_a_secret_that_hivemanager_would_cut_is_warned_of():
    assert config.load({"PRESENCE_SECRET": "x" * 32}).warnings() == []
    assert config.load({"PRESENCE_SECRET": "x" * 33}).warnings() == [
        "PRESENCE_SECRET has 33 characters; HiveManager keeps only the first 32."
    ]


def test_nothing_is_deleted_unless_a_setting_says_so():
    settings = config.load({"PRESENCE_SECRET": "12345"})
    assert (settings.keep_files, settings.keep_days, settings.keep_bytes) == (None, None, None)
    assert settings.compress == "gzip"


def test_a_data_folder_without_a_name():
    assert faults(SECRET="12345", DATA_DIR="da\0ta") == {"PRESENCE_DATA_DIR must name a folder."}
    assert config.load({"PRESENCE_SECRET": "12345", "PRESENCE_DATA_DIR": "da\nta"}).data_dir.name == "da\nta"


def test_faults_in_what_is_kept_and_compressed():
    assert faults(SECRET="12345", COMPRESS="zstd", KEEP_FILES="0", KEEP_DAYS="1.5", KEEP_BYTES="1G") == {
        "PRESENCE_COMPRESS must be gzip or none.",
        "PRESENCE_KEEP_FILES must be a whole number from 1 up.",
        "PRESENCE_KEEP_DAYS must be a whole number from 1 up.",
        "PRESENCE_KEEP_BYTES must be a whole number from 1 up.",
    }


def test_a_command_that_only_handles_files_needs_no_secret_and_one_without_lets_nobody_in():
    assert config.load({}, needs_secret=False).secrets == ()


@pytest.mark.parametrize("name", ["SECRET", "PREVIOUS_SECRET", "METRICS_TOKEN"])
@pytest.mark.parametrize(["value", "fault"], [
    ("hunter22\n", "has blanks or a newline around it: take them away (`echo` adds one, `printf` none)."),
    (" hunter22", "has blanks or a newline around it: take them away (`echo` adds one, `printf` none)."),
    ("\t \n     ", "has only blanks."),
    ("hunter\n22", "has a control character, such as a newline, which no header can carry."),
    ("hunter\udcff22", "is not UTF-8."),
])
def test_a_secret_that_no_sender_could_show(name, value, fault):
    assert faults(**{"SECRET": "x" * 32, name: value}) == {f"PRESENCE_{name} {fault}"}


@pytest.mark.parametrize(["secret", "warnings"], [
    ("x" * 16, []),
    ("a b c d e f g h ü", []),
    ("x" * 15, [
        "PRESENCE_SECRET has fewer than 16 characters: `presence-cli new-secret` makes one that nobody guesses.",
    ]),
    ('"abcdefghijklmnop"', ["PRESENCE_SECRET has quotes around it, and they count as part of it."]),
    ("'abcdefghijklmnop'", ["PRESENCE_SECRET has quotes around it, and they count as part of it."]),
    ("'abcdefghijklmnop\"", []),
])
def test_doubtful_secrets(secret, warnings):
    assert config.load({"PRESENCE_SECRET": secret}).warnings() == warnings


def test_an_unknown_name_is_told_with_its_nearest_neighbour():
    settings = config.load({
        "PRESENCE_SECRET": "x" * 32, "PRESENCE_ROTATE_BYTE": "5", "PRESENCE_COLOUR": "red", "PRESENCE_KEEP_DAY": "",
    })
    assert settings.warnings() == [
        "PRESENCE_COLOUR is no setting and is ignored.",
        "PRESENCE_ROTATE_BYTE is no setting and is ignored; is PRESENCE_ROTATE_BYTES meant?",
    ]


def test_what_the_command_line_reads_and_what_kubernetes_injects_is_known():
    names = ["API", "ENV_FILE", "SERVICE_HOST", "SERVICE_PORT_HTTP", "PORT", "PORT_8000_TCP_ADDR",
             "RECEIVER_SERVICE_HOST", "RECEIVER_PORT", "RECEIVER_PORT_8000_TCP"]
    assert config.load({"PRESENCE_SECRET": "x" * 32} | {f"PRESENCE_{name}": "1" for name in names}).warnings() == []


def test_a_removed_setting_that_is_still_set_ends_the_start_beside_all_other_faults(monkeypatch):
    monkeypatch.setitem(setting_names.REMOVED, "PRESENCE_OLD_PLACE", "set PRESENCE_DATA_DIR.")
    gone = "PRESENCE_OLD_PLACE is no setting any more: set PRESENCE_DATA_DIR."
    assert faults(SECRET="x" * 32, OLD_PLACE="there") == {gone}
    assert faults(SECRET="x" * 32, OLD_PLACE="there", FSYNC="maybe") == {gone, "PRESENCE_FSYNC must be true or false."}
    assert config.load({"PRESENCE_SECRET": "x" * 32, "PRESENCE_OLD_PLACE": ""}).warnings() == []


def test_a_key_for_addresses_that_might_be_guessed_or_lost_is_a_fault():
    short = "PRESENCE_MAC_KEY must have at least 16 characters: `presence-cli new-key` makes one."
    odd = "PRESENCE_MAC_KEY must have no blanks, no newline around it and no comma: `presence-cli new-key` makes one."
    assert faults(SECRET="hunter22", MAC_KEY="x" * 15) == {short}
    for key in ("x" * 16 + "\n", " " + "x" * 16, "x" * 8 + "," + "x" * 8):
        assert faults(SECRET="hunter22", MAC_KEY=key) == {odd}
    assert faults(SECRET="hunter22", MAC_KEY="\udc80" * 16) == {
        "PRESENCE_MAC_KEY is not UTF-8: `presence-cli new-key` makes one."}
    assert faults(SECRET="hunter22", PREVIOUS_MAC_KEYS="x" * 16 + ",short") == {
        "PRESENCE_PREVIOUS_MAC_KEYS must be keys of at least 16 characters each, with commas between them."}
    assert faults(SECRET="hunter22", PREVIOUS_MAC_KEYS="x" * 16 + ",\udce9" + "x" * 16) == {
        "PRESENCE_PREVIOUS_MAC_KEYS is not UTF-8, as every key is."}


def test_keys_are_typed_and_not_in_the_repr():
    values = {"PRESENCE_SECRET": "hunter22", "PRESENCE_MAC_KEY": "k" * 16,
              "PRESENCE_PREVIOUS_MAC_KEYS": " " + "p" * 16 + ", " + "q" * 16, "PRESENCE_DROP_FIELDS": "ipv4, ipv6,os"}
    loaded = config.load(values)
    assert loaded.mac_key == "k" * 16
    assert loaded.previous_mac_keys == ("p" * 16, "q" * 16)
    assert loaded.drop_fields == ("ipv4", "ipv6", "os")
    assert [key for key in ("kkk", "ppp", "qqq") if key in repr(loaded)] == []
    plain = config.load({"PRESENCE_SECRET": "hunter22"})
    assert (plain.mac_key, plain.previous_mac_keys, plain.drop_fields) == (None, (), ())


@pytest.mark.parametrize("name", ["clientMac", "seenTime", "receivedAt", "IPV4", "unknown"])
def test_a_field_that_a_line_needs_or_has_not_cannot_be_dropped(name):
    assert faults(SECRET="hunter22", DROP_FIELDS=f"os,{name}") == {
        f"PRESENCE_DROP_FIELDS must not name {name}: what may become null is ipv4, ipv6, ssid, rssi, manufacturer, os, "
        "lat, lng, unc, x, y."}


def test_what_may_be_dropped_is_what_the_schema_lets_be_null_but_whose_and_when_it_was():
    needed = {"ownerId", "apMac", "clientMac", "seenTime", "seenEpoch", "deviceObservers"}
    assert privacy_rules.DROPPABLE == tuple(name for name in LINE_FIELDS if name not in needed)
