"""Many agents at once, and systemd's manager or its bus going away under them. Run by scripts/vm-test alone."""

import os
import pathlib
import signal
import time

import case
import delegation
from limited import agent, cgroups, go, has_ended, nothing_left, number, slices, start, units, value

LIMITS = {"memory": "64MiB", "processes": 50, "cpu": 0.5, "wall-clock": "1h"}


def manager():
    """The pid of this user's `systemd --user`."""
    pids = (delegation.user_manager() / "init.scope/cgroup.procs").read_text().split()
    return next(int(pid) for pid in pids if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "systemd")


def bus():
    """The pid of this user's D-Bus daemon, or none."""
    procs = delegation.user_manager() / "session.slice/dbus.service/cgroup.procs"
    return next(iter(map(int, procs.read_text().split())), None) if procs.exists() else None


@case.timeout(60)
def test_fifty_agents_start_run_and_stop(t):
    delegation.needs_delegation(t)
    project, names, began = t.repository(), [f"a{number}" for number in range(100, 150)], time.monotonic()
    settings = [word for key, value in LIMITS.items() for word in ("--set", f"limits.{key}={value}")]
    # Five commands at a time, as several people or an orchestrator would.
    waiting, running = list(names), []
    while waiting or running:
        while waiting and len(running) < 5:
            words = ["start", waiting[0], "--profile", "shell", "--workspace", "none", *settings, "sleep 1000"]
            running.append((waiting.pop(0), t.spawn(*words, cwd=project)))
        name, process = running.pop(0)
        out, err = process.communicate(timeout=60 * case.patience)
        assert process.returncode == 0, (name, out, err)
    started = time.monotonic()
    agents = t.agents(project)
    assert sorted(agents) == names and {one["state"] for one in agents.values()} == {"running"}, agents
    assert {name: one["limits"]["memory"] for name, one in agents.items()} == dict.fromkeys(names, "cgroup")
    samples = t.json("stats", cwd=project)
    assert len(samples) == 50 and all(one["source"] == "cgroup" and one["answered"] for one in samples), samples
    groups = [group for group in cgroups(t) if group.name == "sandbox"]
    assert len(groups) == 50 and all(value(group, "memory.max") == 64 << 20 for group in groups)
    assert len(units(t, "cloche-a1*.scope")) == 50
    # All scopes are in one slice.
    assert len({group.parent.parent for group in groups}) == 1
    t.cloche("stop", "--all", "--grace", "5", cwd=project, timeout=120)
    stopped = time.monotonic()
    agents = t.agents(project)
    assert {one["end-reason"] for one in agents.values()} == {"operator"}, agents
    t.wait_until(lambda: not cgroups(t) and not slices(t) and not units(t, "cloche-a1*"), "no scope, slice or cgroup is left", 10)
    assert not t.processes()
    print(f"# 50 agents: started in {started - began:.1f} s, stopped in {stopped - started:.1f} s")
    nothing_left(t, project)


def breeding(t, name, project):
    directory = agent(t, name, "read _ <go; exec ./breed 20", LIMITS, "breed", project=project)
    go(directory)
    t.wait_until(lambda: number(directory / "made") >= 20, f"{name} has bred")


@case.serial
def test_the_bus_dies_and_agents_go_on(t):
    delegation.needs_delegation(t)
    project = t.repository()
    breeding(t, "before", project)
    killed = bus()
    os.kill(killed, signal.SIGKILL)
    # What is held by the kernel goes on being held; nobody needs the bus until an agent starts or ends.
    assert t.agents(project)["before"]["state"] == "running"
    assert t.json("stats", "before", cwd=project)[0]["tasks"] >= 20
    # systemd listens for the bus and starts it again; its own socket answers meanwhile.
    breeding(t, "after", project)
    t.cloche("pause", "before", cwd=project)
    t.cloche("unpause", "before", cwd=project)
    t.cloche("stop", "--kill", "before", cwd=project)
    has_ended(t, "before", project, "operator", 137)
    if again := bus():
        os.kill(again, signal.SIGKILL)
    t.cloche("stop", "--kill", "after", cwd=project)
    has_ended(t, "after", project, "operator", 137)
    breeding(t, "again", project)
    nothing_left(t, project)


