"""What an agent can see and do. Each attempt that must fail has a control where one can be made: the same
attempt succeeds outside, or when the profile grants it. Numbers cite the invariants of SECURITY.md."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess

import case
import surroundings

# Runs inside under `python3 -c`; calls by number, because that is what a filter sees.
PROBE = """
import ctypes, errno, json, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))
    return "ok" if result >= 0 else errno.errorcode[ctypes.get_errno()]
def attempt(function, *arguments):
    try:
        function(*arguments)
        return "ok"
    except OSError as error:
        return errno.errorcode[error.errno]
"""


def probe(t, code, *options, **more):
    """Runs Python inside and returns what it leaves in `answer`."""
    script = PROBE + code + "\nprint(json.dumps(answer))"
    words = ("run", "--profile", "shell", "--workspace", "none", *options, "--", "python3", "-c", script)
    return json.loads(t.cloche(*words, **more).out)


def outside(t, code):
    """The same without a sandbox: the control."""
    return json.loads(t.command("/usr/bin/python3", "-c", PROBE + code + "\nprint(json.dumps(answer))").out)


class Sleeper:
    """A sandbox that waits, with the host's view of its processes."""

    def __init__(self, t, *options, script="echo ready; exec sleep 1000", **more):
        words = ("run", "--profile", "shell", "--workspace", "none", *options, "--", "sh", "-c", script)
        before = set(t.processes())
        self.process = t.spawn(*words, **more)
        assert self.process.stdout.readline() == b"ready\n", self.process.stderr.read()
        self.pids = [pid for pid in children(self.process.pid) if pid not in before]
        assert self.pids, "the sandbox has no process"

    def end(self):
        self.process.kill()
        self.process.wait(5)
        self.process.stdout.close()
        self.process.stderr.close()


def children(pid):
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child)] + children(int(child))
    return found


def status(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.strip() for key, value in (line.split(":", 1) for line in lines if ":" in line)}


def allowed_ids(file, own):
    ranges = [(own, 1)] if own != 0 else []
    name = subprocess.run(["id", "-un"], capture_output=True, text=True).stdout.strip()
    for line in pathlib.Path(file).read_text().splitlines() if os.path.exists(file) else []:
        who, first, count = line.split(":")
        if who in (name, str(os.getuid())) or os.getuid() == 0:
            ranges.append((int(first), int(count)))
    return ranges


def test_host_ids_are_never_roots(t):
    """Invariant 1."""
    sleeper = Sleeper(t)
    for pid in sleeper.pids:
        for key, file, own in (("Uid", "/etc/subuid", os.getuid()), ("Gid", "/etc/subgid", os.getgid())):
            for value in map(int, status(pid)[key].split()):
                assert value != 0, (pid, key, value)
                if os.getuid() != 0:
                    assert any(first <= value < first + count for first, count in allowed_ids(file, own)), (key, value)
        assert status(pid)["Groups"].split() in ([], ["65534"]) or os.getuid() != 0, status(pid)["Groups"]
    sleeper.end()


def test_every_process_is_confined(t):
    """Invariant 3: for init and for the program, seen from the host, where nothing inside can lie."""
    sleeper = Sleeper(t)
    assert len(sleeper.pids) >= 2, "init and the program"
    for pid in sleeper.pids:
        facts = status(pid)
        for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(facts[key], 16) == 0, (pid, key, facts[key])
        assert facts["NoNewPrivs"] == "1" and facts["Seccomp"] == "2", (pid, facts["NoNewPrivs"], facts["Seccomp"])
    sleeper.end()
    # The control: the counters do tell a difference.
    assert status("self")["Seccomp"] == "0" or int(status("self")["CapBnd"], 16) != 0


def test_every_namespace_is_its_own(t):
    sleeper = Sleeper(t)
    for pid in sleeper.pids:
        for kind in ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup"):
            inside, host = os.readlink(f"/proc/{pid}/ns/{kind}"), os.readlink(f"/proc/self/ns/{kind}")
            assert inside != host, (pid, kind)
    sleeper.end()


