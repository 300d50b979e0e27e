"""What the escape tests watch outside, and how they bring an attack inside.

A canary is something of the host that an attack would change or reach: a tree of files, a process, a socket. The check
is always made outside, on the canary itself; what the attack says of itself counts only as proof that it was tried.
"""

import hashlib
import os
import pathlib
import shutil
import socket
import stat
import subprocess


def tree(place):
    """Everything below a directory: kind, mode, owner, and the content of files, by path."""
    found = {}
    for path in [pathlib.Path(place), *sorted(pathlib.Path(place).rglob("*"))]:
        status = path.lstat()
        content = ""
        if stat.S_ISREG(status.st_mode):
            content = digest(path)
        elif stat.S_ISLNK(status.st_mode):
            content = os.readlink(path)
        found[str(path)] = (oct(status.st_mode), status.st_uid, content)
    return found


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def ground(t, *attacks, name="ground"):
    """A directory to be a workspace, with these attack programs in it, each under its own name."""
    place = t.dir / name
    place.mkdir(exist_ok=True)
    for attack in attacks:
        shutil.copy(t.attack(attack), place / attack)
    return place


def run_in(t, place, *words, options=(), check=None, **more):
    """Runs words in a one-shot sandbox whose workspace is `place`."""
    return t.cloche("run", "--profile", "shell", "--workspace", f"dir:{place}", *options, "--", *words, check=check, **more)


def prefixed(text, prefix):
    """The rest of the lines that begin so."""
    return [line[len(prefix) :] for line in text.splitlines() if line.startswith(prefix)]


def privileged_files(*tops):
    """Files with a set-id bit or file capabilities."""
    found = []
    for top in tops:
        for path in pathlib.Path(top).rglob("*"):
            if path.is_symlink() or not path.is_file():
                continue
            if path.stat().st_mode & 0o6000 or "security.capability" in os.listxattr(path):
                found.append(str(path))
    return found


class Listener:
    """A socket of the host's that counts who connects."""

    def __init__(self, family, address):
        self.socket = socket.socket(family)
        self.socket.bind(address)
        self.socket.listen(16)
        self.socket.settimeout(0)
        self.address = self.socket.getsockname()

    def connections(self):
        count = 0
        while True:
            try:
                self.socket.accept()[0].close()
                count += 1
            except BlockingIOError:
                return count

    def close(self):
        self.socket.close()