@case.serial
def test_without_a_bus_and_without_the_managers_socket_the_error_is_clear(t):
    delegation.needs_delegation(t)
    project = t.repository()
    runtime = pathlib.Path(f"/run/user/{os.getuid()}")
    hidden = [(runtime / "bus", runtime / "bus.hidden"), (runtime / "systemd/private", runtime / "systemd/private.hidden")]
    start(t, "before", "sleep 1000", LIMITS, project=project)
    for socket, away in hidden:
        socket.rename(away)
    try:
        refused = start(t, "a", "sleep 1000", LIMITS | {"enforcement": "strict"}, project=project, check=125).err
        assert "limits.enforcement is strict" in refused or "systemd" in refused, refused
        # Its end needs nobody.
        t.cloche("stop", "--kill", "before", cwd=project)
        has_ended(t, "before", project, "operator", 137)
    finally:
        for socket, away in hidden:
            away.rename(socket)
    start(t, "again", "sleep 1000", LIMITS, project=project)
    nothing_left(t, project)


@case.serial
@case.timeout(30)  # the shortest, so that it is the last
def test_the_manager_is_killed_and_nothing_leaks(t):
    delegation.needs_delegation(t)
    project = t.repository()
    breeding(t, "a", project)
    breeding(t, "b", project)
    killed = manager()
    os.kill(killed, signal.SIGKILL)
    # The machine's systemd then ends what is in the manager's cgroup, agents and supervisors too, and starts it again two seconds later.
    # Whatever comes first: each agent ends with a reason, every command answers, and a start works or says why not.
    t.wait_until(lambda: not pathlib.Path(f"/proc/{killed}").exists(), "the manager is gone", 10)
    t.cloche("stats", cwd=project)
    refused = start(t, "c", "sleep 1000", LIMITS, project=project, check=None)
    print(f"# without a manager: start gives {refused.code} {refused.err.strip()!r}")
    assert refused.code == 0 or "cgroup" in refused.err and "limits.enforcement" in refused.err, refused
    t.cloche("stop", "--kill", "--all", cwd=project)
    t.wait_until(lambda: not t.processes(), "no process is left", 10)
    agents = t.agents(project)
    assert {one["state"] for one in agents.values()} <= {"lost", "failed", "stopped"}, agents
    ends = {name: t.cloche("wait", name, cwd=project, check=None).out.strip() for name in agents}
    print(f"# {ends}")
    assert all("supervisor-lost" in ends[name] or "signalled" in ends[name] for name in "ab"), ends
    t.wait_until(lambda: not cgroups(t), "no cgroup is left", 10)
    # When the manager is back, so are limits held by the kernel.
    t.wait_until(lambda: (delegation.user_manager() / "init.scope/cgroup.procs").exists() and bus_answers(t), "the manager is back", 20)
    start(t, "d", "sleep 1000", LIMITS, project=project)
    assert t.agents(project)["d"]["limits"]["memory"] == "cgroup"
    breeding(t, "e", project)
    nothing_left(t, project)


def bus_answers(t):
    return t.command("systemctl", "--user", "show", "--property=Version", check=None).code == 0


@case.serial
def test_a_killed_supervisor_leaves_no_scope(t):
    delegation.needs_delegation(t)
    project = t.repository()
    breeding(t, "a", project)
    (supervisor,) = t.supervisors()
    os.kill(supervisor, signal.SIGKILL)
    t.wait_until(lambda: not t.processes(), "its processes are gone", 10)
    # systemd removes a scope whose last process has gone, the program its slice.
    t.wait_until(lambda: not [group for group in cgroups(t) if ".scope" in str(group)], "its scope is gone", 10)
    assert t.agents(project)["a"]["state"] == "lost"
    assert t.cloche("wait", "a", cwd=project, check=125).out == "a ended: supervisor-lost\n"
    t.cloche("delete", "--force", "a", cwd=project)
    # This test is alone on the machine.
    t.wait_until(lambda: not units(t), "no unit is left", 10)
    start(t, "b", "sleep 1000", LIMITS, project=project)
    nothing_left(t, project)
