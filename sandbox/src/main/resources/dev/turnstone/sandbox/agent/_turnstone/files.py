"""Files of a jail, brought in and out."""

import json
import os
import stat
import sys

from .places import fetchable, place
from .processes import as_user


class NotStored(Exception):
    """A file of a request could not be put where it belongs."""


def store(path, data):
    path = place(path)
    with as_user():
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)


def store_all(paths, contents):
    """Before any program has run: there is no link to be led astray by."""
    for path, data in zip(paths, contents):
        try:
            store(path, data)
        except OSError as error:
            raise NotStored(f"{path}: {error.strerror}") from error


def fetch(name, limit):
    """The bytes of a regular file, None where there is none, or a str that says why not."""
    try:
        path = os.path.realpath(place(name))
        if not fetchable(path):
            return None
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except (OSError, ValueError):  # ValueError: not a name at all
        return None
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        os.close(fd)
        return None
    with open(fd, "rb") as file:
        if status.st_size > limit:
            return f"{status.st_size} bytes are more than the {limit} that may still be fetched"
        return file.read(limit)


def fetch_all(names, limit):
    """After the last program was killed. Place and fate of each file found, and the contents."""
    fates, contents = [], []
    for place, name in enumerate(names):
        found = fetch(name, limit)
        if isinstance(found, bytes):
            limit -= len(found)
            fates.append([place, None])
            contents.append(found)
        elif found is not None:
            fates.append([place, found])
    return fates, contents


class Task:
    """What a session asks of a file. Runs in a process of its own like any other program, so that links
    and races lead it nowhere that a program could not go itself."""

    def __init__(self, header):
        self.path = place(header["path"])
        self.limit = header.get("limit", 0)
        self.mode = header.get("mode")

    def __call__(self):
        try:
            self.do()
            sys.stdout.flush()
        except OSError as error:
            os.write(2, f"{self.path}: {error.strerror}".encode("utf-8", "replace"))
            os._exit(1)
        os._exit(0)


class Read(Task):
    def do(self):
        fd = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        status = os.fstat(fd)
        if stat.S_ISDIR(status.st_mode):
            raise OSError(0, "Is a directory")
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "Is not a regular file")
        if status.st_size > self.limit:
            raise OSError(0, f"Has {status.st_size} bytes, more than the {self.limit} that may be read")
        left = self.limit
        while left > 0:
            data = os.read(fd, min(left, 1 << 16))
            if not data:
                break
            left -= len(data)
            write_all(1, data)


class Write(Task):
    def do(self):
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK, 0o644)
        while True:
            data = os.read(0, 1 << 16)
            if not data:
                break
            write_all(fd, data)
        if self.mode is not None:
            os.fchmod(fd, self.mode)


class List(Task):
    def do(self):
        entries = []
        with os.scandir(self.path) as found:
            for entry in found:
                status = entry.stat(follow_symlinks=False)
                entries.append(
                    {
                        "name": os.fsencode(entry.name).decode("utf-8", "replace"),
                        "type": kind(status.st_mode),
                        "size": status.st_size,
                        "modified": status.st_mtime,
                    }
                )
                if len(entries) == self.limit:
                    break
        entries.sort(key=lambda entry: entry["name"])
        write_all(1, json.dumps(entries).encode())


def kind(mode):
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "other"


def write_all(fd, data):
    while data:
        data = data[os.write(fd, data) :]


TASKS = {"read": Read, "write": Write, "list": List}
