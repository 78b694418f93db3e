"""What a good report and a good observation are: the one truth, in marshmallow.

`fast_path` derives its C-speed equal from these classes. Field names and order are the vendor's page's. Values
are only checked, never converted; the one exception is Coordinate.
"""
from __future__ import annotations

from typing import Any

from marshmallow import INCLUDE, Schema, ValidationError, fields, validate, validates_schema

HEX = "[0-9A-Fa-f]"
MAC = rf"(?:{HEX}{{12,128}}|{HEX}{{2}}(?:[:-]{HEX}{{2}}){{5}})\Z"
"""12 hex digits, with or without colons or hyphens, or a longer digest: the vendor announces hashing."""

LEAP_YEAR = r"(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
MONTH_AND_DAY = (
    r"(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d"
TIME = (
    rf"(?a:(?!0000)(?:\d{{4}}-{MONTH_AND_DAY}|{LEAP_YEAR}-02-29)"
    rf"T{CLOCK}:[0-5]\d(?:\.\d{{1,9}})?(?:Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d))\Z"
)
"""An ISO 8601 date and time with offset: 2016-05-21T11:06:15.360Z, or the vendor page's …000+0000."""

NO_NUMBER = ("NaN", "Infinity", "-Infinity")
"""What HiveManager sends, as strings, for a coordinate that it does not know."""

SMALLEST, LARGEST = -2**63, 2**64 - 1
"""What an integer may be: that which fits in 64 bits, with a sign or without."""

STORABLE = validate.Range(min=SMALLEST, max=LARGEST, error="Must fit in 64 bits.")


class Mac(fields.String):
    """A device's or access point's address, kept as it was written."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=validate.Regexp(MAC, error="Not a valid MAC address."), **options)


class IPv4(fields.IPv4):
    """An IPv4 address, kept as it was written."""

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> Any:
        super()._deserialize(value, *args, **options)
        return value


class IPv6(fields.IPv6):
    """An IPv6 address, kept as it was written."""

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> Any:
        super()._deserialize(value, *args, **options)
        return value


class Coordinate(fields.Float):
    """A number as it came, integer or float; what is no number ("NaN" in a string) becomes null."""

    def deserialize(self, value: Any, *args: Any, **options: Any) -> Any:
        return None if value in NO_NUMBER else super().deserialize(value, *args, **options)

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> Any:
        if type(value) is int:
            return STORABLE(value)
        if type(value) is not float:
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, *args, **options)


def _range(least: float, most: float | None = None) -> validate.Range:
    return validate.Range(min=least, max=most)


class DeviceObserverSchema(Schema):
    """An access point that saw a device, in client-centric deliveries."""

    class Meta:
        unknown = INCLUDE

    apMac = Mac(allow_none=True)
    rssi = fields.Integer(strict=True, allow_none=True, validate=_range(-128, 127))


class ObservationSchema(Schema):
    """One sighting of one device; `apMac` and `ownerId` are usually the report's."""

    class Meta:
        unknown = INCLUDE

    ownerId = fields.Raw(allow_none=True)
    apMac = Mac(allow_none=True)
    clientMac = Mac(required=True)
    ipv4 = IPv4(allow_none=True)
    ipv6 = IPv6(allow_none=True)
    seenTime = fields.String(
        allow_none=True, validate=validate.Regexp(TIME, error="Not a valid date and time with offset.")
    )
    seenEpoch = fields.Integer(strict=True, allow_none=True, validate=STORABLE)
    ssid = fields.String(allow_none=True)
    rssi = fields.Integer(strict=True, allow_none=True, validate=_range(-128, 127))
    manufacturer = fields.String(allow_none=True)
    os = fields.String(allow_none=True)
    lat = Coordinate(allow_none=True, validate=_range(-90, 90))
    lng = Coordinate(allow_none=True, validate=_range(-180, 180))
    unc = Coordinate(allow_none=True, validate=_range(0))
    x = Coordinate(allow_none=True)
    y = Coordinate(allow_none=True)
    deviceObservers = fields.List(fields.Nested(DeviceObserverSchema), allow_none=True)

    @validates_schema
    def is_dated(self, observation: dict[str, Any], **_: Any) -> None:
        """Accept one of the two times."""
        if observation.get("seenTime") is None and observation.get("seenEpoch") is None:
            raise ValidationError("One of seenTime and seenEpoch is required.", "seenTime")


class ReportSchema(Schema):
    """What one access point saw; client-centric, what the account saw, and then `apMac` is missing."""

    class Meta:
        unknown = INCLUDE

    ownerId = fields.Raw(allow_none=True)
    apMac = Mac(allow_none=True)
    observations = fields.List(fields.Raw(allow_none=True), required=True, allow_none=True)


LINE_FIELDS = tuple(ObservationSchema._declared_fields)
"""The fields of a line behind `receivedAt`, in their order: the report's two, the vendor's page's, and
`deviceObservers`, which alone is left out where it was not sent."""
