"""Each protection by itself, in the build that leaves protections out (`t.without`): the self-check refuses a start
without it, by name; without the self-check a canary fires that it alone guards; and where two guard the same thing (row
23: holes were in the seam between two right layers), each does so without the other.

A canary is named by what an attack would do. `attempt_all` tries all of them in one sandbox; what came through is told by
the host: by files, processes and sockets of its own."""

import ctypes
import json
import os
import pathlib
import signal
import socket
import subprocess

import canaries
from test_isolation import PROBE, Sleeper, status

# What the self-check says of a sandbox in which the layer is missing.
NAMED = {
    "seccomp": "seccomp: planned mode 2, found mode 0",
    "landlock": "landlock: planned",
    "mounts": "mount /host: planned nothing",
    "pid-namespace": "pid-namespace: planned its own, found the host's",
    "net-namespace": "net-namespace: planned its own, found the host's",
    "ipc-namespace": "ipc-namespace: planned its own, found the host's",
    "capabilities": "capabilities: planned none",
    "no-nested-namespaces": "namespaces",
    "read-only": "mount /: planned tmpfs,ro",
    "masks": "mount /proc/",
    "dumpable": "init: planned not dumpable",
    "descriptors": "descriptors of init",
}

# Which layers guard what: a canary fires when all of them are off, and not before.
GUARDS = {
    "makes a file with file capabilities or set-id bits": ["seccomp"],
    "makes an io_uring": ["seccomp"],
    "sees names of the host's files": ["mounts"],
    "reads a file of the host": ["mounts", "landlock"],
    "writes a file of the host": ["mounts", "landlock"],
    "writes a file that is granted for reading": ["read-only", "landlock"],
    "climbs out by a descriptor": ["descriptors", "landlock"],
    "sees what a process of the host was started with": ["pid-namespace"],
    "ends a process of the host": ["pid-namespace", "landlock"],
    "connects to a port of the host": ["net-namespace"],
    "connects to an abstract socket of the host": ["net-namespace", "landlock"],
    "reads shared memory of the host": ["ipc-namespace"],
    "takes the network down": ["capabilities"],
    "mounts with the rights it has": ["capabilities", "seccomp", "landlock"],
    "mounts in a user namespace of its own": ["seccomp", "no-nested-namespaces", "landlock"],
    "reads init's memory": ["dumpable"],
    "reads addresses of the kernel": ["masks"],
    "executes Cloche itself": ["landlock"],
}

ATTEMPTS = """
import socket, struct, fcntl
place = json.loads(os.environ["PLACE"])
answer = {}
def note(name, function):
    try: answer[name] = function()
    except OSError as error: answer[name] = errno.errorcode[error.errno]
def first(paths, function):
    for path in paths:
        try: return function(path)
        except OSError as error: last = error
    raise last
roots = ["", "/host", "/proc/1/root", "/proc/%d/root" % place["victim"], "/proc/%d/cwd/../../../../../../.." % place["victim"]]
def everywhere(path): return [root + path for root in roots]
def privileged():
    open("/workspace/made", "w").close()
    return [call(90, ctypes.c_char_p(b"/workspace/made"), 0o6755), attempt(os.setxattr, "/workspace/made", "security.capability", bytes(20))][0]
note("makes a file with file capabilities or set-id bits", privileged)
note("makes an io_uring", lambda: call(425, 4, ctypes.create_string_buffer(120)))
note("sees names of the host's files", lambda: first(everywhere(place["canary"]), os.listdir))
note("reads a file of the host", lambda: first(everywhere(place["canary"] + "/secret"), lambda path: open(path).read()))
note("writes a file of the host", lambda: first(everywhere(place["canary"] + "/written"), lambda path: open(path, "w").write("x")))
note("writes a file that is granted for reading", lambda: open("/granted/file", "w").write("x"))
def climb():
    for fd in range(3, 64):
        for up in range(32):
            try: return open(os.open("../" * up + place["canary"][1:] + "/secret", os.O_RDONLY, dir_fd=fd)).read()
            except OSError: pass
note("climbs out by a descriptor", climb)
note("sees what a process of the host was started with", lambda: first(everywhere("/proc/%d/cmdline" % place["victim"]), lambda path: open(path).read()))
note("ends a process of the host", lambda: os.kill(place["victim"], 9))
note("connects to a port of the host", lambda: socket.create_connection(("127.0.0.1", place["port"]), 3).close())
note("connects to an abstract socket of the host", lambda: socket.socket(socket.AF_UNIX).connect("\\0" + place["abstract"]))
def shared_memory():
    libc.shmat.restype = ctypes.c_void_p
    segment = libc.shmget(place["key"], 16, 0)
    if segment < 0: raise OSError(ctypes.get_errno(), "shmget")
    return ctypes.string_at(libc.shmat(segment, None, 0o10000), 13).decode()
note("reads shared memory of the host", shared_memory)
def take_down():
    control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    fcntl.ioctl(control, 0x8914, struct.pack("16sH14x", b"lo", 0))
    return socket.if_nameindex()
def mount():
    os.makedirs("/tmp/point", exist_ok=True)
    if libc.mount(b"none", b"/tmp/point", b"tmpfs", 0, None) < 0: raise OSError(ctypes.get_errno(), "mount")
    return open("/proc/self/mountinfo").read().count(" /tmp/point ")
def in_namespace():
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            if libc.unshare(0x10020000) < 0: raise OSError(ctypes.get_errno(), "unshare")
            os.write(writer, str(mount()).encode())
        except OSError as error: os.write(writer, errno.errorcode[error.errno].encode())
        os._exit(0)
    os.waitpid(pid, 0)
    return os.read(reader, 64).decode()
note("mounts in a user namespace of its own", in_namespace)
note("mounts with the rights it has", mount)
note("reads init's memory", lambda: os.pread(os.open("/proc/1/mem", os.O_RDONLY), 1, int(open("/proc/1/maps").read().split("-")[0], 16)).hex())
note("reads addresses of the kernel", lambda: len(open("/proc/kallsyms").read(200)))
# This starts from init: its own executable is Cloche.
note("takes the network down", take_down)
print(json.dumps(answer))
"""


