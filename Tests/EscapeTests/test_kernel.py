"""Rows 24 to 35 of the list of known escapes: parts of the kernel that had holes. The attacks have real arguments, and
the answer must be the filter's: that a kernel lacks a part proves nothing. Numbers are rows of docs/security-tests.md."""

import array
import ctypes
import errno
import json
import os
import socket
import subprocess
import threading

import canaries
from test_isolation import PROBE, outside, probe


def mount_answers(t, place):
    """{(way, call): answer} of attacks/mounts.c."""
    result = canaries.run_in(t, place, "./mounts", check=0)
    lines = [line.split() for line in result.out.splitlines()]
    assert len(lines) > 24, result
    return {(way, call): answer for way, call, answer in lines}


def test_no_mount_and_no_namespace_to_mount_in(t):
    """Rows 21, 24, 25 and 26; CVE-2021-41133 (the new mount calls were forgotten), CVE-2022-0492 (a cgroup v1 mount in a
    new user namespace, and its release_agent), CVE-2022-0185 (fsconfig), CVE-2021-3493, CVE-2023-0386 (overlays)."""
    place = canaries.ground(t, "mounts")
    answers = mount_answers(t, place)
    assert set(answers.values()) <= {"EPERM", "ENOSYS"}, {key: value for key, value in answers.items() if value not in ("EPERM", "ENOSYS")}
    assert {way for way, call in answers} == {"direct", "unshare", "unshare-user-first", "clone3", "clone"}
    t.without("seccomp", "landlock", "no-nested-namespaces", "self-check")
    control = mount_answers(t, place)
    # With the rights of a user namespace of its own each family does succeed.
    for call in ("mount-tmpfs", "mount-bind", "mount-overlay", "mount-cgroup2", "fsopen-to-move_mount", "open_tree", "chroot"):
        assert control[("unshare", call)] == "ok", (call, control)
    assert control[("clone3", "namespaces")] == control[("clone", "namespaces")] == "ok", control


# Children make user namespaces and hold them, then one inside the other; the kernel frees a namespace some time after
# its last process has ended, so that none of the two ways may rely on another's being gone.
SIDE_BY_SIDE = """
import signal
answer = []
for number in range(4):
    read, write = os.pipe()
    if os.fork() == 0:
        os.write(write, call(272, 0x10000000).encode())
        signal.pause()
    answer.append(os.read(read, 100).decode())
"""
ONE_IN_ANOTHER = """
answer = []
user, group = os.getuid(), os.getgid()
for number in range(4):
    answer.append(call(272, 0x10000000))
    if answer[-1] == "ok":
        for name, line in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w") as file: file.write(line)
"""


def test_nested_namespaces_are_counted(t):
    """`confinement.nested-namespaces`, for programs with a sandbox of their own: as many user namespaces as it says, side
    by side or one in another. It takes the group of system calls, too, and either alone changes nothing."""
    count = ("--set", "confinement.nested-namespaces=2")
    group = ("--set", "syscalls.groups+=[nested-namespaces]")
    fence = ("--set", "confinement.landlock=off")
    for code in (SIDE_BY_SIDE, ONE_IN_ANOTHER):
        assert probe(t, code, *count, *group, *fence) == ["ok", "ok", "ENOSPC", "ENOSPC"]
        assert probe(t, code, *count, *fence) == ["EPERM"] * 4
        assert probe(t, code, *group, *fence) == ["ENOSPC"] * 4
        assert probe(t, code) == ["EPERM"] * 4
    # Real programs. The mounts that hide parts of /proc let nobody mount another one: bwrap has to bind it.
    t.run_shell("test $(unshare -Ur id -u) = 0", *count, *group, *fence)
    shared = "bwrap --unshare-all --ro-bind / / --dev /dev"
    assert t.run_shell(f"{shared} echo inside", *count, *group, *fence).out == "inside\n"
    result = t.run_shell(f"{shared} --proc /proc true", *count, *group, *fence, check=1)
    assert "Can't mount proc" in result.err, result
    # Landlock forbids every mount below it.
    result = t.run_shell(f"{shared} true", *count, *group, check=1)
    assert "Failed to make / slave: Operation not permitted" in result.err, result
    # The count is this layer's: without the layer there are as many as one asks for.
    t.without("no-nested-namespaces", "self-check")
    assert probe(t, SIDE_BY_SIDE, *group, *fence) == ["ok"] * 4


