"""Limits on any host, with delegated controllers or without. What the supervisor or the kernel holds without a cgroup is tried both as the
host has it and with `limits.enforcement: measured`."""

import time

import case
import delegation
from limited import MIB, agent, audit, go, has_ended, nothing_left, number, says, start

WAYS = ("available", "measured")


def each_way(body):
    """Makes a test of each way of holding limits."""
    for way in WAYS:

        def test(t, way=way):
            project = t.repository()
            body(t, project, {"enforcement": way})
            nothing_left(t, project)

        test.__module__ = body.__module__
        test.__dict__.update(body.__dict__)
        globals()[f"test_{body.__name__}_{way}"] = test
    return body


def test_doctor_says_what_the_kernel_delegates(t):
    check = next(one for one in t.json("doctor") if one["id"] == "cgroup-delegation")
    there = delegation.controllers()
    if delegation.WANTED <= there:
        assert check["status"] == "ok", check
    else:
        assert check["status"] == "degraded" and check["remedy"], check
    # Those that are there stand before those that lack.
    named = check["detail"].partition("but without")[0]
    assert all(name in named for name in there), (check, there)
    t.cloche("run", "--workspace", "none", "--", "/usr/bin/true")


@each_way
def wall_clock(t, project, way):
    start(t, "a", "sleep 1000", way | {"wall-clock": "2s"}, project=project)
    # The control: another is not ended by it.
    start(t, "control", "sleep 1000", way | {"wall-clock": "1h"}, project=project)
    has_ended(t, "a", project, "wall-clock", 143, "limits.wall-clock")
    assert t.agents(project)["control"]["state"] == "running"


@each_way
def idle(t, project, way):
    start(t, "a", "echo begun; sleep 1000", way | {"idle": "3s"}, project=project)
    busy = "while :; do echo working; sleep 0.3; done"
    start(t, "control", busy, way | {"idle": "1m" if case.patience > 1 else "3s"}, project=project)
    has_ended(t, "a", project, "idle", 143, "limits.idle")
    assert t.agents(project)["control"]["state"] == "running"


@each_way
def cpu_time(t, project, way):
    agent(t, "a", "exec ./spin 2", way | {"cpu-time": "2s"}, "spin", project=project)
    start(t, "control", "sleep 1000", way | {"cpu-time": "2s"}, project=project)
    began = time.monotonic()
    has_ended(t, "a", project, "cpu-time", 137, "processor time")
    print(f"# two processes, 2 s of processor time: ended after {time.monotonic() - began:.1f} s")
    # Waiting costs nothing.
    assert t.agents(project)["control"]["state"] == "running"


@each_way
def output(t, project, way):
    agent(t, "a", "exec ./flood 20000", way | {"output": "1MiB"}, "flood", project=project)
    has_ended(t, "a", project, "output", 137, "limits.output")
    assert t.agents(project)["a"]["failure"], "in words"
    agent(t, "control", "exec ./flood 2000", way | {"output": "8MiB"}, "flood", project=project)
    says(t, "control", "flooded", project)


def fill(t, project, way, kind, limit, most, twice, size):
    """Fills what a limit counts; `twice` the limit is made where it is higher."""
    held = agent(t, "a", f"exec ./fill {kind} /workspace {most}", way | {limit[0]: limit[1]}, "fill", project=project)
    has_ended(t, "a", project, "disk", 137, f"limits.{limit[0]}")
    made = number(held / "filled")
    print(f"# {limit[0]} {limit[1]}: {made} of at most {most * size}")
    assert made < most * size
    agent(t, "control", f"mkdir d; exec ./fill {kind} d {twice}", way | {limit[0]: limit[2]}, "fill", project=project)
    says(t, "control", "filled", project)


@each_way
def disk(t, project, way):
    # A thousand files more would be 250 MiB: by far enough for the walk that finds it.
    fill(t, project, way, "bytes", ("disk", "16MiB", "1GiB"), 1000, 128, 256 << 10)


@each_way
def disk_files(t, project, way):
    fill(t, project, way, "files", ("disk-files", "2000", "200000"), 400000, 4000, 1)


@each_way
def disk_in_the_home(t, project, way):
    start(t, "a", "head -c 40000000 /dev/zero >~/big; sleep 1000", way | {"disk": "16MiB"}, project=project)
    has_ended(t, "a", project, "disk", 137, "limits.disk")


@each_way
def process_starts(t, project, way):
    most = 1000
    directory = agent(t, "a", "exec ./respawn 100000", way | {"process-starts": most}, "respawn", project=project)
    control = agent(t, "control", "exec ./respawn 900", way | {"process-starts": most}, "respawn", project=project)
    has_ended(t, "a", project, "pids", 137, "limits.process-starts", deadline=20)
    print(f"# process-starts {most}: ended after {number(directory / 'started')}")
    assert most * 0.9 <= number(directory / "started") < 100_000
    t.wait_until(lambda: number(control / "started") == 900, "fewer are let")
    assert t.agents(project)["control"]["state"] == "running"


