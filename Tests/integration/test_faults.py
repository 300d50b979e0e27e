"""Done-when 4: kill -9 of the program at every step of start, stop, delete, merge and resume.

strace kills the program at its n-th system call that changes something, for n = 1, 2, ... until it gets
through; likewise it makes the n-th such call fail. After each fault the listing must tell the truth, and
`resume` or `delete` must finish what was begun. A supervisor is killed at moments spread over its life.
"""

import json
import os
import signal
import subprocess
import time

import case

# Calls that change something others can see; between two of them a kill makes no difference.
CHANGES = (
    "openat,openat2,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,rmdir,symlinkat,linkat,write,pwrite64,writev,"
    "ftruncate,fsync,fdatasync,flock,fcntl,clone,clone3,vfork,execve,sendmsg,sendto,connect,bind,listen,pidfd_send_signal,kill,"
    "fchmod,fchmodat,chmod,chown,fchown,fchownat,mount,umount2,open_tree,move_mount,mount_setattr,fsopen,fsmount,fsconfig,"
    "memfd_create,socket,socketpair,pipe2,ioctl,setsid,wait4,waitid,utimensat"
)
PLAIN_FILE = "mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,write,ftruncate,fsync,fdatasync,openat,openat2"


def traced(t, step, effect, calls, *words, cwd):
    """Runs the program with `effect` at its `step`-th call of `calls`; returns None when it got past them all."""
    log = t.dir / "strace.log"
    command = ["strace", "-o", log, "-e", f"trace={calls}", "-e", f"inject={calls}:{effect}:when={step}", t.program, *words]
    result = t.command(*command, cwd=cwd, check=None, timeout=60)
    text = log.read_text(errors="replace")
    reached = "(INJECTED)" in text or "killed by SIGKILL" in text
    return result if reached else None


def truthful(t, project):
    """The listing agrees with the kernel: an agent that lives has processes, one that does not has none."""
    def living(agents):
        return [name for name, entry in agents.items() if entry["state"] in case.LIVING]

    agents = t.agents(project)
    if living(agents) and not t.processes():
        # It may have ended between the two looks; then the next listing says so.
        agents = t.agents(project)
        assert not living(agents), f"listed as living without a process: {agents}"
    if not living(agents):
        t.wait_until(lambda: not t.processes(), f"no processes, since none is listed as living: {agents}", deadline=3)
    return agents


def finish(t, project, name="a"):
    """Whatever is there can be resumed or deleted, and then nothing is left."""
    agents = truthful(t, project)
    if name in agents and agents[name]["state"] not in case.LIVING:
        t.cloche("resume", name, "true", cwd=project, check=None)
        truthful(t, project)
    if name in agents:
        t.cloche("delete", "--force", name, cwd=project)
    assert truthful(t, project) == {}
    gone(t, project)


def gone(t, project):
    """Nothing of an agent is left, and its name can be used again."""
    assert t.git("branch", "--list", "cloche/*", cwd=project).out == ""
    # A killed start may leave git's own record of a worktree whose directory is gone; git prunes it, and so may we.
    t.git("worktree", "prune", cwd=project)
    assert len(t.git("worktree", "list", cwd=project).out.splitlines()) == 1
    assert t.git("status", "--porcelain", cwd=project).out == ""


def every_step(t, project, before, words, after, effect="signal=KILL", calls=CHANGES, stride=1):
    """The loop: prepare, fault at step n, check; until the command gets through without reaching its step."""
    step, reached = 1, 0
    while True:
        before()
        result = traced(t, step, effect, calls, *words, cwd=project)
        after(step, result)
        if result is None:
            break
        reached += 1
        step += stride
    assert reached >= 5, f"only {reached} faults were met: the loop proves nothing"
    print(f"# {reached} faults in `cloche {' '.join(words)}`")


@case.timeout(400)
def test_kill_at_every_step_of_start(t):
    project = t.repository()
    words = ("start", "a", "--profile", "shell", "sleep 1000")

    def after(step, result):
        agents = truthful(t, project)
        if result is not None and "a" not in agents:
            # Nothing that would be in the way of a second start may be left.
            t.start("a", "sleep 1000", cwd=project)
        finish(t, project)

    every_step(t, project, lambda: None, words, after)


@case.timeout(400)
def test_kill_at_every_step_of_stop(t):
    project = t.repository()

    def before():
        if "a" not in t.agents(project):
            t.start("a", "sleep 1000", cwd=project)
        elif t.agents(project)["a"]["state"] not in case.LIVING:
            t.cloche("resume", "a", "sleep 1000", cwd=project)

    def after(step, result):
        truthful(t, project)
        t.cloche("stop", "a", cwd=project, check=None)
        assert truthful(t, project)["a"]["state"] not in case.LIVING

    every_step(t, project, before, ("stop", "--kill", "a"), after)


