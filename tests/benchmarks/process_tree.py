"""What a server and all its processes cost, read from /proc.

A server is started as the leader of a session of its own, so its processes are those of the session,
whoever forked them. It must not start sessions itself; none of the contenders does.
"""

import os
import pathlib

TICKS = os.sysconf("SC_CLK_TCK")
SESSION, TIMES = 3, slice(11, 15)  # of the fields behind the name: utime, stime, cutime, cstime


def cpu_seconds(session: int) -> float:
    """User and system time of all processes, those that have ended and were waited for included."""
    return sum(sum(map(int, fields[TIMES])) for _, fields in members(session)) / TICKS


def memory_bytes(session: int) -> int:
    """The sum of the proportional set sizes (PSS): shared pages count once."""
    return sum(proportional_bytes(process) for process, _ in members(session))


def members(session: int):
    """Each process of the session with the fields of its stat line that follow the name."""
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        fields = stat_fields(process)
        if fields and fields[SESSION] == str(session):
            yield process, fields


def stat_fields(process: pathlib.Path) -> list[str]:
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []  # it ended between the listing and the reading


def proportional_bytes(process: pathlib.Path) -> int:
    try:
        lines = (process / "smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