def test_no_descriptor_comes_along(t):
    """Descriptors that the caller left open, and the program's own."""
    secret = t.dir / "secret"
    secret.write_text("canary")
    with open(secret) as stray:
        words = ("run", "--profile", "shell", "--workspace", "none", "--", "sh", "-c", "ls -l /proc/self/fd; ls /proc/1/fd")
        answer = subprocess.run(
            [t.program, *words], env=t.env, capture_output=True, text=True, pass_fds=[stray.fileno()], stdin=subprocess.DEVNULL
        )
        control = subprocess.run(
            ["sh", "-c", "ls -l /proc/self/fd"], env=t.env, capture_output=True, text=True, pass_fds=[stray.fileno()]
        )
    assert "secret" in control.stdout
    assert "secret" not in answer.stdout, answer
    # 0, 1, 2 and the directory that ls itself reads.
    numbers = re.findall(r" (\d+) -> ", answer.stdout)
    assert [int(number) for number in numbers] == [0, 1, 2, 3], answer


def test_mounts_have_no_setuid_and_no_devices(t):
    table = t.run_shell("cat /proc/self/mountinfo").out.splitlines()
    devices = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/console", "/dev/ptmx"}
    assert len(table) > 5
    for line in table:
        fields = line.split()
        target, options = fields[4], fields[5].split(",")
        assert "nosuid" in options, line
        # What masks a file of /proc is /dev/null, which must be a device to be empty.
        is_null = fields[3] == "/null"
        assert "nodev" in options or is_null or target in devices or target in ("/dev/pts", "/dev"), line


def test_no_mount_appears_on_a_host_that_shares_its_mounts(t):
    # As systemd does; for root the sandbox then got peers of the host's own mounts.
    script = """
        before=$(cat /proc/self/mountinfo)
        "$1" run --workspace dir -- /usr/bin/true || exit 8
        after=$(cat /proc/self/mountinfo)
        [ "$before" = "$after" ] || { printf '%s\\n' "$after"; exit 9; }"""
    words = surroundings.words(t, "mount --make-rshared /", "sh", "-c", script, "sh", t.program)
    t.command(*words, cwd=t.repository())


