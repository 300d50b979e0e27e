"""Rows 65 to 67 of the known escapes: what the kernel lacks, and the supervisor: its files, its socket, its streams."""

import errno
import json
import os
import pathlib
import socket
import struct
import subprocess

import case
import victims


# System calls without which a sandbox cannot be built, by number on x86-64, and the error an old or closed kernel gives.
NEEDED = {
    "clone3": (435, errno.EPERM),
    "mount_setattr": (442, errno.ENOSYS),
    "open_tree": (428, errno.ENOSYS),
    "move_mount": (429, errno.EPERM),
    "fsopen": (430, errno.ENOSYS),
    "openat2": (437, errno.ENOSYS),
    "pivot_root": (155, errno.EPERM),
    "umount2": (166, errno.EPERM),
    "sethostname": (170, errno.EPERM),
    "seccomp": (317, errno.EINVAL),
    "capset": (126, errno.EPERM),
    "setresuid": (117, errno.EPERM),
    "close_range": (436, errno.ENOSYS),
    "execveat": (322, errno.ENOSYS),
    "memfd_create": (319, errno.ENOSYS),
}


@case.timeout(240)
def test_what_the_kernel_lacks_stops_the_start(t):
    """Row 65 (fence): each call that a protection is made by fails in turn. Nothing is started, the error is a sentence
    that says what failed, and nothing is left."""
    project = t.repository()
    lacking = t.attack("lacking")
    for name, (number, answer) in NEEDED.items():
        for words in (("run", "--profile", "shell", "--", "sh", "-c", "touch /workspace/ran"), ("start", "a", "--profile", "shell", "touch ran; sleep 1000")):
            result = t.command(lacking, number, answer, t.program, *words, cwd=project, check=None)
            assert result.code == 125, (name, result)
            assert result.err.startswith("cloche: ") and os.strerror(answer) in result.err, (name, result)
            assert not (project / "ran").exists(), name
        assert t.agents(project) == {}, name
    # The control: with a call that nothing needs it starts.
    t.command(lacking, 500, errno.ENOSYS, t.program, "run", "--profile", "shell", "--", "true", cwd=project)


def confinement(t, project, name):
    """What `inspect` and the audit log of an agent say of Landlock."""
    shown = t.json("inspect", name, cwd=project)["mechanisms"]["landlock"]["state"]
    log = victims.control_socket(t, project, name).with_name("audit.jsonl").read_text().splitlines()
    started = [entry for entry in map(json.loads, log) if entry["event"] == "start"]
    return shown, started[-1]["confinement"]["landlock"]["state"]


def test_without_landlock_nothing_starts_unless_permitted(t):
    """Row 65: a kernel without it, and one where it is off. It is named; with the profile's permission the start goes on
    without it, and doctor, inspect and the audit log say so."""
    project = t.repository()
    lacking = t.attack("lacking")
    permit = ("--set", "confinement.permit=[landlock]")
    task = "touch ran; sleep 1000"
    for answer in (errno.ENOSYS, errno.EOPNOTSUPP):
        without = (lacking, 444, answer, t.program)
        for words in (("run", "--profile", "shell", "--", "touch", "ran"), ("start", "a", "--profile", "shell", task)):
            for options in ((), ("--set", "confinement.mode=strict", *permit)):
                result = t.command(*without, words[0], *options, *words[1:], cwd=project, check=125)
                assert "landlock" in result.err and not (project / "ran").exists(), result
        assert t.agents(project) == {}
        t.command(*without, "start", "a", *permit, "--profile", "shell", task, cwd=project)
        assert confinement(t, project, "a") == ("missing", "missing")
        line = next(line for line in t.command(*without, "doctor", check=None).out.splitlines() if " Landlock:" in line)
        assert not line.startswith("ok"), line
        t.cloche("delete", "--force", "a", cwd=project)
    # The control: with all that the kernel has.
    t.start("a", task, cwd=project)
    assert confinement(t, project, "a") == ("on", "on")


