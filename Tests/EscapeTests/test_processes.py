"""Rows 39 to 60 of the known escapes: processes, terminals, sockets, resources.

Each attack is tried from inside; whether it worked is seen outside, by a canary. Each has a control: the same canary
with the layer left out (a build for tests), outside of every sandbox, or with a profile that grants it.
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import case
import test_isolation
import victims

# Numbers by which the kernel refuses: there is no such process here, or it is not one's own.
REFUSED = {"ESRCH", "EPERM", "EACCES", "ENOENT", "ENOSYS", "EINVAL", "EBADF", "ENOTTY"}


def test_signals_do_not_reach_other_processes(t):
    """Row 42: signals to the supervisor and to the user's other processes, by number, by pidfd, as the owner of a
    socket (F_SETOWN and SIGIO), by a timer and as a terminal's foreground group."""
    directory = victims.place(t, "signals")
    canary = victims.Canary(victims.agents_user(t, directory))
    try:
        sandbox = victims.Sandbox(t, directory)
        targets = [canary.pid, sandbox.process.pid, os.getpid()]
        tried = victims.answers(victims.run(t, directory, "./signals", *targets).out)
        assert len(tried) >= 8 * len(targets), tried
        assert set(tried.values()) <= REFUSED, {way: answer for way, answer in tried.items() if answer not in REFUSED}
        assert canary.lives() and sandbox.process.poll() is None
        sandbox.end()
        t.without("pid-namespace", "landlock", "self-check")
        victims.run(t, directory, "./signals", canary.pid)
        t.wait_until(lambda: not canary.lives(), "without a pid namespace the canary dies")
    finally:
        canary.end()


def test_an_agent_that_kills_all_it_can_kills_itself(t):
    """Row 42: kill(-1), kill(0), SIGKILL and SIGSTOP to init and to the parent. The supervisor lives on and says how the
    agent ended; its neighbour does not notice."""
    project = t.repository()
    directory = victims.place(t, "signals")
    t.start("neighbour", "sleep 1000", cwd=project)
    canary = victims.Canary()
    try:
        where = ("--workspace", f"dir:{directory}")
        t.start("a", "exec ./signals everything > answers", *where, cwd=project)
        entry = t.wait_ended("a", project, deadline=20)
        tried = victims.answers((directory / "answers").read_text())
        assert ("kill-all", "-1") in tried and ("kill-group", "0") not in tried, tried
        # Its own group went last, and it with it.
        assert entry["end-reason"] == "signalled", entry
        assert canary.lives() and t.agents(project)["neighbour"]["state"] == "running", t.agents(project)
    finally:
        canary.end()


LOOKS = 20


def test_processes_outside_cannot_be_looked_into(t):
    """Rows 40 and 41: ptrace, process_vm_readv, pidfd_getfd, kcmp and every file of /proc/N, on the supervisor, its
    threads and another process of the user; then a count through all numbers that finds only the sandbox's own."""
    project = t.repository()
    directory = victims.place(t, "peek")
    t.start("a", "touch up; sleep 1000", "--workspace", f"dir:{directory}", cwd=project)
    t.wait_until(lambda: (directory / "up").exists(), "the task is up")
    canary = victims.Canary(victims.agents_user(t, directory))
    try:
        (supervisor,) = t.supervisors()
        threads = [int(task.name) for task in pathlib.Path(f"/proc/{supervisor}/task").iterdir()]
        targets = {canary.pid, supervisor, *threads}
        tried = victims.answers(t.cloche("exec", "a", "--", "./peek", *targets, cwd=project).out)
        assert len(tried) >= LOOKS * len(targets), tried
        assert set(tried.values()) <= REFUSED, {way: answer for way, answer in tried.items() if answer not in REFUSED}
        last = max(targets) + 100
        alive = t.cloche("exec", "a", "--", "./peek", "sweep", last, cwd=project).out.split()[1::2]
        assert 1 <= len(alive) <= 5 and max(map(int, alive)) < 50, alive
        t.cloche("stop", "--kill", "a", cwd=project)
        t.without("pid-namespace", "landlock", "self-check")
        found = victims.run(t, directory, "./peek", "sweep", last).out.split()[1::2]
        assert str(canary.pid) in found, "without a pid namespace it is seen"
    finally:
        canary.end()