def test_no_host_path_shows_that_was_not_planned(t):
    """Invariant 2: the root has these names and no others."""
    names = set(t.run_shell("ls -A /").out.split())
    planned = {"usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "opt", "etc", "workspace", "home", "shared"}
    planned |= {"tmp", "run", "proc", "dev", "sys", "var"}
    assert names <= planned, names - planned
    assert t.run_shell("ls -A /home").out.split() == ["agent"]


def test_the_users_home_is_absent_unless_bound(t):
    """Invariant 2 and 6, with the same file readable where the profile binds it."""
    canary = t.home / ".ssh/id_canary"
    canary.parent.mkdir()
    canary.write_text("canary-key")
    denied = t.run_shell(f"cat {canary}; ls -A {t.home}; ls {t.dir}", check=None)
    assert denied.code != 0 and "canary-key" not in denied.out + denied.err and "No such file" in denied.err, denied
    t.profile(
        "granted",
        f"extends: shell\nfilesystem:\n  binds:\n    - source: {canary.parent}\n      target: /opt/keys\n",
    )
    granted = t.cloche("run", "--profile", "granted", "--workspace", "none", "--", "cat", "/opt/keys/id_canary")
    assert granted.out == "canary-key", granted


def test_one_agent_sees_nothing_of_another(t):
    """Invariant 6: by path, by process, and by a name that was guessed right."""
    project = t.repository()
    t.start("victim", "echo canary-task > secret; echo canary-home > ~/secret; touch up; sleep 1000", cwd=project)
    victim = t.workspace("victim", project)
    t.wait_until(lambda: (victim / "up").exists(), "the victim is up")
    paths = [victim, t.state, *t.state.rglob("secret")]
    assert len(paths) >= 3, "the control: the host does see the secret in workspace and home"
    # Not through the host's own programs: a hundred thousand files, which a slow disk has to read first.
    find = "find / -path /usr -prune -o -name secret -print 2>/dev/null"
    script = "; ".join(f"ls -laR {path} 2>&1" for path in paths) + f"; {find}; ps -e -o args="
    t.run_task("thief", f"({script}; cat {victim}/secret) > loot 2>&1", cwd=project)
    loot = (t.workspace("thief", project) / "loot").read_text()
    assert "canary" not in loot and "sleep 1000" not in loot, loot
    assert "No such file" in loot, loot


def test_processes_of_the_host_are_absent(t):
    """Invariant 3."""
    answer = probe(t, "answer = [sorted(int(p) for p in os.listdir('/proc') if p.isdigit()), attempt(os.kill, %d, 0)]" % os.getpid())
    assert len(answer[0]) <= 3 and answer[1] == "ESRCH", answer
    assert outside(t, "answer = attempt(os.kill, %d, 0)" % os.getpid()) == "ok"


def test_kill_everything_kills_only_the_sandbox(t):
    t.run_shell("kill -9 -1; exit 4", check=None)
    assert os.getppid() > 0


def test_network_has_only_loopback(t):
    """Invariant 4, with the same server reached where the profile says `network: host`."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = "import socket\nanswer = [os.listdir('/proc/sys/net/ipv4/conf'), attempt(socket.create_connection, ('127.0.0.1', %d), 3)]" % port
        interfaces, connection = probe(t, code)
        assert sorted(interfaces) == ["all", "default", "lo"] and connection == "ECONNREFUSED", (interfaces, connection)
        assert probe(t, code, "--set", "network.mode=host")[1] == "ok"
        # Loopback itself works inside.
        code = "import socket\ns = socket.create_server(('127.0.0.1', 0))\nanswer = attempt(socket.create_connection, s.getsockname(), 3)"
        assert probe(t, code) == "ok"


def test_sockets_of_the_host_are_absent(t):
    """An abstract name needs no file, so that hiding files does not hide it; the network namespace does."""
    name = "\0cloche-" + t.dir.name
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(name)
        server.listen()
        code = "import socket\nanswer = attempt(socket.socket(socket.AF_UNIX).connect, %r)" % name
        assert outside(t, code) == "ok"
        assert probe(t, code) == "ECONNREFUSED"


def test_socket_families(t):
    families = {"AF_PACKET": 17, "AF_ALG": 38, "AF_VSOCK": 40, "AF_KEY": 15, "AF_RXRPC": 33, "AF_TIPC": 30, "AF_BLUETOOTH": 31}
    code = "import socket\nanswer = {name: attempt(socket.socket, number, kind) for name, number, kind in %r}"
    wanted = [(name, number, 5 if name == "AF_ALG" else 1) for name, number in families.items()]
    answer = probe(t, code % wanted)
    assert all(result in ("EAFNOSUPPORT", "EPERM", "EACCES") for result in answer.values()), answer
    assert probe(t, code % [("AF_UNIX", 1, 1), ("AF_INET", 2, 1), ("AF_INET6", 10, 1)]) == {
        "AF_UNIX": "ok",
        "AF_INET": "ok",
        "AF_INET6": "ok",
    }


def test_socket_pairs(t):
    """The kernel makes two sockets of the family before it finds that the family has no pairs."""
    code = """
def pair(family, kind):
    pair = (ctypes.c_int * 2)()
    ctypes.set_errno(0)
    return "ok" if libc.socketpair(family, kind, 0, pair) == 0 else errno.errorcode[ctypes.get_errno()]
answer = [pair(1, 1), pair(2, 1), pair(16, 3), pair(30, 1), pair(40, 1)]
"""
    assert probe(t, code) == ["ok"] + ["EAFNOSUPPORT"] * 4
    assert json.loads(t.command("/usr/bin/python3", "-c", PROBE + code + "\nprint(json.dumps(answer))").out)[1] in ("EOPNOTSUPP", "ENOTSUP")


def test_an_agent_does_not_work_among_cloches_own_files(t):
    """Invariants 2, 6 and 8: what holds state, configuration or caches is no workspace."""
    for place in (t.dir, t.state, t.config):
        result = t.cloche("run", "--profile", "shell", "--workspace", f"dir:{place}", "--", "true", check=None)
        assert result.code != 0 and "keeps its own files" in result.err, result
    (t.dir / "tree").mkdir()
    t.cloche("run", "--profile", "shell", "--workspace", f"dir:{t.dir / 'tree'}", "--", "true")


def test_a_workspace_that_became_a_link_is_refused(t):
    """Another agent may own a directory on the way to it: what it put there since is not what the user named."""
    project, secret = t.dir / "tree/part", t.dir / "secret"
    project.mkdir(parents=True)
    secret.mkdir()
    (secret / "key").write_text("canary")
    t.run_task("a", "true", "--workspace", f"dir:{project}", cwd=t.dir / "tree")
    project.rmdir()
    project.symlink_to(secret)
    result = t.cloche("resume", "a", "cat key", cwd=t.dir / "tree", check=None)
    assert result.code != 0 and "symbolic link" in result.err and "canary" not in result.err, result


def test_output_to_a_terminal_is_harmless_whatever_the_input_is(t):
    """Invariant 9: with standard input from elsewhere there is no pty, and the terminal is the user's all the same."""
    terminal, inner = os.openpty()
    words = [str(t.program), "run", "--profile", "shell", "--workspace", "none", "--", "printf"]
    process = subprocess.run(
        [*words, r"a\033]52;c;ZXZpbA==\007b\033[21tc\n"], stdin=subprocess.DEVNULL, stdout=inner, stderr=inner, env=t.env
    )
    shown = os.read(terminal, 4096)
    os.close(inner)
    os.close(terminal)
    assert process.returncode == 0 and b"abc" in shown and b"\x1b]52" not in shown, shown


def test_dangerous_calls_are_refused(t):
    """By number on x86-64. EPERM or ENOSYS, whatever arguments: the filter decides before the kernel looks."""
    calls = {
        "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "swapon": 167, "reboot": 169, "sethostname": 170,
        "init_module": 175, "acct": 163, "keyctl": 250, "add_key": 248, "request_key": 249, "bpf": 321, "perf_event_open": 298,
        "userfaultfd": 323, "io_uring_setup": 425, "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsmount": 432,
        "mount_setattr": 442, "kexec_load": 246, "open_by_handle_at": 304, "setns": 308, "unshare(user)": (272, 0x10000000),
        "clone(user)": (56, 0x10000000 | 17), "iopl": 172, "syslog": (103, 3, 0, 0), "quotactl": 179, "process_vm_readv": 310,
    }  # fmt: skip
    table = {name: number if isinstance(number, tuple) else (number, 0, 0, 0, 0, 0) for name, number in calls.items()}
    answer = probe(t, "answer = {name: call(*numbers) for name, numbers in %r.items()}" % table)
    allowed = {name: result for name, result in answer.items() if result not in ("EPERM", "ENOSYS", "EACCES")}
    assert not allowed, allowed
    # The control: the same probe sees other answers where no filter stands in the way.
    assert outside(t, "answer = call(310, 0, 0, 0, 0, 0)") not in ("EPERM", "ENOSYS")


def test_other_architectures_are_closed(t):
    """x32 numbers, and 32-bit calls by int 0x80, which a filter for x86-64 alone would not see."""
    script = PROBE + "print(call(0x40000000 + 39))"
    words = ("run", "--profile", "shell", "--workspace", "none", "--", "python3", "-c", script)
    x32 = t.cloche(*words, check=None)
    assert x32.out.strip() in ("EPERM", "ENOSYS") or x32.code == 128 + signal.SIGSYS, x32
    (t.dir / "tree").mkdir()
    source, program = t.dir / "tree/compat.c", t.dir / "tree/compat"
    source.write_text("int main(void) { long r; __asm__ volatile(\"int $0x80\" : \"=a\"(r) : \"a\"(20)); return r > 0 ? 0 : 42; }")
    t.command("gcc", "-static", "-o", program, source)
    control = t.command(program, check=None)
    words = ("run", "--profile", "shell", "--workspace", f"dir:{program.parent}", "--", "./compat")
    inside = t.cloche(*words, check=None)
    assert inside.code == 42 or inside.code >= 128, inside
    assert control.code == 0 or inside.code == control.code, control


def test_keystrokes_cannot_be_pushed_into_the_terminal(t):
    """Invariant 9: TIOCSTI and TIOCLINUX, also with high bits that the kernel cuts off."""
    code = "answer = [call(16, 0, n, ctypes.c_char_p(b'x')) for n in (0x5412, 0x541c, 0x5412 + (1 << 32), 0x541c + (1 << 32))]"
    script = PROBE + code + "\nprint('answer', answer)"
    terminal = t.terminal("run", "--profile", "shell", "--workspace", "none", "--", "python3", "-c", script)
    found = terminal.expect(r"answer (\[[^\]]*\])").group(1).decode()
    assert terminal.wait() == 0
    terminal.close()
    assert set(re.findall(r"'(\w+)'", found)) == {"EPERM"}, found


def test_setuid_gives_nothing(t):
    """Invariant 3. As an ordinary user the file is set-id to that user, which proves less."""
    program = t.dir / "tree/whoami"
    program.parent.mkdir()
    program.write_bytes(pathlib.Path("/usr/bin/id").read_bytes())
    program.chmod(0o6755)
    words = ("run", "--profile", "shell", "--workspace", f"dir:{program.parent}", "--", "sh", "-c", "./whoami -u; id -u; su -c id root")
    result = t.cloche(*words, check=None, input="\n")
    uids = result.out.split()
    assert len(uids) == 2 and uids[0] == uids[1] != "0", result


def test_proc_is_masked(t):
    code = """
answer = {}
for path in ("/proc/kcore", "/proc/keys", "/proc/sched_debug", "/proc/timer_list", "/proc/latency_stats"):
    try:
        with open(path, "rb") as file: answer[path] = len(file.read(16))
    except OSError as error:
        answer[path] = 0
for path in ("/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches", "/proc/irq/default_smp_affinity"):
    answer[path] = 0 if attempt(os.open, path, os.O_WRONLY) in ("EACCES", "EPERM", "EROFS", "ENOENT") else 1
"""
    answer = probe(t, code)
    assert set(answer.values()) == {0}, answer


def test_devices_are_few(t):
    code = """
import stat
answer = [name for base, _, names in os.walk("/dev") for name in names
          if stat.S_ISBLK(os.lstat(base + "/" + name).st_mode) or stat.S_ISCHR(os.lstat(base + "/" + name).st_mode)]
"""
    answer = set(probe(t, code))
    assert answer <= {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "console"}, answer
    made = probe(t, "answer = [attempt(os.mknod, '/tmp/n', 0o60600, 0x800), attempt(os.mknod, '/tmp/m', 0o20600, 0x101)]")
    assert set(made) <= {"EPERM", "EACCES"}, made
    # A terminal can still be made, in an instance of its own.
    assert probe(t, "import pty\nanswer = os.ttyname(pty.openpty()[1])") in ("/dev/pts/0", "/dev/pts/1")


def test_etc_has_no_secrets(t):
    result = t.run_shell("cat /etc/shadow /etc/gshadow /etc/sudoers; ls /etc/ssh /etc/ssl/private; cat /etc/passwd; hostname", check=None)
    assert "root:$" not in result.out and "root:!" not in result.out
    host = [line.split(":")[0] for line in pathlib.Path("/etc/passwd").read_text().splitlines()]
    inside = [line.split(":")[0] for line in result.out.splitlines() if ":" in line]
    assert set(inside) <= {"root", "agent", "nobody"} and len(host) > len(inside), inside
    assert socket.gethostname() not in result.out.split(), result


def test_system_directories_are_read_only_but_for_the_listed(t):
    code = "answer = [attempt(open, path, 'w') for path in ('/usr/bin/new', '/bin/sh', '/usr/lib/new', '/usr/local/bin/new', '/opt/new')]"
    answer = probe(t, code)
    assert [result == "ok" for result in answer] == [False, False, False, True, True], answer


def test_limits_cannot_be_raised(t):
    """Invariant 7: core dumps are off and stay off."""
    code = "import resource\nanswer = [resource.getrlimit(resource.RLIMIT_CORE)]\n"
    code += "try:\n    resource.setrlimit(resource.RLIMIT_CORE, (1, 1))\n    answer.append('raised')\nexcept (ValueError, OSError):\n    answer.append('refused')"
    assert probe(t, code) == [[0, 0], "refused"]


def test_tmpfs_has_a_limit(t):
    script = "head -c 64M /dev/zero > /tmp/big"
    t.run_shell(script)
    refused = t.run_shell(script, "--set", "filesystem.tmp-size=16MiB", check=None)
    assert refused.code != 0 and "No space left" in refused.err, refused


def test_links_out_of_the_workspace_lead_nowhere(t):
    secret = t.dir / "outside-secret"
    secret.write_text("canary")
    project = t.repository()
    (project / "link").symlink_to(secret)
    (project / "up").symlink_to("../outside-secret")
    result = t.run_shell("cat link up ../outside-secret /proc/1/root/outside-secret /proc/self/cwd/../outside-secret", cwd=project, check=None)
    assert "canary" not in result.out and (project / "link").read_text() == "canary", result


def test_init_gives_nothing_away(t):
    """Process model: none of the supervisor's memory, secrets or descriptors is inside."""
    result = t.run_shell("cat /proc/1/environ /proc/1/cmdline | tr '\\0' '\\n'; ls -l /proc/1/exe /proc/1/cwd", check=None, env={"SECRET": "canary"})
    assert "canary" not in result.out and str(t.dir) not in result.out, result
    code = "answer = [attempt(open, '/proc/1/mem', 'rb'), attempt(os.listdir, '/proc/1/fd')]"
    assert set(probe(t, code)) <= {"EACCES", "EPERM"}, probe(t, code)


# Waits for Cloche to run inside, stops it before it ends, and looks at its program.
LOOK = """
import json, os, signal, time
print("looks", flush=True)
answer = {}
while not answer:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if b"/proc/self/exe" not in open(f"/proc/{pid}/cmdline", "rb").read().split(b"\\0")[0]:
                continue
            os.kill(int(pid), signal.SIGSTOP)
            found = {"read-only": bool(os.statvfs(f"/proc/{pid}/exe").f_flag & os.ST_RDONLY)}
        except OSError:
            continue  # it was quicker
        try:
            os.open(f"/proc/{pid}/exe", os.O_WRONLY)
            found["open"] = "ok"
        except OSError as error:
            found["open"] = os.strerror(error.errno)
        os.kill(int(pid), signal.SIGKILL)
        answer = found
print(json.dumps(answer))
"""


def test_cloche_itself_cannot_be_written_from_inside(t):
    """Invariant 5: with /proc/self/exe as interpreter, a script of the agent's has init execute Cloche (CVE-2019-5736).
    Landlock refuses that (`runtime.the_runtime_is_not_overwritten...`); here, what holds without it."""
    t.without("landlock", "self-check")
    project = t.repository()
    workspace = t.dir / "w"
    workspace.mkdir()
    (workspace / "x").write_text("#!/proc/self/exe\n")
    (workspace / "x").chmod(0o755)
    t.start("a", "sleep 1000", "--workspace", f"dir:{workspace}", cwd=project)
    looking = t.spawn("exec", "a", "--", "python3", "-c", LOOK, cwd=project)
    assert looking.stdout.readline() == b"looks\n"
    running = lambda: t.cloche("exec", "a", "--", "./x", cwd=project, check=None) and looking.poll() is not None  # noqa: E731
    t.wait_until(running, "Cloche runs inside")
    answer = json.loads(looking.communicate(timeout=10)[0])
    assert answer["read-only"] and answer["open"] != "ok", answer
    # The control: where the user has the program, it is on no read-only mount.
    assert not os.statvfs(t.program).f_flag & os.ST_RDONLY


def test_a_copy_of_etc_that_is_not_true_is_not_shown(t):
    """It is looked at while the sandbox is built; what was built with an old one runs nothing."""
    t.run_shell("true")
    cache = t.dir / "cache/cloche"
    tree = next(path for path in cache.iterdir() if path.is_dir())
    manifest = cache / tree.name.rpartition("-")[0]
    # A tree of another state of the host: its name and the manifest tell the fingerprint of that state.
    (tree / "canary").write_text("old\n")
    old = tree.name.rpartition("-")[2]
    other = f"{int(old, 16) ^ 1:x}"
    tree.rename(tree.with_name(f"{manifest.name}-{other}"))
    manifest.write_bytes(manifest.read_bytes().replace(f"\0{old}\0".encode(), f"\0{other}\0".encode(), 1))
    assert t.run_shell("ls /etc/canary 2>/dev/null; grep -c . /etc/passwd", check=None).out.strip() == "3"
    # The control: the same tree, told to be true, is shown.
    true = manifest.read_bytes().split(b"\0")[2].decode()
    (cache / f"{manifest.name}-{true}/canary").write_text("new\n")
    assert "canary" in t.run_shell("ls /etc/canary").out


def test_leases_are_refused(t):
    """Init, when it executes a file with a lease on it, would wait 45 seconds for the holder."""
    code = """
import fcntl
file = open("/tmp/lease-%d" % os.getpid(), "w+")
os.unlink(file.name)
answer = attempt(fcntl.fcntl, file, 1024, fcntl.F_WRLCK)
"""
    assert probe(t, code) == "EPERM"
    assert outside(t, code) == "ok"


FREEZE = """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
while True:
    for pid in range(2, 400):
        if pid != os.getpid():
            try:
                os.kill(pid, signal.SIGSTOP)
            except OSError:
                pass
"""


def test_an_agent_that_stops_every_other_process_can_be_ended(t):
    """Invariant 7: init waits for the exec of what it starts; the supervisor waits for nobody."""
    project = t.repository()
    (t.dir / "w").mkdir()
    (t.dir / "w/freeze.py").write_text(FREEZE)
    where = ("--workspace", f"dir:{t.dir / 'w'}")
    t.start("a", "exec python3 freeze.py", *where, "--set", "limits.wall-clock=20s", cwd=project)
    t.wait_until(lambda: "ready" in t.cloche("logs", "a", cwd=project).out, "it has begun")
    for _ in range(8):
        # Each may hang; what matters is who else does.
        process = t.spawn("exec", "a", "--", "/bin/true", "x" * 120000, cwd=project, stdin=subprocess.DEVNULL)
        try:
            process.wait(0.3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        process.stderr.close()
    assert t.agents(project)["a"]["state"] == "running"
    t.cloche("stop", "--kill", "a", cwd=project, timeout=10)
    assert t.agents(project)["a"]["state"] == "stopped"