@case.once
@case.timeout(400)
def test_kill_at_every_step_of_delete(t):
    project = t.repository()

    def before():
        if "a" not in t.agents(project):
            t.start("a", "echo x > x; git add x; git commit -qm x; mkdir -p d/e; touch d/e/f", cwd=project)
            t.wait_ended("a", project)

    def after(step, result):
        if "a" in truthful(t, project):
            t.cloche("delete", "--force", "a", cwd=project)
        assert truthful(t, project) == {}
        gone(t, project)

    every_step(t, project, before, ("delete", "--force", "a"), after)


@case.once
@case.timeout(400)
def test_kill_at_every_step_of_merge(t):
    project = t.repository()
    first = t.git("rev-parse", "HEAD", cwd=project).out.strip()
    t.run_task("a", "echo x > x; git add x; git commit -qm Work; echo loose > loose", cwd=project)

    def before():
        t.git("reset", "--quiet", "--hard", first, cwd=project)
        t.git("clean", "-qfd", cwd=project)

    def after(step, result):
        truthful(t, project)
        t.git("fsck", "--full", cwd=project)
        # Either nothing happened yet or all did, and a second merge completes it; a lock that git left is told.
        (project / ".git/index.lock").unlink(missing_ok=True)
        t.git("reset", "--quiet", "--hard", cwd=project)
        t.git("clean", "-qfd", cwd=project)
        t.cloche("merge", "a", cwd=project)
        assert (project / "x").read_text() == "x\n" and (project / "loose").read_text() == "loose\n"

    every_step(t, project, before, ("merge", "a"), after)


@case.timeout(400)
def test_kill_at_every_step_of_resume(t):
    project = t.repository()
    t.run_task("a", "echo kept > kept", cwd=project)

    def after(step, result):
        agents = truthful(t, project)
        assert "a" in agents
        t.cloche("stop", "--kill", "a", cwd=project, check=None)
        assert (t.workspace("a", project) / "kept").read_text() == "kept\n"
        assert truthful(t, project)["a"]["state"] not in case.LIVING

    every_step(t, project, lambda: None, ("resume", "a", "sleep 1000"), after)


@case.timeout(300)
def test_kill_at_every_step_of_run(t):
    """Here the supervisor is in the program itself, so that this walks through all its steps."""
    project = t.repository()

    def after(step, result):
        t.wait_until(lambda: not t.processes(), f"no process is left after step {step}", deadline=2)
        assert truthful(t, project) == {}

    words = ("run", "--profile", "shell", "--", "true")
    # First with nothing in the cache, where most of the steps copy a file of /etc: one in some is enough.
    every_step(t, project, lambda: None, words, after, stride=40)
    # What a killed run left half-made is never used, and goes when the next tree is made.
    trees = [path for path in (t.dir / "cache/cloche").iterdir() if path.is_dir() and path.suffix != ".new"]
    assert len(trees) == 1, f"more than one copy of /etc: {trees}"
    every_step(t, project, lambda: None, ("run", "--profile", "shell", "--workspace", "none", "--", "true"), after)
    # What stands for protected names is made and taken away in many steps that are alike.
    every_step(t, project, lambda: None, words, after, stride=4)
    # What killed runs left is cleared away by the next.
    t.cloche("run", "--profile", "shell", "--", "true", cwd=project)
    left = [str(path) for path in t.state.rglob("*") if not path.is_dir()]
    assert len(left) < 10, left[:20]


@case.timeout(400)
def test_every_file_operation_of_start_fails_once(t):
    project = t.repository()

    def after(step, result):
        if result is not None and "what the command did is done" in result.err:
            finish(t, project)  # only its words could not be written
        elif result is not None and result.code != 0:
            assert result.code in (125, 126, 127) or result.code == 2, result
            assert "Fatal error" not in result.err, result
            print(step, result)
            assert truthful(t, project) == {}, result
            gone(t, project)
        else:
            finish(t, project)

    words = ("start", "a", "--profile", "shell", "sleep 1000")
    every_step(t, project, lambda: None, words, after, effect="error=ENOSPC", calls=PLAIN_FILE, stride=2)


# What a supervisor's loop is made of, and what writes its state; the command itself does little of either.
LOOP = "epoll_ctl,epoll_wait,epoll_pwait,signalfd4,timerfd_create,timerfd_settime,bind,listen,accept4,setsid,pidfd_open"
STATE = "flock,fsync,fdatasync,rename,renameat,renameat2,write,pwrite64,clone3,sendmsg"