SET_ATTRIBUTE = """
open("file", "w").close(); os.chmod("file", 0o755); os.makedirs("/opt/d", exist_ok=True); open("/opt/d/file", "w").close()
capability = bytes.fromhex("0100000200004000000000000000000000000000")
found = []
def sets(path):
    result = attempt(os.setxattr, path, "security.capability", capability)
    found.append(result)
def bits(path):
    for mode in (0o4755, 0o2755, 0o6777):
        found.append(attempt(os.chmod, path, mode))
        found.append(call(452, -100, ctypes.c_char_p(path.encode()), mode, 0))
        found.append(call(91, os.open(path, os.O_RDONLY), mode))
    found.append(attempt(os.open, path + "-new", os.O_CREAT | os.O_WRONLY, 0o6755))
    found.append(attempt(os.mknod, path + "-node", 0o100000 | 0o6755))
for path in ("file", "/opt/d/file", os.path.expanduser("~/file"), "/var/lib/file"):
    open(path, "a").close(); sets(path); bits(path)
def outer():
    pid = os.fork()
    if pid == 0:
        if libc.unshare(0x10000000) == 0:
            try:
                open("/proc/self/setgroups", "w").write("deny")
                open("/proc/self/uid_map", "w").write("0 %d 1" % user); open("/proc/self/gid_map", "w").write("0 %d 1" % group)
            except OSError: pass
            for path in ("file", "/opt/d/file"): sets(path)
            os._exit(sum(result == "ok" for result in found[-2:]))
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
user, group = os.getuid(), os.getgid()
answer = [found, outer()]
"""


def test_no_file_with_rights_of_its_own_comes_out(t):
    """Row 26, CVE-2023-0386: a set-id or capable file in an upper layer came to the host. None can be made, in the
    workspace, a layer, the home or /var, by any of the calls; nor in a namespace where the caller has the right to."""
    project = t.repository()

    def attack(name):
        t.start(name, "until [ -e attack.py ]; do sleep 0.01; done; python3 attack.py > answer 2>&1", cwd=project)
        workspace = t.workspace(name, project)
        (workspace / "attack.part").write_text(PROBE + SET_ATTRIBUTE + "\nprint(json.dumps(answer))")
        os.rename(workspace / "attack.part", workspace / "attack.py")
        t.wait_ended(name, project)
        return json.loads((workspace / "answer").read_text())

    results, nested = attack("a")
    assert "ok" not in results and nested == 0 and len(results) > 40, results
    assert canaries.privileged_files(t.state) == []
    t.without("seccomp", "landlock", "no-nested-namespaces", "self-check")
    results, nested = attack("b")
    assert "ok" in results, results
    assert canaries.privileged_files(t.state), "the control: without the filter such files come out"


def test_socket_families_and_protocols_that_had_holes(t):
    """Rows 27, 29, 30 and 31; nf_tables (CVE-2024-1086, CVE-2023-32233), AF_ALG (CVE-2026-31431), XFRM, AF_KEY and
    AF_RXRPC (CVE-2026-43284, CVE-2026-46300, CVE-2026-31635), and the rest of that kind. A type that no socket has tells
    filter and kernel apart even where the kernel lacks the family: the kernel looks at the type first."""
    families = {"ALG": 38, "KEY": 15, "RXRPC": 33, "PACKET": 17, "VSOCK": 40, "TIPC": 30, "BLUETOOTH": 31, "CAN": 29, "NFC": 39, "XDP": 44, "SMC": 43,
                "QIPCRTR": 42, "KCM": 41, "RDS": 21, "PPPOX": 24, "AX25": 3, "NETROM": 6, "ROSE": 11, "X25": 9, "LLC": 26, "IEEE802154": 36, "MCTP": 45}  # fmt: skip
    code = f"""
wanted = {sorted(families.items())!r}
answer = {{name: [call(41, family, kind, 0) for kind in (1, 2, 3, 5, 15)] for name, family in wanted}}
answer["NETLINK"] = [call(41, 16, 3, protocol) for protocol in (2, 4, 5, 6, 7, 9, 10, 11, 12, 15, 16, 18, 20, 21, 22)]
answer["NETLINK with other bits"] = [call(41, 16 | 1 << 32, 3, 12), call(41, 16, 3 | 1 << 32, 12), call(41, 16, 3, 12 | 1 << 32)]
"""
    answers = probe(t, code)
    assert {result for results in answers.values() for result in results} == {"EAFNOSUPPORT"}, answers
    # What programs need.
    assert probe(t, "answer = [call(41, 16, 3, 0), call(41, 1, 1, 0), call(41, 2, 1, 0), call(41, 10, 2, 0)]") == ["ok"] * 4
    t.without("seccomp", "landlock", "self-check")
    control = probe(t, code)
    assert all("EINVAL" in control[name] for name in families), control
    assert "ok" in control["NETLINK"], control


