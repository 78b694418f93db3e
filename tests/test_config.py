from pathlib import Path

import pytest

from presence_receiver import config
from presence_receiver.errors import ConfigError


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
        "PRESENCE_SECRET is missing: set it to the secret you entered in HiveManager.",
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


def test_faults_in_what_is_kept_and_compressed():
    assert faults(SECRET="12345", COMPRESS="zstd", KEEP_FILES="0", KEEP_DAYS="1.5", KEEP_BYTES="1G") == {
        "PRESENCE_COMPRESS must be gzip or none.",
        "PRESENCE_KEEP_FILES must be a whole number from 1 up.",
        "PRESENCE_KEEP_DAYS must be a whole number from 1 up.",
        "PRESENCE_KEEP_BYTES must be a whole number from 1 up.",
    }


def test_a_command_that_only_handles_files_needs_no_secret_and_one_without_lets_nobody_in():
    assert config.load({}, needs_secret=False).secrets == ()