class Host:
    """Everything of the host that an attempt may reach, and what it tells afterwards."""

    def __init__(self, t):
        self.t = t
        self.canary, self.granted, self.ground = t.dir / "canary", t.dir / "granted", t.dir / "ground"
        for place in (self.canary, self.granted, self.ground):
            place.mkdir()
        t.dir.chmod(0o755)
        # What stands in the way is not the rights of the files.
        self.canary.chmod(0o777)
        (self.canary / "secret").write_text("canary-secret")
        (self.granted / "file").write_text("granted")
        (self.granted / "file").chmod(0o666)
        (self.ground / "script").write_text("#!/proc/self/exe\n")
        (self.ground / "script").chmod(0o755)
        self.user = self.agents_user()
        self.port = canaries.Listener(socket.AF_INET, ("127.0.0.1", 0))
        self.abstract = canaries.Listener(socket.AF_UNIX, "\0" + t.dir.name)
        self.key = 0x10000000 | os.getpid()
        libc = ctypes.CDLL(None, use_errno=True)
        libc.shmat.restype = ctypes.c_void_p
        self.segment = libc.shmget(self.key, 16, 0o1666)
        assert self.segment >= 0
        at = libc.shmat(self.segment, None, 0)
        ctypes.memmove(at, b"canary-memory", 13)
        self.libc = libc

    def agents_user(self):
        """The uid on the host of a sandbox on this ground."""
        sleeper = Sleeper(self.t, "--workspace", f"dir:{self.ground}")
        user = int(status(sleeper.pids[-1])["Uid"].split()[0])
        sleeper.end()
        return user

    def attempt_all(self):
        """What came through, as a set of names."""
        t = self.t
        demote = (lambda: os.setresuid(self.user, self.user, self.user)) if os.getuid() == 0 else None
        victim = subprocess.Popen(["/bin/sleep", "1234"], preexec_fn=demote, stdin=subprocess.DEVNULL, cwd="/")
        place = {
            "victim": victim.pid, "canary": str(self.canary), "port": self.port.address[1], "abstract": t.dir.name, "key": self.key,
        }  # fmt: skip
        held = os.open(self.canary, os.O_RDONLY)
        words = [t.program, "run", "--profile", "shell", "--workspace", f"dir:{self.ground}", "-e", f"PLACE={json.dumps(place)}",
                 "--set", f"filesystem.binds=[{{source: {self.granted}, target: /granted}}]", "--"]  # fmt: skip
        many = [os.dup(held) for _ in range(8)]
        run = lambda *command: subprocess.run(  # noqa: E731
            [*words, *command], env=t.env, cwd=t.dir, capture_output=True, text=True, pass_fds=many, stdin=subprocess.DEVNULL, timeout=60
        )
        result = run("python3", "-c", PROBE + ATTEMPTS)
        # By the shell's exec the interpreter of the script would be the shell: it is init that executes this.
        script = run("/workspace/script")
        for descriptor in [held, *many]:
            os.close(descriptor)
        assert result.returncode == 0, result
        said = json.loads(result.stdout)
        fired = {
            "makes a file with file capabilities or set-id bits": bool(canaries.privileged_files(self.ground)),
            "makes an io_uring": said["makes an io_uring"] == "ok",
            "sees names of the host's files": isinstance(said["sees names of the host's files"], list),
            "reads a file of the host": said["reads a file of the host"] == "canary-secret",
            "writes a file of the host": (self.canary / "written").exists(),
            "writes a file that is granted for reading": (self.granted / "file").read_text() != "granted",
            "climbs out by a descriptor": said["climbs out by a descriptor"] == "canary-secret",
            "sees what a process of the host was started with": "1234" in str(said["sees what a process of the host was started with"]),
            "ends a process of the host": victim.poll() is not None,
            "connects to a port of the host": self.port.connections() > 0,
            "connects to an abstract socket of the host": self.abstract.connections() > 0,
            "reads shared memory of the host": said["reads shared memory of the host"] == "canary-memory",
            "takes the network down": isinstance(said["takes the network down"], list),
            "mounts with the rights it has": said["mounts with the rights it has"] == 1,
            "mounts in a user namespace of its own": said["mounts in a user namespace of its own"] == "1",
            "reads init's memory": len(said["reads init's memory"]) == 2,
            "reads addresses of the kernel": isinstance(said["reads addresses of the kernel"], int) and said["reads addresses of the kernel"] > 0,
            "executes Cloche itself": "cloche" in script.stdout + script.stderr and script.returncode not in (125, 126, 127),
        }
        victim.kill()
        victim.wait()
        (self.canary / "written").unlink(missing_ok=True)
        (self.granted / "file").write_text("granted")
        (self.ground / "made").unlink(missing_ok=True)
        assert set(fired) == set(GUARDS)
        self.said = said
        return {name for name, yes in fired.items() if yes}

    def close(self):
        self.libc.shmctl(self.segment, 0, None)
        self.port.close()
        self.abstract.close()


