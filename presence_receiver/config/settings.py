"""Settings: read from a mapping of strings or of app.config values, typed and checked in one place.

Knows nothing of Flask and reads no environment by itself: whoever calls says where the values come from.
"""
from __future__ import annotations

import dataclasses
import functools
import importlib.util
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from presence_receiver.config import privacy_rules, secret_rules, setting_names
from presence_receiver.errors import ConfigError

PREFIX = "PRESENCE_"
GATHER = "must be a number of seconds from 0 to 2."


def _number(default: int | None, least: int) -> fields.Integer:
    message = f"must be a whole number from {least} up."
    return fields.Integer(
        load_default=default, validate=validate.Range(min=least, error=message),
        error_messages={"invalid": message, "null": message, "too_large": message},
    )


def _secret(**options: Any) -> fields.String:
    return fields.String(validate=secret_rules.check, **options)


class Folder(fields.String):
    """A path as text, or as app.config may have it, a Path."""

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> Any:
        return super()._deserialize(str(value) if isinstance(value, Path) else value, *args, **options)


def _bucket_url(text: str) -> None:
    """Accept a bucket of a provider that keeps what it has acknowledged, and perhaps a prefix in it."""
    if not re.fullmatch(r"(s3|gs|az)://[^/?#\s@:%]+(/(?!\.\.?(/|$))[^/?#\s%]+)*/?", text):
        raise ValidationError("must be s3://bucket/prefix, gs://bucket/prefix or az://container/prefix.")
    if not importlib.util.find_spec("obstore"):
        raise ValidationError(f"needs its extra: {sys.executable} -m pip install -r "
                              "presence_receiver/extras/bucket/requirements.txt")


class SettingsSchema(Schema):
    """The settings as a person types them; a field's name with PRESENCE_ before it is the variable's."""

    class Meta:
        unknown = RAISE

    SECRET = _secret(
        required=True,
        error_messages={
            "required": "is missing: set it to what HiveManager sends; `presence-cli new-secret` makes one."},
    )
    PREVIOUS_SECRET = _secret(load_default=None)
    DATA_DIR = Folder(load_default="data", validate=validate.Regexp(r"[^\0]+\Z", error="must name a folder."))
    MAX_BODY_BYTES = _number(16 * 1024 * 1024, least=1)
    ROTATE_BYTES = _number(100_000_000, least=1)
    ROTATE_SECONDS = _number(86_400, least=1)
    COMPRESS = fields.String(
        load_default="gzip", validate=validate.OneOf(("gzip", "none"), error="must be gzip or none.")
    )
    KEEP_FILES = _number(None, least=1)
    KEEP_DAYS = _number(None, least=1)
    KEEP_BYTES = _number(None, least=1)
    MIN_FREE_BYTES = _number(100_000_000, least=0)
    QUIET_SECONDS = _number(None, least=60)
    METRICS_TOKEN = _secret(load_default=None)
    FSYNC = fields.Boolean(
        load_default=True, truthy={True, "true", "1", "yes", "on"}, falsy={False, "false", "0", "no", "off"},
        error_messages={"invalid": "must be true or false."},
    )
    BUCKET_URL = fields.String(load_default=None, validate=_bucket_url)
    BUCKET_GATHER_SECONDS = fields.Float(
        load_default=0, validate=validate.Range(0, 2, error=GATHER),
        error_messages={"invalid": GATHER, "special": GATHER},
    )
    MAC_KEY = fields.String(load_default=None, validate=privacy_rules.check_key)
    PREVIOUS_MAC_KEYS = fields.String(load_default=None, validate=privacy_rules.check_keys)
    DROP_FIELDS = fields.String(load_default=None, validate=privacy_rules.check_fields)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings, typed; sizes in bytes, times in seconds."""

    secret: str = dataclasses.field(repr=False, default="")
    previous_secret: str | None = dataclasses.field(repr=False)
    data_dir: Path
    max_body_bytes: int
    rotate_bytes: int
    rotate_seconds: int
    compress: str
    keep_files: int | None
    keep_days: int | None
    keep_bytes: int | None
    min_free_bytes: int
    quiet_seconds: int | None
    metrics_token: str | None = dataclasses.field(repr=False)
    fsync: bool
    bucket_url: str | None
    bucket_gather_seconds: float
    mac_key: str | None = dataclasses.field(repr=False)
    previous_mac_keys: tuple[str, ...] = dataclasses.field(repr=False)
    drop_fields: tuple[str, ...]
    unknown: tuple[str, ...] = ()

    @functools.cached_property
    def secrets(self) -> tuple[bytes, ...]:
        """Return the secrets a sender may show, the current one first."""
        return tuple(secret.encode() for secret in (self.secret, self.previous_secret) if secret)

    @property
    def destination(self) -> str:
        """Return a sentence that says where lines go."""
        if self.bucket_url:
            return f"Lines go to {self.bucket_url}, from where presence-cli collect writes them to files."
        return f"Lines go to {self.data_dir.absolute() / 'presence.jsonl'}, rejected ones to rejected.jsonl beside it."

    def warnings(self) -> list[str]:
        """Return sentences on what works here but perhaps not as it was meant."""
        secrets = (("SECRET", self.secret), ("PREVIOUS_SECRET", self.previous_secret))
        doubtful = [
            sentence for name, secret in secrets if secret for sentence in secret_rules.warnings(PREFIX + name, secret)
        ]
        return [*doubtful, *self.unknown]


def load(values: Mapping[str, Any], *, needs_secret: bool = True) -> Settings:
    """Return the settings in `values`, whose keys are full names (PRESENCE_SECRET); an empty string counts as missing.

    Keys that are no setting of ours are left alone, and told in `warnings` where they look like one; commands that
    only handle files need no secret. ConfigError has one argument, a sentence, for each fault.
    """
    names = [name for name, value in values.items() if value not in (None, "")]
    gone = [*setting_names.removed(names)]
    ours = {name: values.get(PREFIX + name) for name in SettingsSchema().fields}
    try:
        given = {name: value for name, value in ours.items() if value not in (None, "")}
        loaded = SettingsSchema().load(given, partial=() if needs_secret else ("SECRET",))
    except ValidationError as error:
        faults = [f"{PREFIX}{name} {texts[0]}" for name, texts in error.messages_dict.items()]
        raise ConfigError(*faults, *gone) from None
    if gone:
        raise ConfigError(*gone)
    loaded["DATA_DIR"] = Path(loaded["DATA_DIR"])
    for name in ("PREVIOUS_MAC_KEYS", "DROP_FIELDS"):
        loaded[name] = privacy_rules.parts(loaded[name] or "")
    unknown = tuple(setting_names.unknown(names, [PREFIX + name for name in ours]))
    return Settings(**{name.lower(): value for name, value in loaded.items()}, unknown=unknown)
