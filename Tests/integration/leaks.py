"""What a test left behind, found in the kernel's own tables and not in the program's.

Every path of a test has one unique directory name in it. A process of the test is one that has the name in its
environment, command line, working directory, descriptors or mounts, and every descendant of such a one. The
mounts find processes inside a sandbox, which inherit nothing else.
"""

import os
import pathlib
import signal
import time


def mentions(process, token, tables):
    for table in tables:
        try:
            if token in (process / table).read_bytes():
                return True
        except OSError:
            pass
    links = [process / "cwd", process / "exe"]
    try:
        links += (process / "fd").iterdir()
    except OSError:
        pass
    for link in links:
        try:
            if token in os.fsencode(os.readlink(link)):
                return True
        except OSError:
            pass
    return False


def processes(name):
    """Pids of living processes of the test; a zombie counts only for its parent."""
    token, own = os.fsencode(name), os.getpid()
    found, parents = set(), {}
    tables = ["environ", "cmdline"]
    # A mount that got out of its sandbox is in the tables of the whole machine, whose processes must not be killed for it.
    if token not in pathlib.Path("/proc/self/mountinfo").read_bytes():
        tables.append("mountinfo")
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (process / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
        except OSError:
            continue
        pid = int(process.name)
        if state in "ZX" or pid == own:
            continue
        parents[pid] = int(parent)
        if mentions(process, token, tables):
            found.add(pid)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found)


def processor_time(pid):
    """Seconds of a processor that it has taken, of its own and in the kernel."""
    fields = (pathlib.Path("/proc") / str(pid) / "stat").read_bytes().decode(errors="replace").rpartition(")")[2].split()
    return tuple(int(ticks) / os.sysconf("SC_CLK_TCK") for ticks in fields[11:13])


def describe(pid):
    """What it is, and what it does: a process that hangs, one that spins and one that waits for the disk look different."""
    read = lambda table: (pathlib.Path("/proc") / str(pid) / table).read_bytes().decode(errors="replace")  # noqa: E731
    try:
        fields = read("stat").rpartition(")")[2].split()
        user, system = processor_time(pid)
        doing = f"{fields[0]} {read('wchan')}, {user:g} s of its own, {system:g} s in the kernel"
        return f"process {pid} ({doing}): {read('cmdline').replace(chr(0), ' ').strip()[:200]}"
    except OSError:
        return f"process {pid}: it has ended"


def find(name, patience=3.0):
    """Descriptions of what is left, after giving processes that are ending the time to end."""
    deadline = time.monotonic() + patience
    while (left := processes(name)) and time.monotonic() < deadline:
        time.sleep(0.02)
    found = [describe(pid) for pid in left]
    with open("/proc/self/mountinfo", "rb") as table:
        found += [f"mount: {line.decode(errors='replace').strip()}" for line in table if os.fsencode(name) in line]
    return found


def kill(name):
    for pid in processes(name):
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