def test_doctor_says_what_is_missing_of_the_network(t):
    """A kernel without nf_tables, without IPv6, and one that gives neither addresses nor routes."""
    lacking = t.attack("lacking")

    def check(*first):
        found = json.loads(t.command(*first, t.program, "doctor", "--json", check=None).out)
        return next(one for one in found if one["id"] == "network-by-name")

    whole = check()
    assert whole["status"] == "ok" and not whole["remedy"], whole
    # socket(2) with NETLINK_NETFILTER, AF_INET6, AF_NETLINK
    for call, answer, status, words, remedy in (
        ("41:2:12", errno.EPROTONOSUPPORT, "degraded", "no packet filter", "modprobe -a nf_tables"),
        ("41:0:10", errno.EAFNOSUPPORT, "degraded", "no IPv6", "AF_INET6"),
        ("41:0:16", errno.EAFNOSUPPORT, "missing", "loopback", "AF_NETLINK"),
    ):
        found = check(lacking, call, answer)
        assert found["status"] == status and words in found["detail"], found
        assert os.strerror(answer) in found["detail"] and remedy in found["remedy"], found


def test_state_files_are_the_users_alone(t):
    """Row 66 (CVE-2026-46406): everything that Cloche writes, with a umask that hides nothing, while an agent runs and
    after it."""
    project = t.repository()
    mask = os.umask(0)
    try:
        t.start("a", "printf canary; touch up; sleep 1000", cwd=project)
        t.wait_until(lambda: (t.workspace("a", project) / "up").exists(), "the task is up")
        t.cloche("exec", "a", "--", "true", cwd=project)
        t.cloche("sync", "a", cwd=project)
        assert not exposed(t), exposed(t)
        t.cloche("stop", "a", cwd=project)
        assert not exposed(t), exposed(t)
    finally:
        os.umask(mask)
    files = [path for path in files_of_cloche(t) if path.is_file()]
    assert len(files) >= 8, files
    if os.getuid() != 0:
        return
    # Root can be somebody else: with the way to Cloche's own directories open, they are closed.
    for directory in (t.dir, t.state, t.config, t.run, t.dir / "cache"):
        directory.chmod(0o755)
    control = t.dir / "control"
    control.write_text("canary")
    control.chmod(0o644)
    assert t.command(*victims.as_nobody("cat", control)).out == "canary"
    for path in files:
        refused = t.command(*victims.as_nobody("cat", path), check=None)
        assert refused.code != 0 and "Permission denied" in refused.err, refused


def files_of_cloche(t):
    """Cloche's own files: not those of an agent, which lie in a directory that is closed itself."""
    agents = {"workspace", "home", "layers", "var", "private"}
    found = []
    for base in (t.state / "cloche", t.run, t.dir / "cache/cloche"):
        for folder, directories, names in os.walk(base):
            directories[:] = [name for name in directories if name not in agents and not name.startswith("etc-")]
            found += [pathlib.Path(folder), *(pathlib.Path(folder) / name for name in names)]
    return found


def exposed(t):
    # What the sandbox mounts over git's own files says nothing; their directory is closed all the same.
    said = {"pointer", "no-alternates"}
    return [str(path) for path in files_of_cloche(t) if path.name not in said and path.lstat().st_mode & 0o077]


def sockets_of(pids):
    """(table, local address) of every socket of these processes in the tables of the kernel's network."""
    inodes = set()
    for pid in pids:
        for link in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            try:
                name = os.readlink(link)
            except OSError:
                continue
            if name.startswith("socket:["):
                inodes.add(name[8:-1])
    found = []
    for table in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6", "packet", "netlink"):
        path = pathlib.Path(f"/proc/{pids[0]}/net/{table}")
        for line in path.read_text().splitlines()[1:] if path.exists() else []:
            if inodes & set(line.split()):
                found.append((table, line.split()[1]))
    return found


def ask(path, message):
    """What the socket of a supervisor answers to a message; empty when it closes the connection."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer:
        peer.settimeout(5)
        here = os.open(path.parent, os.O_PATH)
        try:
            peer.connect(f"/proc/self/fd/{here}/{path.name}")
            peer.send(message)
            return peer.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            return b""
        finally:
            os.close(here)


STRANGER = """
import socket, sys
peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
peer.settimeout(5)
try:
    peer.connect(sys.argv[1])
    print("connected")
    peer.send(bytes.fromhex(sys.argv[2]))
    print("answer", peer.recv(65536)[:1])
except OSError as error:
    print(error)