def test_init_cannot_be_looked_into(t):
    """Row 41: init is Cloche, and has a socket to the supervisor; a program of the agent's has the same uid."""
    directory = victims.place(t, "peek")
    public = {"cmdline", "pidfd_open", "list-task/../fd"}
    tried = victims.answers(victims.run(t, directory, "./peek", "1").out)
    assert len(tried) >= LOOKS, tried
    got = {way for way, _ in tried if tried[way, "1"] == "ok"} - public
    assert not got, got
    t.without("dumpable", "self-check")
    tried = victims.answers(victims.run(t, directory, "./peek", "1").out)
    assert tried["mem", "1"] == tried["list-fd", "1"] == tried["link-fd/3", "1"] == "ok", tried


STARVE = """
import resource, time
said = []
for name in ("NOFILE", "NPROC", "FSIZE", "AS", "DATA", "STACK", "SIGPENDING", "MEMLOCK", "MSGQUEUE", "NICE", "RTPRIO"):
    try:
        resource.prlimit(1, getattr(resource, "RLIMIT_" + name), (0, 0))
        said.append(name + " set")
    except (OSError, ValueError) as error:
        said.append(name + " " + str(error))
import os
for act in (lambda: os.setpriority(os.PRIO_PROCESS, 1, 19), lambda: os.sched_setscheduler(1, 5, os.sched_param(0))):
    try:
        act()
    except OSError:
        pass
open("starved.new", "w").write("\\n".join(said))
os.rename("starved.new", "starved")
time.sleep(1000)
"""


def test_limits_of_init_stay(t):
    """The next row of 41: the kernel lets a process lower the limits of another of its uid (prlimit(2)), init's too, and
    then init starts no more programs. The control: without the filter they are set, and still the agent can be ended."""
    project = t.repository()
    directory = victims.place(t)
    (directory / "starve.py").write_text(STARVE)
    words = ("exec python3 starve.py", "--workspace", f"dir:{directory}")
    t.start("a", *words, cwd=project)
    t.wait_until(lambda: (directory / "starved").exists(), "init was tried")
    said = (directory / "starved").read_text()
    assert "NOFILE" in said and "set" not in said, said
    t.cloche("exec", "a", "--", "true", cwd=project)
    t.cloche("delete", "a", "--force", cwd=project)
    (directory / "starved").unlink()
    t.without("seccomp", "self-check")
    t.start("b", *words, cwd=project)
    t.wait_until(lambda: (directory / "starved").exists(), "init is starved")
    # Init dies of it, or can start nothing any more; whoever asks is told so, and does not wait.
    refused = t.cloche("exec", "b", "--", "true", cwd=project, check=None, timeout=10)
    assert refused.code in (125, 137), refused
    assert "NOFILE set" in (directory / "starved").read_text()
    began = time.monotonic()
    t.cloche("stop", "--kill", "b", cwd=project, timeout=10, check=None)
    assert time.monotonic() - began < 5 and t.agents(project)["b"]["state"] not in case.LIVING


OUTER = """
import os, sys, termios, tty
print("outer", os.fstat(0).st_rdev, os.fstat(0).st_dev, flush=True)
os.system(sys.argv[1])
# What was pushed into this terminal is there now, without anybody waiting for it.
tty.setcbreak(0, termios.TCSANOW)
os.set_blocking(0, False)
try:
    left = os.read(0, 4096)
except BlockingIOError:
    left = b""
print("outer got", left, "end", flush=True)
"""


def outer(t, command, typed=""):
    """A person's terminal in which a command runs; what the command leaves in its input, and what it printed."""
    (t.dir / "outer.py").write_text(OUTER)
    terminal = case.Terminal(["/usr/bin/python3", str(t.dir / "outer.py"), command], str(t.dir), t.env, 80, 24)
    if typed:
        terminal.expect("outer [0-9]+")
        terminal.send(typed)
    shown = terminal.expect(r"^(.*)outer got (.*) end").group(0).decode(errors="replace")
    terminal.wait()
    terminal.close()
    return shown.partition("outer got ")[2].removesuffix(" end"), victims.answers(shown), shown