def test_nothing_comes_through_with_everything_on(t):
    """And the attempts that should be answered are: the canaries are in their places."""
    host = Host(t)
    assert host.attempt_all() == set(), host.said
    host.close()
    assert host.user not in (0,) and len(host.said) >= len(GUARDS) - 1


def test_a_start_without_a_layer_is_refused_by_name(t):
    """Done-when 4: each protection that is left out is found before anything is started."""
    for layer, words in NAMED.items():
        t.without(layer)
        result = t.cloche("run", "--profile", "shell", "--workspace", "none", "--", "touch", "/tmp/ran", check=None)
        assert result.code == 125 and result.out == "", (layer, result)
        assert "not what was planned" in result.err and words in result.err, (layer, result)
    # The control: the same build with nothing left out starts.
    t.without()
    t.cloche("run", "--profile", "shell", "--workspace", "none", "--", "true")


def test_each_layer_is_missed(t):
    """Done-when 4, with the self-check off as well: for each layer alone, the canaries fire that it alone guards, and
    those do not that another guards too. The second half is row 23."""
    host = Host(t)
    layers = sorted({layer for guards in GUARDS.values() for layer in guards})
    for layer in layers:
        t.without(layer, "self-check")
        wanted = {name for name, guards in GUARDS.items() if guards == [layer]}
        fired = host.attempt_all()
        assert fired == wanted, (layer, "fired but should not", fired - wanted, "did not fire", wanted - fired, host.said)
    for layer in ("seccomp", "landlock", "mounts", "pid-namespace", "net-namespace", "capabilities"):
        assert [name for name, guards in GUARDS.items() if guards == [layer]], f"nothing misses {layer}"
    host.close()


def test_each_pair_of_layers_holds_without_one(t):
    """Row 23, GHSA-gv7g-jm28-cr3m and alike: with all guards of a canary off but one, that one still holds; with all
    off the canary fires, so that it was the one that held."""
    host = Host(t)
    several = {tuple(guards) for guards in GUARDS.values() if len(guards) > 1}
    for guards in sorted(several):
        names = {name for name, layers in GUARDS.items() if tuple(layers) == guards}
        for kept in guards if len(guards) > 2 else ():
            off = [layer for layer in guards if layer != kept]
            t.without(*off, "self-check")
            fired = host.attempt_all()
            assert not names & fired, (kept, "alone does not hold", names & fired)
        t.without(*guards, "self-check")
        fired = host.attempt_all()
        assert names <= fired, (guards, "are off, and did not fire:", names - fired, host.said)
    host.close()