"""


def test_the_supervisor_listens_to_its_user_alone(t):
    """Row 67 (OpenCode CVE-2026-22812): there is no port. The socket is in a directory of the user's, and should that be
    open, a second user is not answered: neither to a question nor to an order."""
    project = t.repository()
    t.start("a", "sleep 1000", cwd=project)
    (supervisor,) = t.supervisors()
    family = [supervisor, *victims.descendants(supervisor)]
    assert sockets_of(family[:1]) == []
    with socket.create_server(("127.0.0.1", 0)):
        assert [table for table, _ in sockets_of([os.getpid()])] == ["tcp"], "the control: a listener is found"
    place = victims.control_socket(t, project, "a")
    assert place.parent.stat().st_mode & 0o777 == 0o700 and place.is_socket()
    # The owner is answered, and sends nonsense without harm.
    assert ask(place, b"S")[:1] == b"s"
    for nonsense in (b"", b"Z", b"X{", b"A", b"K\xff", b"T\0", b"X" + b"[" * 50000, os.urandom(60000)):
        ask_quietly(place, nonsense)
    assert ask(place, b"S")[:1] == b"s" and t.agents(project)["a"]["state"] == "running"
    if os.getuid() != 0:
        return
    victims.loosen(place, t.dir)
    script = t.dir / "stranger.py"
    script.write_text(STRANGER)
    stop = b"T" + struct.pack("<i", 0)
    for message in (b"S", stop, b"A" + struct.pack("<HHB", 80, 24, 0)):
        words = victims.as_nobody("/usr/bin/python3", script, place, message.hex())
        answer = t.command(*words, cwd="/").out
        assert "connected" in answer and "answer b's'" not in answer and "answer b'o'" not in answer, answer
    assert t.agents(project)["a"]["state"] == "running", "the order of a stranger was carried out"
    # The control: the same program, as the user.
    assert "answer b's'" in t.command("/usr/bin/python3", script, place, b"S".hex(), cwd="/").out


def ask_quietly(place, message):
    try:
        ask(place, message)
    except (TimeoutError, OSError):
        pass


def test_the_supervisors_socket_is_not_inside(t):
    """The next row of 67: an agent that spoke to a supervisor, its own or another's, could start programs as it likes and
    end others. No path leads to one."""
    project = t.repository()
    directory = victims.place(t)
    t.start("victim", "sleep 1000", cwd=project)
    place = victims.control_socket(t, project, "victim")
    (directory / "stranger.py").write_text(STRANGER)
    look = "find / -path /usr -prune -o -type s -print 2>/dev/null; python3 stranger.py %s 53" % place
    result = victims.run(t, directory, "sh", "-c", look)
    assert "connected" not in result.out and "control.sock" not in result.out, result
    assert "No such file" in result.out, result
    victims.loosen(place, t.dir)
    t.without("mounts", "landlock", "self-check")
    result = victims.run(t, directory, "sh", "-c", look.replace(str(t.dir), f"/host{t.dir}", 1))
    assert "connected" in result.out, result
    # Root's agents have another uid: that layer still holds.
    assert ("answer b's'" in result.out) == (os.getuid() != 0), result


def test_a_pipe_of_the_callers_cannot_be_opened_anew(t):
    """The next row of 39: a shell that reads its script from a pipe runs what is written into that pipe, and whoever has
    the end to read from could open the other one through /proc/self/fd. The same for what others write to the output."""
    program = f"{t.program} run --profile shell --workspace none --"
    attack = "exec 3>/proc/self/fd/0 && echo touch fired >&3; head -c 6 </proc/self/fd/1 >&2"
    (t.dir / "attack.sh").write_text(attack + "\n")

    def host(command):
        """A shell of the host's whose script comes through a pipe that the command inherits."""
        script = f"{command}\n"
        answer = subprocess.run(
            ["sh", "-c", "(echo canary; exec sh) | { sleep 0.5; cat; }"],
            input=script.encode(), capture_output=True, cwd=t.dir, env=t.env, timeout=30,
        )
        fired = (t.dir / "fired").exists()
        (t.dir / "fired").unlink(missing_ok=True)
        return fired, b"canary" in answer.stderr

    assert host(f"{program} timeout 2 sh -c '{attack}'") == (False, False)
    # The control: the same without a sandbox. Root's agents have another uid, and could not either way.
    assert host(f"timeout 2 sh -c '{attack}'") == (True, True)
    assert "canary" in t.command("sh", "-c", f"echo canary | {program} cat").out
