"""What lies in a data folder: the active file, the closed ones, plain or compressed, oldest first."""
import gzip
import json


def paths(folder, stem="presence"):
    """The files in the order in which they were written; a compressed one stands for its plain twin."""
    closed = {path.name.removesuffix(".gz"): path for path in sorted(folder.glob(f"{stem}-*.jsonl*"))}
    return [*closed.values(), *folder.glob(f"{stem}.jsonl")]


def content(path):
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def contents(folder, stem="presence"):
    """The bytes of each file; from the beginning again where one was closed or compressed meanwhile."""
    while True:
        try:
            return [content(path) for path in paths(folder, stem)]
        except FileNotFoundError:
            continue


def raw_lines(folder, stem="presence"):
    """Every line with its newline; the last one may lack it."""
    return [line for text in contents(folder, stem) for line in text.splitlines(keepends=True)]


def lines(folder, stem="presence", start=0):
    """Every line from that one on as an object. Fails where one is torn."""
    found = raw_lines(folder, stem)[start:]
    assert all(line.endswith(b"\n") for line in found)
    return [json.loads(line) for line in found]


class Stored:
    """What a folder has gained since this was made."""

    def __init__(self, folder):
        self._folder = folder
        self._before = self._counts()

    def _counts(self):
        return [len(raw_lines(self._folder, stem)) for stem in ("presence", "rejected")]

    @property
    def counts(self):
        """How many lines, and how many rejected lines."""
        return tuple(now - before for now, before in zip(self._counts(), self._before, strict=True))

    @property
    def lines(self):
        return lines(self._folder, start=self._before[0])

    @property
    def rejected(self):
        return lines(self._folder, "rejected", self._before[1])