def test_a_read_only_file_keeps_its_bytes(t):
    """Row 28, CVE-2022-0847: by a pipe, bytes of a file that was only readable were replaced in the page cache. The
    attack on a read-only bind, a credential and a file of /usr changes nothing."""
    place = canaries.ground(t, "splice")
    source = t.dir / "source"
    source.mkdir()
    (source / "file").write_text("original bytes\n")
    bind = f"filesystem.binds=[{{source: {source}, target: /opt/granted, mode: %s}}]"
    system = canaries.digest("/usr/bin/env")
    for path in ("/opt/granted/file", "/usr/bin/env"):
        result = canaries.run_in(t, place, "./splice", path, "REPLACED", options=("--set", bind % "ro"), check=0)
        assert "open 1\nsplice 1\nwrite 8\n" in result.out, f"the attack was not made: {result}"
    assert (source / "file").read_text() == "original bytes\n" and canaries.digest("/usr/bin/env") == system
    write = ("sh", "-c", "echo REPLACED > /opt/granted/file")
    assert canaries.run_in(t, place, *write, options=("--set", bind % "ro")).code != 0
    assert (source / "file").read_text() == "original bytes\n"
    # The control: what the profile lets it write, it writes.
    canaries.run_in(t, place, *write, options=("--set", bind % "rw"), check=0)
    assert (source / "file").read_text() == "REPLACED\n"


KEYRING = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(*words):
    return libc.syscall(*(ctypes.c_long(w) if isinstance(w, int) else w for w in words))
assert call(250, 1, None) >= 0
key = call(248, b"user", b"cloche-canary", b"canary-secret", 13, -3)
assert key > 0
# To be read by whoever possesses the keyring it is in: every process of the session.
os.execv(sys.argv[1], [word.replace("KEY", str(key)) for word in sys.argv[1:]])
"""

READ_KEY = """
import ctypes, errno, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(*words):
    ctypes.set_errno(0)
    result = libc.syscall(*(ctypes.c_long(w) if isinstance(w, int) else w for w in words))
    return result if result >= 0 else errno.errorcode[ctypes.get_errno()]
buffer = ctypes.create_string_buffer(64)
key = int(sys.argv[1])
read = lambda key: (call(250, 11, key, buffer, 64), buffer.value.decode())
found = call(249, b"user", b"cloche-canary", None, 0)
print("read", *read(key))
print("found", found, *(read(found) if isinstance(found, int) else ()))
print("search", call(250, 10, -3, b"user", b"cloche-canary", 0))
print("add", call(248, b"user", b"cloche-other", b"x", 1, -3))
print("link", call(250, 8, key, -2))
print("keys", open("/proc/keys").read().count(chr(10)))
"""


def test_the_users_keys_are_out_of_reach(t):
    """Row 32, CVE-2026-46243 and others: request_key, add_key and keyctl. And the next of that family: a sandbox is
    started in the user's session and so inherits its keyring, in which logins leave tickets and disk keys."""

    def attack():
        words = ["/usr/bin/python3", "-c", KEYRING, t.program, "run", "--profile", "shell", "--workspace", "none"]
        return t.command(*words, "--", "python3", "-c", READ_KEY, "KEY", check=None)

    result = attack()
    assert result.code == 0 and "canary-secret" not in result.out, result
    lines = dict(line.split(" ", 1) for line in result.out.splitlines())
    assert lines == {"read": "EPERM ", "found": "EPERM", "search": "EPERM", "add": "EPERM", "link": "EPERM", "keys": "0"}, result
    # Outside, in the same session, the key is read: the canary is real.
    control = t.command("/usr/bin/python3", "-c", KEYRING, "/usr/bin/python3", "-c", READ_KEY, "KEY")
    assert "canary-secret" in control.out, control
    # Without the filter the calls are answered, but the sandbox has a session keyring of its own.
    t.without("seccomp", "landlock", "self-check")
    result = attack()
    assert "add EPERM" not in result.out and "canary-secret" not in result.out, result