@case.timeout(400)
def test_kill_of_each_process_at_every_step_of_start(t):
    """The command, git, the supervisor and init: each is killed at its own n-th call, whoever gets that far."""
    project = t.repository()
    hit = 0
    for calls in (LOOP, STATE):
        for step in range(1, 41):
            trace = ["strace", "-D", "-f", "-o", t.dir / "strace.log", "-e", f"trace={calls}"]
            trace += ["-e", f"inject={calls}:signal=KILL:when={step}"]
            task = "echo x > x; git add x; git commit -qm x; sleep 1000"
            words = [*trace, t.program, "start", "a", "--profile", "shell", task]
            # No pipes: the tracer, which lives as long as the supervisor, would keep them open.
            quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            code = subprocess.run(words, cwd=project, env=t.env, timeout=60, **quiet).returncode
            agents = truthful(t, project)
            hit += code != 0 or agents.get("a", {}).get("state") not in case.LIVING
            finish(t, project)
    assert hit >= 10, f"only {hit} kills were met: the loop proves nothing"
    print(f"# {hit} of 80 starts were killed")


@case.once
@case.timeout(300)
def test_kill_of_the_supervisor_at_moments_of_its_life(t):
    """From the moment a process of the agent exists, in steps that cover start, work and end."""
    project = t.repository()
    began = time.monotonic()
    t.run_task("a", "true", cwd=project)
    whole = time.monotonic() - began
    t.cloche("delete", "--force", "a", cwd=project)
    for round in range(40):
        process = t.spawn("start", "a", "--profile", "shell", "echo x > x; git add x; git commit -qm x; sleep 1000", cwd=project)
        moment = time.monotonic() + whole * round / 30
        while time.monotonic() < moment and process.poll() is None:
            pass
        while time.monotonic() < moment:
            pass
        killed = [pid for pid in t.supervisors() if pid != process.pid]
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        process.communicate(timeout=20)
        agents = truthful(t, project)
        if killed and process.returncode != 0 and "a" not in agents:
            gone(t, project)
            continue
        if "a" in agents and agents["a"]["state"] in case.LIVING:
            t.cloche("stop", "--kill", "a", cwd=project)
        finish(t, project)


@case.timeout(200)
def test_a_supervisor_on_its_way_runs_no_later_agent(t):
    """Its command is killed between the order and the start, and somebody puts another agent in the place: it must not run
    there. Nothing tells a slow supervisor from one that stands still."""
    project = t.repository()
    t.run_task("a", "true", cwd=project)
    socket = next(t.state.glob("cloche/*/a")) / "control.sock"
    caught = 0
    for round in range(40):
        if caught == 12:
            break
        t.cloche("delete", "--force", "a", cwd=project)
        process = t.spawn("start", "a", "--profile", "shell", "echo x >> x", cwd=project)
        ours = []
        # It is there before it is told for which agent; its socket is soon followed by the record.
        while not ours:
            ours = [pid for pid in t.supervisors() if pid != process.pid]
        while not socket.exists() and process.poll() is None:
            pass
        end = time.monotonic() + round % 12 * 0.0004
        while time.monotonic() < end:
            pass
        for pid in ours:
            os.kill(pid, signal.SIGSTOP)
        process.kill()
        process.communicate()
        entry = t.agents(project).get("a", {})
        if ours and entry.get("state") not in case.LIVING and not (t.workspace("a", project) / "x").exists():
            caught += 1
            # Refused, or done: then the name is free.
            deleted = t.cloche("delete", "--force", "a", cwd=project, check=None)
            if deleted.code == 0:
                t.start("a", "echo x >> x; sleep 1", cwd=project)
            else:
                assert "is being changed by another command" in deleted.err, deleted
        for pid in ours:
            os.kill(pid, signal.SIGCONT)
        t.wait_until(lambda: not [pid for pid in ours if pid in t.supervisors()], "the supervisor ends")
        t.wait_ended("a", project)
        assert (t.workspace("a", project) / "x").read_text() == "x\n", f"round {round}: both ran in one workspace"
    assert caught >= 3, f"only {caught} were caught in time"


@case.timeout(120)
def test_kill_of_everything_at_once_and_after_a_reboot(t):
    """After a reboot the runtime directory is empty and no process lives: the state says what was."""
    project = t.repository()
    for name in ("a", "b", "c"):
        t.start(name, "touch up; sleep 1000", cwd=project)
    for pid in t.processes():
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
    t.wait_until(lambda: not t.processes(), "all are dead")
    for path in sorted(t.run.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    agents = truthful(t, project)
    assert set(agents) == {"a", "b", "c"} and not {entry["state"] for entry in agents.values()} & case.LIVING
    t.cloche("resume", "b", "touch resumed", cwd=project)
    t.wait_ended("b", project)
    assert (t.workspace("b", project) / "resumed").exists()
