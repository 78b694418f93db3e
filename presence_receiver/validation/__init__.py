"""Body bytes in, lines and rejections out. Knows no files and no Flask; what is good, `schemas` alone says."""
from typing import TYPE_CHECKING

from presence_receiver.faces import face

if TYPE_CHECKING:
    from presence_receiver.validation.judge import Judged, judge_delivery, unreadable
    from presence_receiver.validation.storable import UNSTORABLE

__getattr__ = face(__name__, __file__)
