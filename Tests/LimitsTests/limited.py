"""Agents with limits, attack programs in them, and what must be true of every end."""

import json
import os
import pathlib
import shutil
import struct

import delegation

MIB = 1 << 20
# How each limit is asked for: as the host has it, and without any cgroup.
WAYS = ("available", "measured")


def agent(t, name, task, limits, *attacks, project):
    """Starts an agent whose workspace is a directory with these attack programs in it, and a pipe `go`; returns the directory."""
    directory = t.dir / f"work-{name}"
    directory.mkdir()
    os.mkfifo(directory / "go")
    for attack in attacks:
        shutil.copy(t.attack(attack), directory / attack)
    start(t, name, task, limits, project=project, workspace=f"dir:{directory}")
    return directory


def go(directory):
    """Lets an agent go on whose task begins with `read _ <go`."""
    (directory / "go").write_text("go\n")


def start(t, name, task, limits, *, project, workspace="none", **more):
    """Starts an agent with these keys below `limits`."""
    settings = [word for key, value in limits.items() for word in ("--set", f"limits.{key}={value}")]
    return t.start(name, task, "--workspace", workspace, *settings, cwd=project, **more)


def number(path):
    """The first number of a file of counters that an attack program shares; 0 before it is there."""
    try:
        return struct.unpack("q", path.read_bytes()[:8])[0]
    except (OSError, struct.error):
        return 0


def has_ended(t, name, project, reason, code, *words, deadline=60):
    """Waits for the end of an agent and checks that all who tell of it tell the same; returns its entry."""
    waited = t.command(t.program, "wait", name, "--json", check=None, cwd=project, timeout=deadline)
    (end,) = json.loads(waited.out)
    entry = t.agents(project)[name]
    (record,) = [event for event in audit(t, name, project) if event["event"] == "end"]
    found = [end["end-reason"], entry["end-reason"], record["reason"]]
    assert found == [reason] * 3, (found, entry, tail(t, name, project))
    codes = [waited.code, end["exit-code"], entry["exit-code"], record["exit-code"]]
    assert codes == [code] * 4, (codes, entry)
    shown = t.cloche("wait", name, check=code, cwd=project).out
    assert shown.startswith(f"{name} ended: {reason} (exit code {code})\n"), shown
    if words:
        assert entry["state"] == "failed", entry
        assert all(word in entry["failure"] and word in shown for word in words), (words, entry["failure"], shown)
    pid = entry.get("pid")
    assert not pid or not os.path.exists(f"/proc/{pid}"), entry
    t.wait_until(lambda: not cgroups(t, name), f"the cgroup of {name} is gone", 5)
    return entry


def audit(t, name, project):
    """The audit log, oldest first."""
    return [json.loads(line) for line in t.cloche("audit", name, "--json", cwd=project).out.splitlines()]


def tail(t, name, project):
    return t.cloche("logs", name, cwd=project, check=None).out[-500:]


def says(t, name, text, project, deadline=60):
    """Waits until an agent's terminal has shown this; returns all that it has shown. One that has ended says nothing more."""
    shown = lambda: t.cloche("logs", name, cwd=project, check=None).out  # noqa: E731

    def said():
        # In this order: what it said last may come between the two.
        entry = t.agents(project)[name]
        if text in shown():
            return True
        assert not entry.get("end-reason"), (text, entry, tail(t, name, project))

    t.wait_until(said, f"{name} says {text!r}", deadline)
    return shown()


# Cgroups, as the kernel shows them.


def identifiers(t):
    """What the program calls this test's projects."""
    found = [place.name for place in (t.state / "cloche").glob("*-????????????????")]
    assert found, f"no project in {t.state}"
    return found


def cgroups(t, name=None):
    """The cgroups of this test's agents, or of one of them, and of their projects."""
    found = []
    for folder, folders, _ in os.walk(delegation.mount()):
        folders[:] = [one for one in folders if not os.path.islink(one)]
        if any(one in folder.replace("\\x2d", "-") for one in identifiers(t)):
            path = pathlib.Path(folder)
            if name is None or path.name == f"agent:{name}" or path.name.startswith(f"cloche-{name}-"):
                found.append(path)
    return found


def cgroup(t, name, project):
    """The cgroup that an agent's processes are in."""
    pid = t.json("inspect", name, cwd=project)["pid"]
    line = next(line for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines() if line.startswith("0::/"))
    return delegation.mount() / line.removeprefix("0::/")


def value(group, file, key=None):
    """One number of a cgroup; None when the cgroup is gone, infinity for `max`."""
    try:
        text = (group / file).read_text()
    except OSError:
        return None
    if key:
        text = dict(line.split() for line in text.splitlines())[key]
    return float("inf") if text.strip() == "max" else int(text)


def units(t, pattern="cloche*"):
    """The units of the user's manager with such names; empty where there is no systemd."""
    if "DBUS_SESSION_BUS_ADDRESS" not in t.env:
        return []
    words = ["systemctl", "--user", "list-units", "--all", "--plain", "--no-legend", "--full", pattern]
    return [line.split()[0] for line in t.command(*words).out.splitlines()]


def slices(t):
    """The slices of this test's projects."""
    return [unit for unit in units(t, "cloche-*.slice") if any(one in unit.replace("\\x2d", "-") for one in identifiers(t))]


def nothing_left(t, *projects):
    """Deletes the agents of the test and looks for what may be left of them, but for processes and mounts, which the harness finds."""
    for project in projects:
        for name in t.agents(project):
            t.cloche("delete", "--force", name, cwd=project)
    t.wait_until(lambda: not cgroups(t) and not slices(t), "cgroups and units are gone", 10)