def test_out_of_band_bytes_between_unix_sockets(t):
    """Row 33, CVE-2025-38236: MSG_OOB on AF_UNIX, which nothing needs and which had a use after free."""
    code = """
import socket
def sends(function):
    a, b = socket.socketpair()
    return attempt(lambda: function(a))
def many(sock):
    class Vector(ctypes.Structure): _fields_ = [("base", ctypes.c_char_p), ("length", ctypes.c_size_t)]
    class Header(ctypes.Structure):
        _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint32), ("vector", ctypes.POINTER(Vector)), ("count", ctypes.c_size_t),
                    ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t), ("flags", ctypes.c_int), ("sent", ctypes.c_uint)]
    vector = Vector(b"x", 1)
    header = Header(None, 0, ctypes.pointer(vector), 1, None, 0, 0, 0)
    if libc.sendmmsg(sock.fileno(), ctypes.byref(header), 1, 1) < 0:
        raise OSError(ctypes.get_errno(), "sendmmsg")
answer = [sends(lambda s: s.send(b"x", 1)), sends(lambda s: s.sendmsg([b"x"], [], 1)), sends(many), sends(lambda s: s.send(b"x", 1 | 0x4000))]
"""
    assert probe(t, code) == ["ENOTSUP"] * 4
    assert probe(t, code.replace("1 | 0x4000", "0x4000"))[3] == "ok"
    t.without("seccomp", "landlock", "self-check")
    control = probe(t, code)
    assert control == outside(t, code), control
    # A kernel that was built without it needs no filter for it.
    assert control == ["ok"] * 4 or set(control) == {"ENOTSUP"}, control


class RingGiver:
    """A process of the host's that makes an io_uring and gives it to whoever connects."""

    def __init__(self, path):
        libc = ctypes.CDLL(None, use_errno=True)
        self.ring = libc.syscall(425, 4, ctypes.create_string_buffer(120))
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen()
        path.chmod(0o777)
        # A kernel that does not let rings be sent (since 6.8) needs nobody else to refuse it.
        self.refused = None
        threading.Thread(target=self.give, daemon=True).start()

    def give(self):
        while True:
            try:
                peer = self.socket.accept()[0]
            except OSError:
                return
            try:
                peer.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [self.ring]))])
            except OSError as error:
                self.refused = error.errno
            peer.close()

    def end(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        os.close(self.ring)


def test_no_io_uring_made_or_given(t):
    """Row 34: what a ring carries out passes no filter. None can be made, and one that a process outside made and handed
    in by a socket cannot be entered."""
    place = canaries.ground(t, "ring")
    t.dir.chmod(0o755)
    giver = RingGiver(t.dir / "ground/socket")
    assert giver.ring >= 0, "this kernel has no io_uring for the tester: see /proc/sys/kernel/io_uring_disabled"
    made = "setup EPERM\nenter EPERM\nregister EPERM\n"
    assert canaries.run_in(t, place, "./ring", check=0).out == made
    given = canaries.run_in(t, place, "./ring", "socket", check=0).out
    assert given.endswith("enter EPERM\nregister EPERM\n"), given
    assert given.startswith("received ok\n") or giver.refused == errno.EINVAL, given
    # As standard input it does not come in either: a relay's pipe does.
    read = ("readlink", "/proc/self/fd/0")
    with os.fdopen(os.dup(giver.ring)) as ring:
        words = ["run", "--profile", "shell", "--workspace", "none", "--", *read]
        result = subprocess.run([t.program, *words], env=t.env, stdin=ring, capture_output=True, text=True, timeout=20)
        assert "io_uring" not in result.stdout, result
        assert "io_uring" in subprocess.run(read, stdin=ring, capture_output=True, text=True).stdout
    t.without("seccomp", "landlock", "self-check")
    control = canaries.run_in(t, place, "./ring", check=0).out
    assert control.startswith("setup ok\nenter ok\n"), control
    control = canaries.run_in(t, place, "./ring", "socket", check=0).out
    assert control.startswith("received ok\nenter ok\n") or giver.refused == errno.EINVAL, control
    giver.end()


def test_calls_by_the_numbers_of_other_architectures(t):
    """Row 35: a filter that looks at numbers alone takes an x32 or i386 call for another one. The process is killed, or
    the call does not exist."""
    place = canaries.ground(t, "compat")
    for way in ("int80", "x32"):
        inside = canaries.run_in(t, place, "./compat", way)
        assert inside.code in (38, 128 + 31), (way, inside)
    t.without("seccomp", "self-check")
    for way in ("int80", "x32"):
        control, inside = t.command(place / "compat", way, check=None), canaries.run_in(t, place, "./compat", way)
        # As the kernel itself has it: most have no x32, all of Debian's have i386.
        assert inside.code == (control.code if control.code >= 0 else 128 - control.code), (way, inside, control)
        assert way == "x32" or control.code == 0 or control.code < 0, control
