"""Rows 56, 62 and 64 of the known escapes, and what the audit log has of calls: refusals that the supervisor answers in
the filters' place, and executions that it notes. The same programs run in `cloche run`, where nobody listens, as controls."""

import contextlib
import errno
import json
import os
import pathlib
import re
import signal
import time

import case
import test_syscalls
import victims

PROBE = "/workspace/denials"


def log(t, project, name):
    """The records of an agent's log; every line is whole."""
    path = victims.control_socket(t, project, name).with_name("audit.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def records(t, project, name, event):
    return [entry for entry in log(t, project, name) if entry["event"] == event]


def denials(t, project, name, call):
    return [entry for entry in records(t, project, name, "denied") if entry["call"] == call]


def all_executions(t, project, name):
    """Not what people run there with `cloche exec`, which is a record of its own."""
    return [entry for entry in records(t, project, name, "exec") if "program" in entry]


def executions(t, project, name, program):
    return [entry for entry in all_executions(t, project, name) if entry["program"] == program]


def level(word):
    return ("--set", f"audit.level={word}")


def agent(t, project, directory, task, *options):
    """An agent that has done its task and waits."""
    done = directory / "done"
    done.unlink(missing_ok=True)
    t.start("a", f"{task}; touch done; sleep 1000", "--workspace", f"dir:{directory}", *options, cwd=project)
    t.wait_until(done.exists, "the task is done", deadline=100)


@case.timeout(300)
def test_watched_calls_have_the_answers_of_the_filters(t):
    """Every number, answered by the supervisor at both levels as by the filters alone."""
    project = t.repository()
    directory = victims.place(t, "sweep")
    (directory / "requests").write_text(test_syscalls.requests((number,) for number in test_syscalls.NUMBERS))
    words = ("sh", "-c", "./sweep process < requests > plain")
    victims.run(t, directory, *words, check=0, timeout=100)
    plain = (directory / "plain").read_text().splitlines()
    assert sum(line.startswith("errno") for line in plain) > 250, plain
    for word in ("standard", "full"):
        agent(t, project, directory, f"./sweep process < requests > {word}", *level(word))
        found = (directory / word).read_text().splitlines()
        wrong = {i: pair for i, pair in enumerate(zip(plain, found, strict=True)) if pair[0] != pair[1]}
        assert not wrong, (word, wrong)
        told = {entry["number"] for entry in records(t, project, "a", "denied")}
        absent = {entry["number"] for entry in records(t, project, "a", "denied") if entry["errno"] == "ENOSYS"}
        assert len(told) > 30, told
        assert bool(absent) == (word == "full"), absent
        t.cloche("delete", "a", "--force", cwd=project)


def test_refused_calls_are_on_record(t):
    """Each kind with its facts; nothing at level minimal, and what does not exist at level full only."""
    project = t.repository()
    directory = victims.place(t, "denials")
    plain = victims.run(t, directory, "./denials", "several", check=0).out
    wanted = {"swapon": "EPERM", "socket": "EAFNOSUPPORT", "unshare": "EPERM", "prctl": "EINVAL"}
    absent = {"clone3": "ENOSYS", "": "ENOSYS"}
    for word, calls in {"minimal": {}, "standard": wanted, "full": wanted | absent}.items():
        agent(t, project, directory, "./denials several > answers; ./denials ids > ids", *level(word))
        assert (directory / "answers").read_text() == plain, word
        own, parent = map(int, (directory / "ids").read_text().split())
        # Other programs of the task are refused things, too: shells and the C library try.
        ours = [entry for entry in records(t, project, "a", "denied") if entry["program"] == "denials"]
        assert {entry["call"]: entry["errno"] for entry in ours} == calls, (word, ours)
        if calls:
            # The second of its kind is told with those of the same second.
            t.wait_until(lambda: len(denials(t, project, "a", "swapon")) == 2, "both are told")
            ours = [entry for entry in records(t, project, "a", "denied") if entry["program"] == "denials"]
            (entry,) = (entry for entry in ours if entry["call"] == "socket")
            assert entry["arguments"][0] == hex(38) and len(entry["arguments"]) == 6 and entry["count"] == 1, entry
            first, second = (entry for entry in ours if entry["call"] == "swapon")
            assert second["arguments"][:2] == ["0x7", "0x8"] and second["pid"] == own, second
            assert first["pid"] != own and first["number"] == 167, first
            (run,) = (entry for entry in executions(t, project, "a", "./denials") if entry["arguments"][1] == "ids")
            assert run["pid"] == own and run["parent"] == parent and run["directory"] == "/workspace", run
        else:
            assert not all_executions(t, project, "a")
        t.cloche("delete", "a", "--force", cwd=project)


def test_executions_are_on_record(t):
    """Program, command line, directory, process and parent; of the harness, of what it starts in any way, and of programs
    that come by `cloche exec`. A command line that is too long is cut, and says so."""
    project = t.repository()
    directory = victims.place(t, "denials")
    (directory / "s.py").write_text(
        "import os, subprocess\n"
        "subprocess.run(['/bin/echo', 'two words', 'ü\\n', ''], cwd='/tmp')\n"
        "subprocess.run(['/bin/true'] + ['x' * 3000] * 3)\n"
        "subprocess.run(['/bin/true'] + ['y'] * 100)\n"
        "file = os.open('/bin/true', os.O_RDONLY)\n"
        "if os.fork() == 0: os.execve(file, ['by-descriptor'], {})\n"
        "os.wait()\n"
        "if os.fork() == 0: os.chdir('/usr'); os.execv('bin/true', ['relative'])\n"
        "os.wait()\n"
        "try: os.execv('/nowhere/at all', ['gone'])\n"
        "except FileNotFoundError: pass\n"
    )
    agent(t, project, directory, "python3 s.py; (./denials ids > ids)")
    t.cloche("exec", "a", "--", "/bin/echo", "from outside", cwd=project)
    all_ = all_executions(t, project, "a")
    (echo,) = (e for e in all_ if e["program"] == "/bin/echo" and e["arguments"][1] != "from outside")
    assert echo["arguments"] == ["/bin/echo", "two words", "ü\n", ""] and echo["directory"] == "/tmp", echo
    (python,) = (e for e in all_ if e["program"].endswith("/python3") and e.get("found", True))
    assert echo["parent"] == python["pid"] and python["arguments"] == ["python3", "s.py"], (echo, python)
    long, many = (e for e in executions(t, project, "a", "/bin/true") if len(e["arguments"]) > 1)
    assert long["cut"] and sum(map(len, long["arguments"])) <= 4096 and long["arguments"][1] == "x" * 3000, long
    assert many["cut"] and len(many["arguments"]) == 64, many
    (descriptor,) = (e for e in all_ if e["arguments"] == ["by-descriptor"])
    assert re.fullmatch(r"/usr/bin/true|/bin/true|/proc/self/fd/\d+|/dev/fd/\d+", descriptor["program"]), descriptor
    (relative,) = (e for e in all_ if e["arguments"] == ["relative"])
    assert relative["program"] == "bin/true" and relative["directory"] == "/usr" and "found" not in relative, relative
    (gone,) = executions(t, project, "a", "/nowhere/at all")
    assert gone["found"] is False, gone
    (outside,) = (e for e in all_ if e["arguments"][1:] == ["from outside"])
    assert outside["parent"] == 1, outside
    harness = all_[0]
    assert harness["parent"] == 1 and harness["program"].endswith("sh"), harness


def test_ends_of_programs_are_on_record(t):
    """At level full, with their codes and signals; of what ends the sandbox as well, nothing is made up."""
    project = t.repository()
    directory = victims.place(t, "denials")
    task = "sh -c 'exit 7'; sh -c 'kill -9 $$'; /bin/true; for i in 1 2 3; do sh -c \"exec /bin/false $i\"; done; ./denials storm 2000 /bin/true"
    for word in ("standard", "full"):
        agent(t, project, directory, task, *level(word))
        ends = lambda: records(t, project, "a", "program-exit")  # noqa: E731
        if word == "standard":
            assert not ends()
        elif tuple(map(int, os.uname().release.split(".")[:2])) >= (6, 15):
            count = lambda: len(ends()) + sum(e.get("ended", 0) for e in records(t, project, "a", "calls-untold"))  # noqa: E731
            t.wait_until(lambda: count() >= 2007, "all are told")
            started = {entry["pid"]: entry for entry in all_executions(t, project, "a") if entry.get("found", True)}
            assert all(entry["pid"] in started for entry in ends()[:6]), ends()[:6]
            # A shell may run programs of its own when it begins.
            first = [(e["program"].split("/")[-1], e["exit-code"], e.get("signal")) for e in ends()[:20] if e["exit-code"]]
            assert first == [("sh", 7, None), ("sh", 137, 9)] + [("false", 1, None)] * 3, first
            assert 2007 <= count() < 2020, count()
        t.cloche("delete", "a", "--force", cwd=project)


HIDING = (
    "self-root thread-root self-fd dev-fd link empty-path at-directory memory unlinked not-text two-pages left deep".split()
)


def test_executions_cannot_be_hidden(t):
    """By names that only the caller has, descriptors, files that are gone, bytes that are no text, directories too deep for a
    path: each is told with its own command line, and none as one that is not there. What is not there is told as such."""
    project = t.repository()
    directory = victims.place(t, "hiding")
    agent(t, project, directory, "./hiding all > answers; env missing-program || true")
    assert (directory / "answers").read_text() == "done\n"
    is_sought = lambda entry: entry["program"].endswith("/missing-program")  # noqa: E731
    t.wait_until(lambda: any(map(is_sought, all_executions(t, project, "a"))), "the last is on record")
    all_ = all_executions(t, project, "a")
    told = {entry["arguments"][-1]: entry for entry in all_ if entry["arguments"]}
    wrong = {name: told.get(name) for name in HIDING if told.get(name, {"found": False}).get("found") is False}
    assert not wrong, wrong
    assert all(told[name]["arguments"] == ["sh", "-c", "exit 0", name] for name in HIDING), told
    sought = list(filter(is_sought, all_))
    assert all(entry.get("found") is False for entry in sought), sought


@case.timeout(100)
def test_long_executions_do_not_fill_the_disk(t):
    """Row 56: names and command lines of which JSON makes six times as much; the log has the room that records have."""
    project = t.repository()
    directory = victims.place(t, "hiding")
    agent(t, project, directory, "./hiding log 8")
    size = victims.control_socket(t, project, "a").with_name("audit.jsonl").stat().st_size
    print(f"# log {size} bytes")
    assert 100_000 < size < 3_500_000, size


def test_names_do_not_hide_refused_calls(t):
    """A program that calls itself ever otherwise is refused as often; another's refused call is told all the same."""
    project = t.repository()
    directory = victims.place(t, "denials")
    agent(t, project, directory, "./denials names 3000; ./denials several > answers")
    t.wait_until(lambda: sum(e["count"] for e in denials(t, project, "a", "swapon")) >= 3001, "all are told")
    assert denials(t, project, "a", "unshare"), records(t, project, "a", "denied")[-3:]
    assert not records(t, project, "a", "calls-untold")


def test_nobody_inside_answers_calls(t):
    """No descriptor of the listener is in sight; a program cannot be its own listener, and filters of its own neither let a
    refused call pass nor change more than its own answer. The control: in `run`, where nobody listens, it may listen."""
    project = t.repository()
    directory = victims.place(t, "denials")
    agent(t, project, directory, "./denials listen > answers")
    found = (directory / "answers").read_text().splitlines()
    assert found == [
        "seen 0",
        f"listener errno {errno.EBUSY}",
        "allowing ok",
        f"swapon errno {errno.EPERM}",
        "tracing ok",
        f"swapon-traced errno {errno.EPERM}",
        "asking ok",
        f"mount errno {errno.ENOSYS}",
    ], found
    plain = victims.run(t, directory, "./denials", "listen", check=0).out.splitlines()
    assert "listener ok" in plain and "seen 0" in plain, plain
    # Control: with descriptors left open, the listener would be found where it is: with the supervisor alone.
    t.wait_until(lambda: any("seccomp" in link for pid in t.supervisors() for link in open_files(pid)), "it has the listener")


def open_files(pid):
    """What a process has open; what it closes meanwhile is left out."""
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            yield os.readlink(entry)


@case.once
@case.timeout(300)
def test_a_flood_of_refused_calls_is_counted(t):
    """Row 56: a million refused calls. Each gets its answer and is counted, the log and the supervisor stay small, and
    others are served meanwhile."""
    project = t.repository()
    directory = victims.place(t, "denials")
    task = "./denials count 1000 1; touch warm; while ! test -e go; do sleep 0.1; done; ./denials count 1000000 4 > flood"
    t.start("a", f"{task}; touch done; sleep 1000", "--workspace", f"dir:{directory}", cwd=project)
    t.wait_until((directory / "warm").exists, "the first thousand")
    (supervisor,) = t.supervisors()
    status = pathlib.Path(f"/proc/{supervisor}/status")
    resident = lambda: int(re.search(r"VmRSS:\s+(\d+)", status.read_text())[1])  # noqa: E731
    before = most = resident()
    (directory / "go").touch()
    began = time.monotonic()
    slowest = 0
    while not (directory / "done").exists():
        assert time.monotonic() - began < 200
        start = time.monotonic()
        assert t.cloche("exec", "a", "--", "echo", "there", cwd=project).out == "there\n"
        slowest = max(slowest, time.monotonic() - start)
        most = max(most, resident())
    seconds = time.monotonic() - began
    assert (directory / "flood").read_text() == "1000000\n"
    path = victims.control_socket(t, project, "a").with_name("audit.jsonl")
    t.wait_until(lambda: sum(e["count"] for e in denials(t, project, "a", "swapon")) >= 1_001_000, "all are told")
    told = denials(t, project, "a", "swapon")
    assert sum(entry["count"] for entry in told) == 1_001_000, told[-3:]
    size = path.stat().st_size
    print(f"# {seconds:.1f} s, {len(told)} records, log {size} bytes, memory {before} -> {most} kB, exec {slowest * 1000:.0f} ms")
    assert size < 5_000_000 and len(told) < seconds * 2 + 20, (size, len(told))
    assert most - before < 2048, (before, most)
    assert slowest < 5 * case.patience, slowest


@case.timeout(200)
def test_a_storm_of_executions_is_bounded(t):
    """Row 56: thousands of executions are all counted, and not all told one by one."""
    project = t.repository()
    directory = victims.place(t, "denials")
    began = time.monotonic()
    agent(t, project, directory, "./denials storm 5000 /bin/true")
    counted = lambda: sum(e.get("count", 1) for e in executions(t, project, "a", "/bin/true"))  # noqa: E731
    t.wait_until(lambda: counted() >= 5000, "all are counted", deadline=100)
    told, seconds = len(executions(t, project, "a", "/bin/true")), time.monotonic() - began
    assert counted() == 5000 and told <= 2000 + 101 * (seconds + 1), (told, seconds)


def test_a_path_that_changes_while_it_is_read(t):
    """Row 62: another thread changes the path that is executed. The record may have either name; nothing is decided by it:
    what is refused stays refused, the log stays whole, and each attempt is on record."""
    project = t.repository()
    directory = victims.place(t, "denials")
    agent(t, project, directory, "./denials flip 2000 /bin/true /nowhere/else > ran; ./denials several > answers")
    ran = int((directory / "ran").read_text())
    assert 0 < ran <= 2000, ran
    plain = victims.run(t, directory, "./denials", "several", check=0).out
    assert (directory / "answers").read_text() == plain
    seen = lambda: [  # noqa: E731
        entry
        for entry in all_executions(t, project, "a")
        if entry["arguments"] and len(entry["arguments"]) == 1 and entry["arguments"][0] not in ("sleep",)
    ]
    t.wait_until(lambda: sum(entry.get("count", 1) for entry in seen()) >= 1999, "all attempts are on record")


def test_a_supervisor_that_stands_still_lets_nothing_pass(t):
    """Row 64: while the supervisor is stopped, refused calls and executions wait; when it is killed, everything ends. At no
    time is a call answered otherwise than with its error."""
    project = t.repository()
    directory = victims.place(t, "denials")
    t.start("a", f"exec {PROBE} pulse > beats", "--workspace", f"dir:{directory}", cwd=project)
    beats = directory / "beats"
    lines = lambda: beats.read_text().splitlines() if beats.exists() else []  # noqa: E731
    t.wait_until(lambda: len(lines()) > 20, "it beats")
    (supervisor,) = t.supervisors()
    os.kill(supervisor, signal.SIGSTOP)
    try:
        t.wait_until(lambda: " T " in pathlib.Path(f"/proc/{supervisor}/stat").read_text(), "it stands still")
        # A call that it had taken before may still have its answer.
        last = t.wait_until(lambda: settled(lines), "nothing goes on")
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            assert len(lines()) == last
            time.sleep(0.05)
    finally:
        os.kill(supervisor, signal.SIGCONT)
    t.wait_until(lambda: len(lines()) > last + 20, "it beats again")
    os.kill(supervisor, signal.SIGKILL)
    t.wait_until(lambda: not t.processes(), "everything has ended")
    assert set(lines()) == {str(errno.EPERM), "executed"}, set(lines())


def settled(lines):
    """The number of lines, if it stays the same for a while."""
    count = len(lines())
    time.sleep(0.3)
    return count if len(lines()) == count else None


def test_programs_can_be_paused_while_they_wait_for_answers(t):
    """A frozen agent is frozen, although its calls wait for the supervisor, and goes on afterwards."""
    project = t.repository()
    directory = victims.place(t, "denials")
    t.start("a", f"{PROBE} count 100000000 4", "--workspace", f"dir:{directory}", cwd=project)
    t.wait_until(lambda: denials(t, project, "a", "swapon"), "it floods")
    paused = t.cloche("pause", "a", cwd=project, check=None)
    if paused.code != 0:
        assert "cgroup" in paused.err, paused
        raise case.Skip("no cgroup v2 of one's own: nothing can be frozen")
    total = lambda: sum(entry["count"] for entry in denials(t, project, "a", "swapon"))  # noqa: E731
    t.wait_until(lambda: settled(lambda: [None] * total()) is not None, "nothing goes on")
    before = total()
    t.cloche("unpause", "a", cwd=project)
    t.wait_until(lambda: total() > before, "it goes on")
