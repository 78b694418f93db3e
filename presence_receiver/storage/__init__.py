"""Lines in, on disk or StorageError, and the files' whole life after that. Knows nothing of deliveries or HTTP."""
from typing import TYPE_CHECKING

from presence_receiver.faces import face

if TYPE_CHECKING:
    from presence_receiver.storage.durable import free_bytes, open_new, open_plain
    from presence_receiver.storage.faults import storage_error
    from presence_receiver.storage.file_lock import FileLock
    from presence_receiver.storage.housekeeping import Housekeeping, housekeeping_lock
    from presence_receiver.storage.journal import Journal
    from presence_receiver.storage.last_delivery import LastDelivery
    from presence_receiver.storage.odd_files import odd_paths
    from presence_receiver.storage.owner import become_owner, found_folder, no_folder, strange_names, user_name
    from presence_receiver.storage.reader import (
        closed_files, files_at_one_moment, open_closed, stored_files, stored_lines,
    )
    from presence_receiver.storage.rewriting import UNREADABLE, Progress, lines_in, rewrite, why_unreadable
    from presence_receiver.storage.rotation import STEMS, closed_at
    from presence_receiver.storage.thread_pool import run
    from presence_receiver.storage.trusted_clock import TrustedClock
    from presence_receiver.storage.writer import Writer

__getattr__ = face(__name__, __file__)
