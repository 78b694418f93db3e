"""A number within bounds as an option's value."""

import math
from typing import Any

import click


class Number(click.FloatRange):
    """Refuses NaN too, which click takes for a number within all bounds."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number; a usage error says that it is none, or out of which bounds it is."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a valid number.", param, ctx)
        return number
