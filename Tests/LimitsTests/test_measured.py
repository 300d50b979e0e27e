"""What the supervisor holds by measuring, where no cgroup holds it: memory that grows by a GiB a second is stopped before it is twice the
limit. Each attack counts itself what it has taken."""

import os
import signal
import time

import case
from limited import MIB, agent, cgroups, go, has_ended, nothing_left, number, says, start

MEASURED = {"enforcement": "measured"}
# MiB, and MiB a second; an emulated machine has no such rate.
LIMIT, RATE = 256 if case.patience == 1 else 96, 1024


def bomb(t, kind):
    project = t.repository()
    task = f"read _ <go; exec ./memory {kind} {3 * LIMIT} {RATE}"
    directory = agent(t, "a", task, MEASURED | {"memory": f"{LIMIT}MiB"}, "memory", project=project)
    assert t.json("stats", "a", cwd=project)[0]["source"] == "supervisor"
    go(directory)
    has_ended(t, "a", project, "memory", 137, "limits.memory")
    taken = number(directory / "taken") / MIB
    print(f"# {kind}: {taken:.0f} MiB were taken at {RATE} MiB/s, the limit is {LIMIT} MiB")
    # Of three times the limit; a busy machine looks late.
    assert 0.9 * LIMIT < taken < 2.5 * LIMIT, taken
    # The control: it takes that much where it may.
    directory = agent(t, "control", task, MEASURED | {"memory": f"{4 * LIMIT}MiB"}, "memory", project=project)
    go(directory)
    says(t, "control", "took", project)
    nothing_left(t, project)


def test_memory_is_measured(t):
    bomb(t, "anonymous")


def test_memfds_are_measured(t):
    bomb(t, "memfd")


def test_files_in_tmp_are_measured(t):
    bomb(t, "file:/tmp/bomb")


def test_files_in_shared_memory_are_measured(t):
    bomb(t, "file:/dev/shm/bomb")


def test_processes_are_measured_together(t):
    project = t.repository()
    each = f"(mkdir $i; cd $i; exec ../memory anonymous {LIMIT} {RATE // 4})"
    task = f"read _ <go; for i in 1 2 3 4; do {each} & done; wait"
    directory = agent(t, "a", task, MEASURED | {"memory": f"{LIMIT}MiB"}, "memory", project=project)
    go(directory)
    has_ended(t, "a", project, "memory", 137, "limits.memory")
    taken = sum(number(directory / str(i) / "taken") for i in range(1, 5)) / MIB
    print(f"# four processes: {taken:.0f} MiB, the limit is {LIMIT} MiB")
    # Of three times the limit; a busy machine looks late.
    assert 0.9 * LIMIT < taken < 2.5 * LIMIT, taken
    nothing_left(t, project)


def test_memory_that_processes_share_counts_once(t):
    """What fork shares is no more memory: an agent of many processes is not ended for it."""
    project = t.repository()
    script = f"import os, time\nbig = bytearray(b'm') * ({LIMIT * 4 // 10} << 20)\nfor _ in range(6):\n    if os.fork() == 0: break\nprint('shared', flush=True)\ntime.sleep(1000)\n"
    directory = agent(t, "a", "read _ <go; exec python3 share.py", MEASURED | {"memory": f"{LIMIT}MiB"}, project=project)
    (directory / "share.py").write_text(script)
    go(directory)
    t.wait_until(lambda: t.cloche("logs", "a", cwd=project).out.count("shared") == 7, "all seven are there")
    t.wait_until(lambda: LIMIT * MIB * 4 // 10 <= t.json("stats", "a", cwd=project)[0]["memory"] < LIMIT * MIB, "it is counted once")
    time.sleep(1)
    assert t.agents(project)["a"]["state"] == "running", t.agents(project)["a"]
    nothing_left(t, project)


def test_an_agent_that_is_being_stopped_is_measured_too(t):
    project = t.repository()
    task = f"trap './memory anonymous {3 * LIMIT} {RATE}' TERM; echo ready; while :; do sleep 0.05; done"
    directory = agent(t, "a", task, MEASURED | {"memory": f"{LIMIT}MiB"}, "memory", project=project)
    says(t, "a", "ready", project)
    t.cloche("stop", "--grace", "20", "a", cwd=project)
    taken = number(directory / "taken") / MIB
    assert 0 < taken < 2 * LIMIT, taken
    nothing_left(t, project)


def test_a_limit_of_a_one_shot_sandbox_is_measured(t):
    directory = t.dir / "work"
    directory.mkdir()
    program = directory / "memory"
    program.write_bytes(t.attack("memory").read_bytes())
    program.chmod(0o755)
    words = ["--set", "limits.enforcement=measured", "--set", f"limits.memory={LIMIT}MiB"]
    ended = t.cloche("run", "--profile", "shell", *words, "--", "./memory", "anonymous", 3 * LIMIT, RATE, cwd=directory, check=137)
    assert "limits.memory" in ended.err, ended
    assert number(directory / "taken") < 2 * LIMIT * MIB


def test_a_killed_supervisor_leaves_no_process_and_no_cgroup(t):
    project = t.repository()
    for way in ("available", "measured"):
        directory = agent(t, way, "read _ <go; exec ./breed 20", {"enforcement": way, "memory": "512MiB"}, "breed", project=project)
        go(directory)
        t.wait_until(lambda: number(directory / "made") >= 20, "it has bred")
        (supervisor,) = t.supervisors()
        os.kill(supervisor, signal.SIGKILL)
        t.wait_until(lambda: not t.processes(), "all its processes are gone", 10)
        entry = t.agents(project)[way]
        assert entry["state"] == "lost", entry
        # What writes that down, or removes the agent, removes its cgroup.
        if way == "available":
            t.cloche("stop", way, cwd=project)
            (end,) = [one for one in t.agents(project).values() if one["name"] == way]
            assert end["end-reason"] == "supervisor-lost", end
            t.wait_until(lambda: not cgroups(t), "its cgroup is gone", 10)
        # A new start finds nothing in its way.
        t.cloche("resume", way, "sleep 1000", cwd=project)
        (supervisor,) = t.supervisors()
        os.kill(supervisor, signal.SIGKILL)
        t.wait_until(lambda: not t.processes(), "all its processes are gone", 10)
        t.cloche("delete", "--force", way, cwd=project)
        t.wait_until(lambda: not cgroups(t), "its cgroup is gone", 10)
    nothing_left(t, project)


def test_a_restart_gives_no_processor_time_back(t):
    project = t.repository()
    burn = "timeout -s KILL 2 sh -c 'while :; do :; done'; exit 1"
    limits = ("--set", "restart={on-failure: 20}", "--set", "limits.cpu-time=3", "--set", "limits.enforcement=measured")
    t.start("a", burn, *limits, cwd=project)
    # Of one run alone two seconds are never more than three.
    entry = t.wait_ended("a", project, deadline=60)
    assert entry["end-reason"] == "cpu-time" and entry["starts"] > 1, entry
    nothing_left(t, project)
