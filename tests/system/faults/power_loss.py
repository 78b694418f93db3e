"""What a power cut leaves of a recorded sequence of system calls: all that was synced, and any part of the rest."""
from pathlib import Path

BLOCK = 4096


def calls(record, root):
    """The calls that preload.c noted: (name, *arguments), paths from the root on, and what was told to a sender."""
    while record:
        line, _, record = record.partition(b"\n")
        name, *arguments = line.decode().split()
        arguments = [relative(argument, root) if argument[0] == "/" else int(argument) for argument in arguments]
        if name == "write":
            arguments[1], record = record[:arguments[1]], record[arguments[1]:]
        yield name, *arguments


def relative(path, root):
    return str(Path(path).relative_to(root))


class File:
    """An inode: what is safe, what a program sees, and the changes that are not yet safe."""

    def __init__(self):
        self.safe, self.seen, self.pending = b"", b"", []

    def write(self, data):
        self.pending.append((len(self.seen), data))
        self.seen += data

    def truncate(self, size):
        self.pending.append((size, None))
        self.seen = self.seen[:size]

    def sync(self):
        self.safe, self.pending = self.seen, []

    def survivor(self, chance):
        """The safe content with any of the pending changes, block by block; zeros where a block is missing."""
        content = bytearray(self.safe)
        for start, data in self.pending:
            if data is None:
                if chance.random() < 0.5:
                    del content[start:]
                continue
            for offset, block in blocks(start, data):
                fate = chance.choice(("kept", "zero", "gone"))
                if fate != "gone":
                    content.extend(bytes(max(0, offset - len(content))))
                    content[offset:offset + len(block)] = block if fate == "kept" else bytes(len(block))
        return bytes(content)


def blocks(start, data):
    """The pieces of what is written at `start`, by the blocks of the disk."""
    first = BLOCK - start % BLOCK
    cuts = [0, *range(first, len(data), BLOCK), len(data)]
    return [(start + here, data[here:there]) for here, there in zip(cuts, cuts[1:]) if here < there]


class Folder:
    """Names, and changes of names that are not yet safe: functions of a dictionary."""

    def __init__(self):
        self.safe, self.seen, self.pending = {}, {}, []

    def change(self, function):
        self.pending.append(function)
        function(self.seen)

    def sync(self):
        self.safe, self.pending = dict(self.seen), []

    def survivor(self, chance):
        """The safe names with some of the pending changes: the first so many, or any of them."""
        names = dict(self.safe)
        kept = self.pending[:chance.randint(0, len(self.pending))]
        if chance.random() < 0.5:
            kept = [change for change in self.pending if chance.random() < 0.5]
        for change in kept:
            change(names)
        return names


class Disk:
    """Follows recorded calls; `told` are the deliveries whose senders have their answer."""

    def __init__(self):
        self.folders = {".": Folder()}
        self.opened, self.told = {}, set()

    def do(self, name, *arguments):
        getattr(self, f"_{name}")(*arguments)

    def _split(self, path):
        return self.folders[str(Path(path).parent)], Path(path).name

    def _told(self, number):
        self.told.add(number)

    def _mkdir(self, path):
        self.folders[path] = Folder()
        where, name = self._split(path)
        where.change(lambda names: names.update({name: self.folders[path]}))

    def _open(self, descriptor, is_new, path):
        if path in self.folders:
            self.opened[descriptor] = self.folders[path]
            return
        where, name = self._split(path)
        if is_new:
            made = File()
            where.change(lambda names: names.update({name: made}))
        self.opened[descriptor] = where.seen[name]

    def _close(self, descriptor):
        self.opened.pop(descriptor, None)

    def _write(self, descriptor, data):
        self.opened[descriptor].write(data)

    def _truncate(self, descriptor, size):
        self.opened[descriptor].truncate(size)

    def _sync(self, descriptor):
        self.opened[descriptor].sync()

    def _rename(self, old, new):
        (where, name), (_, other) = self._split(old), self._split(new)
        where.change(lambda names: names.update({other: names.pop(name)}) if name in names else None)

    def _unlink(self, path):
        where, name = self._split(path)
        where.change(lambda names: names.pop(name, None))

    def write_survivors(self, root, chance):
        """Make what is left after the power came back."""
        root.mkdir()
        self._write_folder(self.folders["."], root, chance)

    def _write_folder(self, folder, path, chance):
        for name, what in folder.survivor(chance).items():
            if isinstance(what, Folder):
                (path / name).mkdir()
                self._write_folder(what, path / name, chance)
            else:
                (path / name).write_bytes(what.survivor(chance))