@each_way
def open_files(t, project, way):
    agent(t, "a", "./hoard 1000; sleep 1000", way | {"open-files": 64}, "hoard", project=project)
    shown = says(t, "a", "goes on", project)
    assert "opened up to 63 then EMFILE" in shown, shown
    assert t.agents(project)["a"]["state"] == "running"
    agent(t, "control", "./hoard 1000", way | {"open-files": 2000}, "hoard", project=project)
    assert "then enough" in says(t, "control", "goes on", project)
    has_ended(t, "control", project, "exited", 0)


@each_way
def processes(t, project, way):
    directory = agent(t, "bomb", "read _ <go; exec ./breed 300", way | {"processes": 60}, "breed", project=project)
    go(directory)
    t.wait_until(lambda: number(directory / "made") > 50, "it breeds")
    time.sleep(0.5)
    assert 50 < number(directory / "made") < 60
    began = time.monotonic()
    t.cloche("stop", "--kill", "bomb", cwd=project)
    took = time.monotonic() - began
    # Sixty busy processes on an emulated machine leave a command little, where no cgroup holds their time.
    assert took < (1 if case.patience == 1 else 20), took
    has_ended(t, "bomb", project, "operator", 137)
    directory = agent(t, "control", "read _ <go; exec ./breed 120", way | {"processes": 200}, "breed", project=project)
    go(directory)
    t.wait_until(lambda: number(directory / "made") >= 120, "it breeds more")


@each_way
def restart_is_not_for_an_agent_that_a_limit_ended(t, project, way):
    config = t.config / "cloche/config.yaml"
    config.write_text(config.read_text() + "  restart: on-failure\n")
    directory = agent(t, "a", "read _ <go; exec ./memory anonymous 256 40", way | {"memory": "96MiB"}, "memory", project=project)
    go(directory)
    assert has_ended(t, "a", project, "memory", 137, "limits.memory")["starts"] == 1
    assert not [event for event in audit(t, "a", project) if event["event"] == "restart"]
    # The control: one that is killed by somebody else is.
    start(t, "control", "kill -9 $$", way | {"memory": "96MiB"}, project=project)
    t.wait_until(lambda: t.agents(project)["control"]["starts"] > 1, "it is restarted")


@each_way
def what_holds_a_limit_is_told(t, project, way):
    limits = {"memory": "512MiB", "memory-high": "500MiB", "cpu": 1, "processes": 100, "wall-clock": "1h", "io-write": "50MiB/s"}
    config = t.config / "cloche/config.yaml"
    config.write_text(config.read_text() + "  project:\n    limits: {memory: 1GiB}\n")
    told = start(t, "a", "sleep 1000", way | limits, project=project).out
    there = delegation.controllers() if way["enforcement"] == "available" else set()

    def kernel(controller, other):
        return "cgroup" if controller in there else other

    holders = {
        "memory": kernel("memory", "supervisor"),
        "memory-high": kernel("memory", "nobody"),
        "cpu": kernel("cpu", "nobody"),
        "processes": kernel("pids", "rlimit"),
        "wall-clock": "supervisor",
        "io-write": kernel("io", "nobody"),
        "project.limits.memory": kernel("memory", "nobody"),
    }
    loose = [name for name, holder in holders.items() if holder == "nobody"]
    (begun,) = [event for event in audit(t, "a", project) if event["event"] == "start"]
    assert begun["limits"] == holders and t.agents(project)["a"]["limits"] == holders, begun
    inspected = {one["name"]: one["holder"] for one in t.json("inspect", "a", cwd=project)["limits"]}
    own = {name: holder for name, holder in holders.items() if "." not in name}
    assert inspected == own | {"log-size": "supervisor"}, inspected
    shown = t.cloche("list", cwd=project).out
    assert ("memory is measured" in told) == (holders["memory"] == "supervisor") == ("memory measured" in shown), (told, shown)
    assert ("held by nobody here" in told) == bool(loose) == ("not held" in shown), (told, shown)
    assert all(name in told.partition("held by nobody")[2] and name in shown.partition("not held")[2] for name in loose), (told, shown)


def test_strict_refuses_what_the_kernel_cannot_hold(t):
    project, there = t.repository(), delegation.controllers()
    needs = {"memory": "64MiB", "cpu": 1, "io-write": "50MiB/s"}
    for (key, amount), controller in zip(needs.items(), ("memory", "cpu", "io")):
        name = controller
        limits = {"enforcement": "strict", key: amount, "wall-clock": "1h", "processes": 100}
        if controller in there:
            start(t, name, "sleep 1000", limits, project=project)
            assert t.agents(project)[name]["limits"][key] == "cgroup"
        else:
            refused = start(t, name, "sleep 1000", limits, project=project, check=125).err
            assert "strict" in refused and f"controller {controller}" in refused and "cloche doctor" in refused, refused
            assert name not in t.agents(project) or t.agents(project)[name]["end-reason"] == "start-failed"
        run = ["--set", "limits.enforcement=strict", "--set", f"limits.{key}={amount}", "--workspace", "none"]
        t.cloche("run", *run, "--", "/usr/bin/true", check=0 if controller in there else 125)
    # What needs no controller is held anywhere.
    start(t, "held", "sleep 1000", {"enforcement": "strict", "processes": 100, "wall-clock": "1h"}, project=project)
    nothing_left(t, project)
