"""Whose a bucket is: one folder's at a time, and one process's in that folder. Knows nothing of what lies in it."""
from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path

from presence_receiver.errors import Refused
from presence_receiver.extras.bucket.names import CLAIM
from presence_receiver.extras.bucket.store import Bucket, BucketFault, Missing
from presence_receiver.storage import FileLock, storage_error


@contextlib.contextmanager
def only_collector(folder: Path, *, waits: bool) -> Iterator[None]:
    """Hold the folder's lock for collecting; Refused where another process has it and nobody is to wait for it.

    What the system refuses, here or while it is held, is a StorageError.
    """
    try:
        with FileLock(folder / ".collect.lock").held(waits=waits) as is_ours:
            if not is_ours:
                raise Refused("Another collector works on PRESENCE_DATA_DIR: leave it to that one.")
            yield
    except OSError as failure:
        raise storage_error(failure) from failure


class Claim:
    """The object that names the folder which a bucket is collected into, by the folder's random id."""

    def __init__(self, bucket: Bucket, folder: Path, *, is_taking_over: bool) -> None:
        self._bucket, self._is_taking_over = bucket, is_taking_over
        self._where = f"{folder.absolute()} on {socket.gethostname()}"

    def is_held(self, folder: str) -> bool:
        """Return whether the bucket is that folder's, False where it may be had; Refused where it is another's."""
        try:
            held = json.loads(self._bucket.get(CLAIM))
            holder, where = str(held["folder"]), str(held["where"])
        except Missing:
            return False
        except (ValueError, TypeError, KeyError, RecursionError):
            if self._is_taking_over:
                return False
            raise BucketFault(f"The object {CLAIM} at PRESENCE_BUCKET_URL is not what a collector writes: check the "
                              "endpoint, or start with --take-over.") from None
        if holder == folder:
            self._is_taking_over = False
            return True
        if self._is_taking_over:
            return False
        raise Refused(f"The bucket at PRESENCE_BUCKET_URL is collected into {where}: stop the collector there, "
                      "then start this one with --take-over.")

    def take(self, folder: str) -> None:
        """Make the bucket that folder's; from then on another that takes it is obeyed."""
        self._bucket.put(CLAIM, json.dumps({"folder": folder, "where": self._where}).encode())
        self._is_taking_over = False