def test_nothing_is_pushed_into_the_users_terminal(t):
    """Row 39 (CVE-2017-5226, CVE-2023-28100): TIOCSTI and TIOCLINUX, and what else a program can ask of a terminal. The
    agent's terminal is one of its own, so that even what is not refused stays inside."""
    directory = victims.place(t, "terminal")
    command = f"{t.program} run --profile shell --workspace dir:{directory} -- ./terminal"
    got, _, shown = outer(t, command)
    assert got == "b''", shown
    tried = dict(line.split(" ", 1) for line in shown.replace("\r", "").splitlines() if line.count(" ") == 1)
    for name in ("TIOCSTI", "TIOCSTI+high", "TIOCLINUX", "TIOCLINUX+high"):
        assert tried[name] == "EPERM", (name, tried)
    for name in ("TIOCCONS", "TIOCVHANGUP", "TIOCPKT", "TIOCSPTLCK", "TIOCGPTPEER", "vhangup"):
        assert tried[name] != "ok", (name, tried)
    # Which terminal it is: the first of the sandbox's own devpts.
    inside = next(line for line in shown.splitlines() if line.startswith("terminal ")).strip()
    device = next(line for line in shown.splitlines() if "outer " in line).split()[-1].strip()
    assert inside.split(" on ")[1] != device, shown
    # The controls: without a sandbox it is pushed, if this kernel lets anybody; what is typed is seen anyway.
    assert outer(t, "sleep 0.3", typed="typed\n")[0] == r"b'typed\n'"
    got, _, shown = outer(t, f"{directory}/terminal push")
    legacy = pathlib.Path("/proc/sys/dev/tty/legacy_tiocsti")
    if os.getuid() == 0 or not legacy.exists() or legacy.read_text() == "1\n":
        assert "ppuusshheedd" in got, shown
    # Without the filter the call gets through to the sandbox's own terminal, and still not to the user's.
    t.without("seccomp", "self-check")
    got, _, shown = outer(t, command.replace(command.split()[0], str(t.program), 1))
    assert got == "b''" and "TIOCSTI EPERM" not in shown, shown


CONNECT = """
import json, os, socket, sys
answer = {}
for path in sys.argv[1:]:
    peer = socket.socket(socket.AF_UNIX)
    try:
        peer.connect("\\0" + path[1:] if path[0] == "@" else path)
        answer[path] = peer.recv(64).decode()
    except OSError as error:
        answer[path] = os.strerror(error.errno)
print(json.dumps([answer, dict(os.environ)]))
"""


