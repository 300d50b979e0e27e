"""Limits that the kernel holds for an ordinary user of a systemd host. Run by scripts/vm-test alone."""

import os
import pathlib

import delegation


def test_the_user_manager_is_there(t):
    delegation.needs_delegation(t)
    manager = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")
    answer = t.command("busctl", "--user", "get-property", *manager, "ControlGroup")
    assert str(delegation.user_manager()).removeprefix("/sys/fs/cgroup") in answer.out, answer
    processes = (delegation.user_manager() / "init.scope/cgroup.procs").read_text().split()
    names = [pathlib.Path(f"/proc/{pid}/comm").read_text().strip() for pid in processes]
    assert "systemd" in names, names


def test_all_controllers_are_delegated(t):
    delegation.needs_delegation(t)
    place = delegation.user_manager()
    there = set((place / "cgroup.controllers").read_text().split())
    assert there >= delegation.WANTED | {"cpuset"}, there
    # The kernel's own answer: a process in a scope of the user's has the files of each controller.
    words = ["systemd-run", "--user", "--scope", "--quiet", "--property=Delegate=yes", "--property=MemoryMax=64M", "--property=TasksMax=7"]
    own = t.command(*words, "cat", "/proc/self/cgroup").out.strip().removeprefix("0::")
    assert own.startswith(str(place).removeprefix("/sys/fs/cgroup")), own
    limits = "d=/sys/fs/cgroup$(cut -c4- /proc/self/cgroup); cat $d/memory.max $d/pids.max; ls $d/io.max $d/cpu.max $d/cpuset.cpus"
    lines = t.command(*words, "sh", "-c", limits).out.split()
    assert lines[:2] == [str(64 << 20), "7"] and len(lines) == 5, lines


def test_a_sandbox_runs(t):
    delegation.needs_delegation(t)
    t.cloche("run", "--workspace", "none", "--", "/usr/bin/true")
    t.cloche("run", "--workspace", "none", "--", "/usr/bin/false", check=1)


def test_doctor_finds_the_delegation(t):
    delegation.needs_delegation(t)
    check = next(one for one in t.json("doctor") if one["id"] == "cgroup-delegation")
    assert check["status"] == "ok" and not check["remedy"], check
    socket = "/run/dbus/system_bus_socket" if os.getuid() == 0 else f"/run/user/{os.getuid()}/bus"
    assert socket in check["detail"] and "memory" in check["detail"], check