class Listeners:
    """Sockets of the user's, as a desktop has them: each greets whoever connects."""

    def __init__(self, *addresses):
        self.servers = []
        for address in addresses:
            server = socket.socket(socket.AF_UNIX)
            server.bind("\0" + address[1:] if address[0] == "@" else address)
            if address[0] != "@":
                os.chmod(address, 0o777)
            server.listen()
            server.setblocking(False)
            self.servers.append(server)
        self.pid = os.fork()
        if self.pid == 0:
            import selectors

            selector = selectors.DefaultSelector()
            for server in self.servers:
                selector.register(server, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    peer, _ = key.fileobj.accept()
                    peer.sendall(b"canary")
                    peer.close()

    def end(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        for server in self.servers:
            server.close()


def test_sockets_of_the_user_are_out_of_reach(t):
    """Rows 43, 44 and 46 (nono `systemd-run --user`, CVE-2026-47128): the session's bus, systemd's, the ssh agent's and an
    abstract one. None is there, and no variable names one."""
    directory = victims.place(t)
    (directory / "connect.py").write_text(CONNECT)
    t.dir.chmod(0o755)
    t.run.chmod(0o755)
    paths = [str(t.run / name) for name in ("bus", "systemd-private", "ssh-agent")]
    abstract = "@cloche-" + t.dir.name
    listeners = Listeners(*paths, abstract)
    told = {
        "DBUS_SESSION_BUS_ADDRESS": f"unix:path={paths[0]}",
        "SSH_AUTH_SOCK": paths[2],
        "DOCKER_HOST": f"unix://{paths[0]}",
        "WAYLAND_DISPLAY": "wayland-0",
        "DISPLAY": ":0",
    }
    words = ("/usr/bin/python3", "connect.py", *paths, abstract, "/run/dbus/system_bus_socket")
    try:
        answer, environment = json.loads(victims.run(t, directory, *words, env=told, check=True).out)
        assert "canary" not in answer.values(), answer
        assert not set(environment) & {*told, "XDG_RUNTIME_DIR"}, environment
        # The controls: outside all answer; with the host's root in view those with a path do, and with the host's
        # network the abstract one.
        assert json.loads(t.command(*words, cwd=directory).out)[0] | {words[-1]: ""} == dict.fromkeys([*paths, abstract], "canary") | {words[-1]: ""}
        t.without("mounts", "landlock", "self-check")
        through = ["/host" + path for path in paths]
        answer, _ = json.loads(victims.run(t, directory, *words[:2], *through, check=True).out)
        assert set(answer.values()) == {"canary"}, answer
        t.without("net-namespace", "landlock", "self-check")
        answer, _ = json.loads(victims.run(t, directory, *words[:2], abstract, check=True).out)
        assert answer == {abstract: "canary"}, answer
    finally:
        listeners.end()


def test_set_id_programs_of_the_system_gain_nothing(t):
    """Row 49: every set-id program below /usr. The dynamic linker tells: it shows the auxiliary vector on request, but
    not to a program that gains rights."""
    found = t.command("find", "/usr", "-xdev", "-type", "f", "-perm", "/6000", check=None).out.split()
    programs = [path for path in found if pathlib.Path(path).stat().st_mode & 1]
    assert programs, "this system has no set-id program"
    # The second variable has the linker end instead of starting the program.
    show = "timeout 2 env LD_SHOW_AUXV=1 LD_TRACE_LOADED_OBJECTS=1 $p </dev/null 2>&1"
    script = f"for p in %s; do echo program $p; {show} | grep -aE '^AT_(SECURE|EUID|UID):'; done; true"

    def auxiliary(text):
        return [block for block in text.replace(" ", "").split("program/")[1:] if "AT_" in block]

    blocks = auxiliary(t.run_shell(script % " ".join(programs)).out)
    assert len(blocks) == len(programs), (programs, blocks)
    for block in blocks:
        values = dict(line.split(":") for line in block.splitlines() if ":" in line)
        assert values["AT_SECURE"] == "0" and values["AT_EUID"] == values["AT_UID"] != "0", block
    # The control: outside, an ordinary user is shown nothing.
    words = ["sh", "-c", script % "/usr/bin/su /usr/bin/mount /usr/bin/passwd"]
    outside = t.command(*(victims.as_nobody(*words) if os.getuid() == 0 else words), cwd="/").out
    assert "program" in outside and auxiliary(outside) == [], outside


def test_device_nodes_are_neither_made_nor_used(t):
    """Row 50 (sandlock): mknod in every directory that can be written, and a node of the host's that a bind shows."""
    directory, shown = victims.place(t), t.dir / "shown"
    shown.mkdir()
    made = shown / "zero"
    if os.getuid() == 0:
        os.mknod(made, 0o20666, os.makedev(1, 5))
        os.chmod(made, 0o666)
        os.mknod(directory / "zero", 0o20666, os.makedev(1, 5))
        os.chmod(directory / "zero", 0o666)
    bind = f"extends: shell\nfilesystem:\n  binds:\n    - {{source: {shown}, target: /opt/shown, mode: rw}}\n"
    t.profile("shown", bind)
    code = """
places = [line.split()[4] for line in open("/proc/self/mountinfo")] + ["/opt", "/var/lib", "/home/agent", "/usr/local/bin"]
places = [place for place in places if os.path.isdir(place) and os.access(place, os.W_OK)]
answer = {"places": places, "made": [], "used": []}
for place in places:
    for kind in (0o20666, 0o60666):
        for device in (os.makedev(1, 5), os.makedev(8, 0), os.makedev(10, 229)):
            if attempt(os.mknod, place + "/node", kind, device) == "ok":
                answer["made"].append(place)
for path in ("/workspace/zero", "/opt/shown/zero"):
    answer["used"].append(attempt(os.open, path, os.O_RDONLY))
"""
    script = test_isolation.PROBE + code + "\nprint(json.dumps(answer))"
    words = ("run", "--profile", "shown", "--workspace", f"dir:{directory}", "--", "python3", "-c", script)
    answer = json.loads(t.cloche(*words).out)
    assert len(answer["places"]) >= 6 and {"/workspace", "/opt/shown", "/tmp"} <= set(answer["places"]), answer
    assert not answer["made"] and "ok" not in answer["used"], answer
    if os.getuid() == 0:
        with open(made, "rb") as node:
            assert node.read(1) == b"\0", "the node works outside"
        assert answer["used"] == ["EACCES", "EACCES"], answer
    # FIFOs are no devices, and may be made.
    assert test_isolation.probe(t, "answer = attempt(os.mkfifo, '/tmp/fifo')") == "ok"


SETID = """
import struct
os.umask(0)
def mode(path):
    try: return os.lstat(path).st_mode & 0o6000
    except OSError: return 0
how = struct.pack("QQQ", os.O_CREAT | os.O_RDWR, 0o4755, 0)
file = os.open("x", os.O_CREAT | os.O_RDWR, 0o755)
high = 1 << 32
text = ctypes.c_char_p
tries = {
    "open": (2, text(b"o"), os.O_CREAT | os.O_RDWR, 0o4755), "creat": (85, text(b"c"), 0o6755),
    "openat": (257, -100, text(b"a"), os.O_CREAT | os.O_RDWR, 0o2755), "openat2": (437, -100, text(b"o2"), text(how), 24),
    "tmpfile": (257, -100, text(b"."), 0o20200000 | os.O_RDWR, 0o4755),
    "mknod": (133, text(b"m"), 0o104755, 0), "mknodat": (259, -100, text(b"n"), 0o106755, 0),
    "mkdir": (83, text(b"d"), 0o2755), "fchmod": (91, file, 0o4755), "chmod": (90, text(b"x"), 0o6755),
    "fchmodat": (268, -100, text(b"x"), 0o2755), "fchmodat2": (452, -100, text(b"x"), 0o4755, 0),
    "chmod-high": (90, text(b"x"), high | 0o4755), "fchmodat-high": (268, -100, text(b"x"), high | 0o2755),
}
answer = {}
for name, words in tries.items():
    words = list(words) + [0] * (6 - len(words))
    call(*words)
answer = sorted(path for path in os.listdir(".") if mode(path))
"""


def test_set_id_bits_cannot_be_set(t):
    """The next row of 49: a set-id copy of a shell that an agent leaves in the workspace would be the user's for every
    other user of the host. By every call that takes a mode, also with high bits that the kernel cuts off."""
    directory = victims.place(t)
    script = test_isolation.PROBE + SETID + "\nprint(json.dumps(answer))"
    run = lambda: json.loads(victims.run(t, directory, "python3", "-c", script, check=True).out)  # noqa: E731
    assert run() == []
    marked = [path for path in directory.rglob("*") if path.lstat().st_mode & 0o6000]
    assert not marked, marked
    t.without("seccomp", "self-check")
    assert {"o", "x"} <= set(run()), "without the filter they are set"


FORKS = 48


def test_a_fork_bomb_meets_its_limit_and_can_be_ended(t):
    """Row 53, with RLIMIT_NPROC: a limit by cgroup is not there yet. Nothing of it is left within seconds."""
    project = t.repository()
    directory = victims.place(t, "forks")
    where = ("--workspace", f"dir:{directory}")
    t.start("a", "./forks 400 > made", *where, "--set", f"limits.processes={FORKS}", cwd=project)
    made = t.wait_until(lambda: (directory / "made").exists() and (directory / "made").read_text(), "it counted")
    assert made.split()[-1] == "EAGAIN" and int(made.split()[1]) <= FORKS, made
    assert len(t.processes()) <= FORKS + 2
    began = time.monotonic()
    t.cloche("stop", "--kill", "a", cwd=project)
    t.wait_until(lambda: not t.processes(), "nothing of it is left", deadline=1)
    assert time.monotonic() - began < 3
    # The control: without that limit it gets further, and is ended all the same.
    (directory / "made").unlink()
    t.start("b", "./forks 400 > made", *where, cwd=project)
    made = t.wait_until(lambda: (directory / "made").exists() and (directory / "made").read_text(), "it counted", deadline=60)
    assert int(made.split()[1]) == 400, made
    t.cloche("stop", "--kill", "b", cwd=project)
    t.wait_until(lambda: not t.processes(), "nothing of it is left", deadline=3)


def test_memory_file_systems_have_limits_of_bytes_and_of_files(t):
    """Rows 54 and 55 as far as they go without cgroups and quotas: each file system in memory."""
    code = """
answer = {}
for place in ("/tmp", "/run", "/dev/shm"):
    made = 0
    try:
        for made in range(600):
            open(f"{place}/f{made}", "w").close()
    except OSError as error:
        answer[place] = [made, errno.errorcode[error.errno]]
    for number in range(made):
        os.unlink(f"{place}/f{number}")
    try:
        with open(place + "/big", "wb", 0) as file:
            for _ in range(32): file.write(bytes(1 << 20))
        answer[place] = answer.get(place, []) + ["all"]
    except OSError as error:
        answer[place] = answer.get(place, []) + [errno.errorcode[error.errno]]
"""
    limits = ("--set", "filesystem.tmp-inodes=300", "--set", "filesystem.tmp-size=8MiB")
    answer = test_isolation.probe(t, code, *limits)
    writable = {place: result for place, result in answer.items() if result[0] != 0}
    assert {"/tmp", "/dev/shm"} <= set(writable), answer
    for result in writable.values():
        assert result[0] < 300 and result[1:] == ["ENOSPC", "ENOSPC"], answer
    answer = test_isolation.probe(t, code)
    assert answer["/tmp"] == ["all"] and answer["/dev/shm"] == ["all"], answer


def memory(pid):
    """Resident memory, in MiB."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


# What an agent can pour into its terminal: text, one endless control sequence, and questions that a terminal answers.
FLOODS = {
    "text": "b'x' * 79 + b'\\n'",
    "unfinished": "b'x' * 79",
    "questions": "b'\\x1b[c\\x1b[6n\\x1b[5n\\x1b]11;?\\x07'",
}
POUR = """
import os, sys
part = (%s) * 2048
sys.stdout.flush()
os.write(1, %s)
total = 0
while total < %d:
    total += os.write(1, part)
open("done", "w").close()
"""


@case.timeout(240)
def test_floods_do_not_fill_the_supervisor_or_the_disk(t):
    """Rows 56 and 57: nobody reads, or a viewer that has stopped reading. The supervisor's memory and the log stay
    bounded; it goes on answering, and ends the agent at once."""
    project = t.repository()
    for name, part in FLOODS.items():
        directory = t.dir / f"flood-{name}"
        directory.mkdir()
        begin = "b'\\x1b]0;'" if name == "unfinished" else "b''"
        size = (4 if name == "questions" else 24) << 20
        (directory / "pour.py").write_text(POUR % (part, begin, size))
        where = ("--workspace", f"dir:{directory}", "--set", "limits.log-size=1MiB")
        t.start(name, "stty raw -echo; python3 pour.py; sleep 1000", *where, cwd=project)
        (supervisor,) = t.supervisors()
        before = memory(supervisor)
        viewer = t.terminal("attach", name, cwd=project)
        most = before
        while not (directory / "done").exists():
            most = max(most, memory(supervisor))
            began = time.monotonic()
            assert t.agents(project)[name]["state"] == "running"
            assert time.monotonic() - began < 5, "it still answers"
        most = max(most, memory(supervisor))
        state = pathlib.Path(t.cloche("path", name, "state", cwd=project).out.strip())
        log = sum(path.stat().st_size for path in state.glob("session.cast*"))
        print(f"# {name}: {size >> 20} MiB, supervisor {before:.1f} to {most:.1f} MiB, log {log} bytes")
        assert most - before < 16, (name, before, most)
        assert log <= (1 << 20) + 65536, (name, log)
        began = time.monotonic()
        t.cloche("stop", "--kill", name, cwd=project)
        assert time.monotonic() - began < 5
        viewer.close()
    # The control: a larger limit keeps more, so that it is the limit that counts.
    directory = t.dir / "flood-text"
    (directory / "done").unlink()
    t.start("more", "python3 pour.py", "--workspace", f"dir:{directory}", "--set", "limits.log-size=8MiB", cwd=project)
    t.wait_ended("more", project)
    state = pathlib.Path(t.cloche("path", "more", "state", cwd=project).out.strip())
    assert sum(path.stat().st_size for path in state.glob("session.cast*")) > 2 << 20


def test_no_cgroup_can_be_reached(t):
    """Row 58: there is no cgroup file system inside, and clone3 with CLONE_INTO_CGROUP finds none behind any descriptor."""
    code = """
import struct
answer = {"mounts": [line for line in open("/proc/self/mountinfo") if " - cgroup" in line], "files": [], "clone3": []}
for base, directories, files in os.walk("/sys"):
    answer["files"] += [base + "/" + name for name in files if name in ("cgroup.procs", "tasks", "release_agent")]
for descriptor in range(0, 40):
    # flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup
    arguments = struct.pack("11Q", 0x200000000, 0, 0, 0, 17, 0, 0, 0, 0, 0, descriptor)
    result = call(435, ctypes.c_char_p(arguments), len(arguments))
    if result == "ok": os._exit(0)
    answer["clone3"].append(result)
answer["mine"] = open("/proc/self/cgroup").read()
"""
    answer = test_isolation.probe(t, code)
    assert not answer["mounts"] and not answer["files"], answer
    assert set(answer["clone3"]) <= {"ENOSYS", "EPERM", "EBADF", "EINVAL"}, answer
    assert all(line.rpartition(":")[2] in ("/", "") for line in answer["mine"].splitlines()), answer
    # The control: where the host's root shows, so do its cgroups.
    look = "ls /host/sys/fs/cgroup/cgroup.procs /host/sys/fs/cgroup/*/cgroup.procs 2>/dev/null"
    assert t.run_shell(look, check=None).out == ""
    outside = t.command("sh", "-c", look.replace("/host", ""), check=None).out.split()
    t.without("mounts", "landlock", "self-check")
    assert t.run_shell(look, check=None).out.replace("/host", "").split() == outside
    assert outside, "this host has no cgroups: the control shows nothing"


def quiet(path):
    """Whether nobody adds to a file any more."""
    size = path.stat().st_size
    time.sleep(0.1)
    return path.stat().st_size == size


def orphaned(t, project, directory, name):
    beat = directory / "beat"
    beat.unlink(missing_ok=True)
    t.start(name, "./orphans 60 beat; sleep 1000", "--workspace", f"dir:{directory}", cwd=project)
    t.wait_until(lambda: beat.exists() and beat.stat().st_size > 20, "the orphans live")
    return beat


def test_orphans_end_with_the_sandbox(t):
    """Row 60 (nono #1401): processes that left their parent and session, ignore all signals, and change their number all
    the time. After a stop, after SIGKILL of the supervisor, and after SIGKILL of init, none is left within a second."""
    project = t.repository()
    directory = victims.place(t, "orphans")
    for way in ("stop", "supervisor", "init"):
        beat = orphaned(t, project, directory, way)
        (supervisor,) = t.supervisors()
        (init,) = [int(pid) for pid in pathlib.Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()]
        if way == "stop":
            t.cloche("stop", "--grace", "0", way, cwd=project)
        else:
            os.kill(supervisor if way == "supervisor" else init, signal.SIGKILL)
        t.wait_until(lambda: not t.processes(), f"no process is left after the end by {way}", deadline=1)
        assert quiet(beat) and t.agents(project)[way]["state"] not in case.LIVING
    t.without("pid-namespace", "landlock", "self-check")
    beat.unlink()
    words = ("run", "--profile", "shell", "--workspace", f"dir:{directory}", "--", "sh", "-c", "./orphans 4 beat; sleep 1000")
    process = t.spawn(*words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    t.wait_until(lambda: beat.exists() and beat.stat().st_size > 20, "the orphans live")
    process.kill()
    process.wait(10)
    assert not quiet(beat), "without a pid namespace they stay"

    def none_left():
        for pid in t.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        return not t.processes()

    t.wait_until(none_left, "they are ended by hand", deadline=20)


def test_sockets_in_binds_are_refused(t):
    """Row 45: a directory with a container engine's socket was granted, even read-only, and the agent was whatever the
    engine is. The control: with `sockets: true` it does connect."""
    place = t.dir / "granted/run"
    place.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place / "engine.sock"))
        listener.listen()
        script = "import socket; socket.socket(socket.AF_UNIX).connect('/opt/granted/run/engine.sock'); print('connected')"
        for source, target in ((place.parent, "/opt/granted"), (place / "engine.sock", "/opt/granted/run/engine.sock")):
            text = "extends: shell\nfilesystem:\n  binds+:\n    - {source: %s, target: %s%s}\n"
            t.profile("granting", text % (source, target, ""))
            words = ("run", "--profile", "granting", "--workspace", "none", "--", "/usr/bin/python3", "-c", script)
            refused = t.cloche(*words, check=125)
            assert "engine.sock is a socket" in refused.err and "sockets: true" in refused.err, refused
            t.profile("granting", text % (source, target, ", sockets: true"))
            assert t.cloche(*words).out == "connected\n"
