"""Rows 1 to 23 of the list of known escapes: what went wrong in runtimes like this one. Numbers are rows of
docs/security-tests.md. Each attack is really made, from inside; a canary outside tells whether it came through; and a
control shows that the same canary does fire where the protection is missing."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess

import canaries
import case
from test_isolation import probe


# Rows 1 to 3: what is open, and who can look into whom.


def test_the_runtime_is_not_overwritten_by_proc_exe(t):
    """Row 1, CVE-2019-5736: the payload made its entry a script of /proc/self/exe, so that the runtime executed itself
    inside, kept it open by O_PATH, and wrote to it when it had ended. Here the program is a copy that everybody may
    write. Landlock does not let it be executed where the agent is granted no `cloche` of its own. Where it is, and
    where Landlock is missing, it is executed from a read-only mount, and is never free to be written."""
    project = t.repository()
    t.dir.chmod(0o755)

    def copied(program, name):
        (t.dir / name).mkdir()
        copy = t.dir / name / "cloche"
        shutil.copy(program, copy)
        copy.chmod(0o777)
        return copy, canaries.digest(copy)

    def attack(name, target, execute, answer, *options):
        """Runs the attack until it has this to say of Cloche's program, which `execute` has executed inside."""
        place = canaries.ground(t, "executables", name="ground-" + name)
        (place / "script").write_text("#!/proc/self/exe\n")
        (place / "script").chmod(0o755)
        t.start(name, "./executables > found", "--workspace", f"dir:{place}", *options, cwd=project)
        found = lambda: (place / "found").read_text() if (place / "found").exists() else ""  # noqa: E731
        t.wait_until(lambda: "ready" in found(), "it lies in wait")

        def executed():
            # Cloche, executed inside, says how it is used and ends; the attack may miss that once or twice.
            code = t.cloche("exec", "-T", name, "--", execute, cwd=project, check=None).code
            return answer == code or f"{answer} {target.stat().st_ino}\n" in found()

        t.wait_until(executed, f"{answer} of {target}", deadline=60)
        t.cloche("stop", "--kill", name, cwd=project)

    t.program, before = copied(t.program, "bin")
    attack("a", t.program, "./script", 126, "--set", "agents.verbs=[]")
    attack("d", t.program, "/run/cloche/cloche", "busy")
    assert canaries.digest(t.program) == before
    # The control: a program that is executed from a place that the profile grants is overwritten in the same way.
    granted, before = copied(t.program, "granted")
    grant = f"filesystem.binds=[{{source: {granted.parent}, target: /opt/bin, mode: rw}}]"
    attack("b", granted, "/opt/bin/cloche", "wrote", "--set", grant)
    assert canaries.digest(granted) != before
    t.without("landlock", "self-check")
    t.program, before = copied(t.weakened, "weakened")
    # Its file is busy for as long as there is anybody inside who could write it: init itself executes it.
    attack("c", t.program, "./script", "busy", "--set", "agents.verbs=[]")
    assert canaries.digest(t.program) == before


def test_a_newcomer_cannot_be_looked_into(t):
    """Row 2, CVE-2016-9962: a process that joins the container could be traced, and its descriptors read, before its
    exec. Programs of `cloche exec` are children of init, which is not dumpable, and share its memory until their exec."""
    project = t.repository()

    def attack(name, times):
        place = canaries.ground(t, "newcomers", name="ground-" + name)
        t.start(name, "./newcomers > found", "--workspace", f"dir:{place}", cwd=project)
        t.wait_until(lambda: (place / "found").exists() and "ready" in (place / "found").read_text(), "it lies in wait")
        for _ in range(times):
            t.cloche("exec", name, "--", "/bin/true", cwd=project)
        (place / "stop").touch()
        t.wait_ended(name, project)
        found = (place / "found").read_text()
        assert int(found.split("looked ")[1].split()[0]) >= times, found
        return canaries.prefixed(found, "got ")

    assert attack("a", 200) == []
    t.without("dumpable", "self-check")
    assert "mem of init" in attack("b", 5), "the control: a dumpable init can be read"


def leaky(t, place, *options, words=None):
    """`cloche run` by a caller that left directories of the host open, as 3 to 9."""
    held = [os.open(t.dir, os.O_RDONLY) for _ in range(7)]
    words = words or ("./descriptors", str(t.dir / "secret"))
    try:
        return subprocess.run(
            [t.program, "run", "--profile", "shell", "--workspace", f"dir:{place}", *options, "--", *words],
            env=t.env, cwd=t.dir, capture_output=True, text=True, pass_fds=held, stdin=subprocess.DEVNULL, timeout=30,
        )  # fmt: skip
    finally:
        for descriptor in held:
            os.close(descriptor)


def test_no_descriptor_leads_out(t):
    """Row 3, CVE-2024-21626: a directory of the host was left open, and the working directory set to it by its number."""
    (t.dir / "secret").write_text("canary-secret")
    t.dir.chmod(0o755)
    place = canaries.ground(t, "descriptors")
    result = leaky(t, place)
    assert result.returncode == 0 and "fd 0 " in result.stdout, result
    assert "canary-secret" not in result.stdout, result
    assert {line.split()[0] for line in canaries.prefixed(result.stdout, "fd ")} == {"0", "1", "2"}, result
    # The control: the same program, given the same descriptors without a sandbox, climbs out by them.
    held = os.open(t.dir, os.O_RDONLY)
    words = [place / "descriptors", t.dir / "secret"]
    outside = subprocess.run(words, cwd="/", env=t.env, capture_output=True, text=True, pass_fds=[held])
    os.close(held)
    assert f"escaped by {held}: canary-secret" in outside.stdout, outside
    t.without("descriptors", "landlock", "self-check")
    result = leaky(t, place)
    assert "canary-secret" in result.stdout, f"the control: descriptors that nobody closed lead out: {result}"


def test_a_working_directory_by_number_leads_nowhere(t):
    """Row 3, the other half: a working directory that is a descriptor of init's, or of another process."""
    project = t.repository()
    (t.dir / "secret").write_text("canary-secret")
    place = canaries.ground(t, "descriptors")
    t.start("a", "sleep 1000", "--workspace", f"dir:{place}", cwd=project)
    places = [f"/proc/self/fd/{number}" for number in range(64)] + ["/proc/1/root", "/proc/1/cwd", "../../../..", "/proc/self/cwd"]
    entered = 0
    for directory in places:
        words = ("exec", "-T", "-w", directory, "a", "--", "/workspace/descriptors", t.dir / "secret")
        result = t.cloche(*words, cwd=project, check=None)
        assert "canary-secret" not in result.out + result.err, result
        entered += result.code == 0
    # The control: the attack runs where the directory is one of the sandbox.
    assert entered >= 1 and t.cloche("exec", "-T", "-w", "/tmp", "a", "--", "pwd", cwd=project).out == "/tmp\n"


# Rows 4 to 11, 20: paths. The root of a sandbox is Cloche's own; where the agent can put links between runs are its
# home, its layers over /usr/local, /opt and /etc, /var, its workspace, and directories that it shares.

GRANTED = """extends: shell
filesystem:
  binds:
    - source: {0}/source
      target: /home/agent/.config/tool
    - source: {0}/source
      target: /opt/tool/data
    - source: {0}/source
      target: /var/lib/tool
credentials:
  - file: {0}/key
    target: /home/agent/.tool/auth.json
"""

# What an agent leaves in the place of what the next start will mount on, write or make; %s is the host's canary.
PLANTED = {
    "home-to-canary": "umask 0; mv ~/.tool ~/.was; ln -s %s ~/.tool",
    "home-to-etc": "mv ~/.tool ~/.was; ln -s /etc ~/.tool",
    "home-to-proc": "mv ~/.tool ~/.was; ln -s /proc/1/root/%s ~/.tool",
    "home-upwards": "mv ~/.tool ~/.was; ln -s ../../../../../../../../..%s ~/.tool",
    "key-is-a-link": "mv ~/.tool ~/.was; mkdir ~/.tool; ln -s %s/new ~/.tool/auth.json",
    "key-is-a-pipe": "mv ~/.tool ~/.was; mkdir ~/.tool; mkfifo ~/.tool/auth.json",
    "key-is-a-directory": "mv ~/.tool ~/.was; mkdir -p ~/.tool/auth.json",
    "opt-to-canary": "mv /opt/tool /opt/was; ln -s %s /opt/tool",
    "usr-local-to-canary": "mv /usr/local/games /usr/local/was; ln -s %s /usr/local/games",
    "var-lib-to-canary": "mv /var/lib /var/was; ln -s %s /var/lib",
    "var-cache-is-a-file": "rmdir /var/cache; touch /var/cache",
    "var-tmp-to-canary": "rm /var/tmp /var/run; ln -s %s /var/tmp; ln -s %s /var/run",
    "etc-passwd-to-canary": "rm /etc/passwd; ln -s %s/new /etc/passwd",
    "etc-passwd-is-a-pipe": "rm /etc/passwd; mkfifo /etc/passwd",
    "etc-passwd-is-a-directory": "rm /etc/passwd; mkdir -p /etc/passwd/deep",
    "etc-hosts-to-canary": "rm /etc/hosts; ln -s %s/secret /etc/hosts",
    "etc-is-empty": "rm -rf /etc/* /etc/.[a-z]*; ln -s %s /etc/ssl",
    "layer-attributes": "python3 -c \"import os; [os.setxattr('/opt', k, v) for k, v in ((b'user.overlay.opaque', b'y'), (b'user.overlay.redirect', b'/%s'))]\"",
    "whiteouts": "rm -rf /opt/* /usr/local/games; mknod /opt/x c 0 0; touch /opt/.wh.tool; ln -s %s /usr/local/games",
    "workspace-git": "rm -rf /workspace/.git; ln -s %s /workspace/.git",
    "objects-to-canary": "d=$(git rev-parse --absolute-git-dir); mv $d/objects $d/was; ln -s %s $d/objects",
}


@case.timeout(200)
def test_links_that_an_agent_left_lead_no_start_out(t):
    """Rows 4, 5, 6, 7, 9, 10 and 20; CVE-2025-31133, CVE-2025-52565, CVE-2025-52881, CVE-2026-41579, CVE-2024-45310,
    CVE-2023-27561, CVE-2024-42472: something that the runtime mounts on, makes or writes was a link that the payload
    had put there. Either the start is refused with the place in its message, or the link is replaced; nothing is made,
    changed or shown of what it pointed to."""
    project = t.repository()
    for name in ("source", "canary"):
        (t.dir / name).mkdir()
    (t.dir / "source/granted").write_text("granted")
    (t.dir / "key").write_text("key")
    (t.dir / "canary/secret").write_text("canary-secret")
    # Whoever follows the link may write there: what stands in the way is not the rights of the directory.
    t.dir.chmod(0o755)
    (t.dir / "canary").chmod(0o777)
    t.profile("granted", GRANTED.format(t.dir))
    before = canaries.tree(t.dir / "canary")
    refused = []
    for name, plant in PLANTED.items():
        script = plant.replace("%s", str(t.dir / "canary"))
        t.start(name, f"({script}) > log 2>&1; touch planted", cwd=project, profile="granted")
        t.wait_ended(name, project)
        workspace = t.workspace(name, project)
        assert (workspace / "planted").exists(), name
        look = "cat /etc/passwd /etc/hosts ~/.tool/* ~/.config/tool/* /opt/tool/*/* /var/lib/*/* /usr/local/games/* > seen 2>&1; id >> seen"
        result = t.cloche("resume", name, look, cwd=project, check=None)
        if result.code == 0:
            t.wait_ended(name, project)
        seen = (workspace / "seen").read_text(errors="replace") if (workspace / "seen").exists() else ""
        assert result.code in (0, 125) and ("uid=" in seen or result.code == 125), (name, result, seen)
        assert "canary-secret" not in seen + result.out + result.err, (name, seen)
        if result.code == 125:
            refused.append(name)
            assert "cannot set up /" in result.err, (name, result)
        assert canaries.tree(t.dir / "canary") == before, name
        t.cloche("delete", "--force", name, cwd=project)
        assert canaries.tree(t.dir / "canary") == before, f"deleting {name}"
    assert {"home-to-canary", "home-to-etc", "key-is-a-link", "opt-to-canary", "var-lib-to-canary"} <= set(refused), refused
    # The control: whoever makes the same directories and follows links makes them in the canary.
    (t.dir / "control").mkdir()
    (t.dir / "control/.tool").symlink_to(t.dir / "canary")
    t.command("sh", "-c", "mkdir -p control/.tool/made; touch control/.tool/auth.json")
    assert len(canaries.tree(t.dir / "canary")) == len(before) + 2


@case.timeout(200)
def test_a_shared_directory_that_changes_during_starts(t):
    """Rows 5, 7 and 9: the path is good when the runtime looks and a link when it acts. Two sandboxes share a writable
    directory; one exchanges a directory in it with a link, as fast as it can, while the other is started 200 times with
    a mount point below it."""
    shared, source, canary = t.dir / "shared", t.dir / "source", t.dir / "canary"
    for place in (shared, source, canary, shared / "a", shared / "a/b"):
        place.mkdir()
    (source / "granted").write_text("granted")
    (canary / "secret").write_text("canary-secret")
    t.dir.chmod(0o755)
    canary.chmod(0o777)
    (shared / "link").symlink_to(canary)
    place = canaries.ground(t, "exchange")
    shutil.copy(place / "exchange", shared / "exchange")
    before = canaries.tree(canary)
    binds = f"extends: shell\nfilesystem:\n  binds:\n    - source: {shared}\n      target: /opt/shared\n      mode: rw\n"
    t.profile("racer", binds)
    t.profile("started", binds + f"    - source: {source}\n      target: /opt/shared/a/b/made\n")
    script = "cd /opt/shared; ./exchange a link"
    racer = t.spawn("run", "--profile", "racer", "--workspace", "none", "--", "sh", "-c", script)
    assert racer.stdout.readline() == b"ready\n", racer.stderr.read()
    outcomes = {0: 0, 125: 0}
    words = ("run", "--profile", "started", "--workspace", "none", "--", "cat", "/opt/shared/a/b/made/granted")
    for _ in range(200):
        result = t.cloche(*words, check=None)
        # 1: it was started, and the link was in the way of cat.
        outcomes[result.code] = outcomes.get(result.code, 0) + 1
        assert "canary-secret" not in result.out + result.err, result
        assert canaries.tree(canary) == before, result
    (shared / "stop").touch()
    out, _ = racer.communicate(timeout=20)
    print(f"# {out.decode().strip()}; starts by exit code: {outcomes}")
    assert outcomes[125] >= 1, f"the race was never met: {outcomes}"
    assert set(outcomes) <= {0, 1, 125}, outcomes


def test_nothing_is_mounted_over_the_kernels_directories(t):
    """Row 11, CVE-2019-16884, CVE-2019-19921: a volume over /proc took the masks and the label away."""
    (t.dir / "source").mkdir()
    (t.dir / "key").write_text("key")
    places = ["/proc", "/proc/sys", "//proc", "/proc/", "/sys", "/sys/fs/cgroup", "/dev", "/dev/shm", "/dev/pts", "/run/cloche", "/run/cloche/git"]
    for target in [*places, "/tmp/../proc", "/./proc", "/", "proc", "/workspace/../dev"]:
        for key, source in (("filesystem.binds", "source"), ("credentials", "file")):
            item = f"[{{{source}: {t.dir / ('source' if source == 'source' else 'key')}, target: '{target}'}}]"
            words = ("run", "--profile", "shell", "--workspace", "none", "--set", f"{key}={item}", "--", "true")
            result = t.cloche(*words, check=None)
            assert result.code == 125 and "cloche: " in result.err, (target, result)
    for key in ("filesystem.writable", "filesystem.system", "filesystem.etc"):
        for target in ("/proc", "/proc/sys", "/sys", "/dev", "../proc", "../../proc"):
            words = ("run", "--profile", "shell", "--workspace", "none", "--set", f"{key}=[/usr, /bin, /lib, /lib64, {target}]")
            result = t.cloche(*words, "--", "cat", "/proc/self/mountinfo", check=None)
            mounts = {line.split()[4]: line for line in result.out.splitlines()}
            # Taken or refused: /proc is the sandbox's own in either case, and nothing of it can be written.
            assert result.code != 0 or " - proc proc" in mounts["/proc"], (key, target, result)
            assert result.code != 0 or not {"/sys/fs/cgroup", "/sys/kernel", "/dev/vda"} & set(mounts), (key, target, result)
            assert result.code != 0 or "ro," in mounts["/proc/sys"].split()[5], (key, target, result)
    # The control: the same bind elsewhere.
    words = ("--set", f"filesystem.binds=[{{source: {t.dir / 'source'}, target: /opt/proc}}]", "--", "ls", "/opt/proc")
    t.cloche("run", "--profile", "shell", "--workspace", "none", *words)


# Rows 12 to 18, 22.

SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
READ_SETS = "grep -hE '^(Cap|NoNewPrivs|Seccomp:)' /proc/1/status /proc/self/status"


def test_no_program_has_a_capability(t):
    """Row 12, CVE-2022-29162, CVE-2022-27650: programs started with `exec` got a non-empty inheritable set. All five
    sets of init, of the task, of an `exec` with pipes and of one on a terminal are empty."""
    project = t.repository()

    def sets(name):
        t.start(name, f"{READ_SETS} > task; sleep 1000", cwd=project)
        workspace = t.workspace(name, project)
        t.wait_until(lambda: (workspace / "task").exists() and "Seccomp" in (workspace / "task").read_text(), "it has begun")
        texts = [(workspace / "task").read_text(), t.cloche("exec", "-T", name, "--", "sh", "-c", READ_SETS, cwd=project).out]
        terminal = t.terminal("exec", "-t", name, "--", "sh", "-c", READ_SETS + "; echo end", cwd=project)
        texts.append(terminal.expect(r"(.*)end").group(1).decode())
        terminal.wait()
        terminal.close()
        found = [line.split() for text in texts for line in text.splitlines() if line.startswith("Cap")]
        assert len(found) == 3 * 2 * 5, texts
        return {(key.rstrip(":"), int(value, 16)) for key, value in found}

    assert sets("a") == {(key, 0) for key in SETS}
    t.without("capabilities", "self-check")
    assert any(value for _, value in sets("b")), "the control: capabilities that are not dropped are seen"


def test_no_cgroup_can_be_written(t):
    """Row 13, CVE-2023-25809: without a cgroup namespace /sys/fs/cgroup of the host was writable. No cgroup file system
    is mounted, no name of one is below any mount, and the process's own place tells nothing of the host's."""
    code = """
mounts = [line.split(" - ")[1].split()[0] for line in open("/proc/self/mountinfo")]
found = [os.path.join(base, name) for top in ("/sys", "/run", "/proc/self/root/sys") for base, _, names in os.walk(top)
         for name in names if name.startswith("cgroup.")]
own = open("/proc/self/cgroup").read()
answer = [mounts, found, own, [attempt(os.open, path, os.O_WRONLY) for path in
          ("/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/unified/cgroup.procs", "/sys/fs/cgroup/memory/cgroup.procs")]]
"""
    mounts, found, own, opened = probe(t, code)
    assert not [kind for kind in mounts if "cgroup" in kind] and found == [], (mounts, found)
    assert all(line.split(":", 2)[2] in ("/", "/..") or line.split(":", 2)[2].startswith("/../") for line in own.splitlines()), own
    assert set(opened) == {"ENOENT"}, opened
    # The control: the host has one, and it would have been found.
    assert any("cgroup" in line for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()) or os.path.exists("/sys/fs/cgroup/cgroup.procs")


HELPER = """
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
static void leave(const char *path) {
    int file = open(path, O_CREAT | O_WRONLY | O_APPEND, 0666);
    if (file >= 0) { if (write(file, "fired\\n", 6) < 0) _exit(9); close(file); }
}
__attribute__((constructor)) static void begin(void) { leave("%s"); leave("/workspace/inside"); }
"""

PRELOADS = {
    "LD_PRELOAD": "%s/evil.so", "LD_LIBRARY_PATH": "%s/lib", "LD_AUDIT": "%s/evil.so", "GLIBC_TUNABLES": "glibc.malloc.check=3",
    "BASH_ENV": "%s/evil.sh", "ENV": "%s/evil.sh", "NODE_OPTIONS": "--require %s/evil.js", "PYTHONSTARTUP": "%s/evil.py",
    "PYTHONPATH": "%s", "PERL5OPT": "-I%s -Mevil", "GIT_EXTERNAL_DIFF": "%s/evil.sh", "GIT_SSH_COMMAND": "%s/evil.sh",
    "GIT_PAGER": "%s/evil.sh", "PAGER": "%s/evil.sh", "GIT_EXEC_PATH": "%s", "GIT_CONFIG_GLOBAL": "%s/gitconfig", "EDITOR": "%s/evil.sh",
    "GIT_ASKPASS": "%s/evil.sh", "PATH": "%s:/usr/bin:/bin", "SHELL": "%s/evil.sh",
}  # fmt: skip


def test_no_host_helper_sees_the_sandboxs_environment(t):
    """Row 15, CVE-2025-23266: a hook of the host inherited LD_PRELOAD from the image. Here an agent has each such
    variable in its environment, by its profile and by `exec --env`, with what it names in its workspace; then every
    command that starts a helper outside is used. The library leaves a mark on the host where it is loaded there."""
    project = t.repository()
    fired = t.dir / "fired"
    t.start("a", "touch up; sleep 1000", cwd=project)
    workspace = t.workspace("a", project)
    t.wait_until(lambda: (workspace / "up").exists(), "it has begun")
    t.cloche("stop", "a", cwd=project)
    t.cloche("delete", "--force", "a", cwd=project)
    # The workspace will be at the same place again; each variable names both the inside and the outside of it.
    values = {name: value.replace("%s", str(workspace)) for name, value in PRELOADS.items() if name not in ("PATH", "GIT_EXEC_PATH", "SHELL")}
    values |= {"LD_PRELOAD": f"/workspace/evil.so:{workspace}/evil.so", "PATH": f"{workspace}:/workspace:/usr/bin:/bin", "SHELL": f"{workspace}/evil.sh"}
    lines = "".join(f"      {name}: {json.dumps(value)}\n" for name, value in values.items())
    t.profile("evil", f"extends: shell\nenvironment:\n  set:\n{lines}")
    source = t.dir / "evil.c"
    source.write_text(HELPER % fired)
    t.command("cc", "-shared", "-fPIC", "-o", t.dir / "evil.so", source)
    t.start("a", "until [ -e go ]; do sleep 0.02; done; git add -A; git commit -qm Evil; echo loose > loose; sleep 1000", cwd=project, profile="evil")
    assert t.workspace("a", project) == workspace
    script = f"#!/bin/sh\necho {os.path.basename(str(fired))} >> {fired}\nexit 0\n"
    for name in ("evil.sh", "git", "sh", "cat", "less", "ssh"):
        (workspace / name).write_text(script)
        (workspace / name).chmod(0o755)
    (workspace / "gitconfig").write_text(f"[core]\n\tfsmonitor = {workspace}/evil.sh\n\tpager = {workspace}/evil.sh\n")
    shutil.copy(t.dir / "evil.so", workspace / "evil.so")
    t.cloche("exec", "a", "--", "/bin/true", cwd=project, check=None)
    t.wait_until(lambda: (workspace / "inside").exists(), "the control: inside, the library is loaded")
    (workspace / "go").touch()
    t.wait_until(lambda: (workspace / "loose").exists() or t.agents(project)["a"]["state"] not in case.LIVING, "its work is done")
    extra = [word for name, value in values.items() for word in ("--env", f"{name}={value}")]
    for words in (
        ["exec", *extra, "a", "--", "/usr/bin/git", "log"], ["exec", "-t", *extra, "a", "--", "/bin/true"], ["list"], ["diff", "a"], ["diff", "--stat", "a"],
        ["sync", "a"], ["merge", "a"], ["logs", "a"], ["explain", "a"], ["stop", "a"], ["resume", "a", "true"], ["delete", "--force", "a"],
    ):  # fmt: skip
        t.cloche(*words, cwd=project, check=None)
        assert not fired.exists(), f"cloche {words[0]} had a helper load it: {fired.read_text()}"
    # The control: a program of the host that has the variable leaves the mark.
    t.command("/bin/true", env={"LD_PRELOAD": str(t.dir / "evil.so")})
    assert fired.exists()


class FakeSupervisor:
    """Somebody's socket in the place of a supervisor's: it answers nothing and notes what it is told."""

    def __init__(self, directory, owner=None):
        self.path = directory / "control.sock"
        self.path.unlink(missing_ok=True)
        self.heard = directory / "heard"
        code = (
            "import os, socket, sys\n"
            f"{'os.setgid(%d); os.setuid(%d)' % (owner, owner) if owner else ''}\n"
            "s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
            "os.chdir(sys.argv[1]); s.bind('control.sock'); s.listen(); print('ready', flush=True)\n"
            "while True:\n"
            "    c = s.accept()[0]\n"
            "    data = c.recv(65536)\n"
            "    open('heard', 'ab').write(data or b'-')\n"
        )
        words = ["/usr/bin/python3", "-c", code, str(directory)]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        assert self.process.stdout.readline() == b"ready\n"

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def test_a_supervisor_of_another_user_is_refused(t):
    """Row 17, CVE-2022-31214: `--join` believed a fake sandbox. A state directory of another user's, with a record, a
    lock and a socket that all look right, is not spoken to: neither `exec` nor `attach` tells it what they were to do."""
    project = t.repository()
    t.run_task("a", "true", cwd=project)
    directory = next(path.parent for path in t.state.rglob("agent.json"))
    record = json.loads((directory / "agent.json").read_text())
    # The control first: the same fake, made by the user himself, is spoken to.
    fake = FakeSupervisor(directory)
    client = t.spawn("exec", "-T", "a", "--env", "SECRET=canary-secret", "--", "true", cwd=project)
    t.wait_until(fake.heard.exists, "the fake is told")
    client.kill()
    client.communicate()
    fake.end()
    assert b"canary-secret" in fake.heard.read_bytes()
    fake.heard.unlink()
    fake.path.unlink()
    # A record that says running: nobody holds the lock, so nothing runs.
    (directory / "agent.json").write_text(json.dumps(record | {"state": "running"}))
    assert t.agents(project)["a"]["state"] == "lost"
    result = t.cloche("exec", "-T", "a", "--", "true", cwd=project, check=None)
    assert result.code == 125 and "does not run" in result.err, result
    if os.getuid() != 0:
        return  # only root can give files away
    stranger = 54321
    for path in (t.dir, t.state, *[place for place in directory.parents if t.state in place.parents]):
        path.chmod(0o755)
    os.chown(directory, stranger, stranger)
    directory.chmod(0o755)
    fake = FakeSupervisor(directory, owner=stranger)
    try:
        for words in (["exec", "-T", "a", "--env", "SECRET=canary-secret", "--", "true"], ["stop", "a"], ["logs", "a"], ["attach", "a"]):
            if words[0] == "attach":
                terminal = t.terminal(*words, cwd=project)
                terminal.expect(f"belongs to user {stranger}")
                terminal.close()
                continue
            result = t.cloche(*words, cwd=project, check=None, timeout=20)
            heard = fake.heard.read_bytes() if fake.heard.exists() else b""
            assert b"canary-secret" not in heard and heard.strip(b"-") == b"", (words, heard)
            if words[0] == "exec":
                assert result.code == 125 and f"belongs to user {stranger}" in result.err, result
    finally:
        fake.end()
        os.chown(directory, 0, 0)
        fake.heard.unlink(missing_ok=True)
        fake.path.unlink()


def test_a_set_id_copy_of_the_program_refuses_to_run(t):
    """Rows 18 and 22, CVE-2020-5291, CVE-2021-26910, CVE-2017-5180: a sandbox program that was set-id was a way to
    root. Cloche needs no such bit, and does nothing at all with one: not as itself, and not under init's name."""
    copy = t.dir / "bin/cloche"
    copy.parent.mkdir()
    shutil.copy(t.program, copy)
    t.dir.chmod(0o755)
    if os.getuid() == 0:
        user, mode, as_user = 54321, 0o4755, ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]
    else:
        # To be set-id to oneself changes nothing; a group of one's own that is not the first one does.
        groups = [group for group in os.getgroups() if group != os.getgid()]
        user, mode, as_user = os.getuid(), 0o2755, []
        if not groups:
            mode = None
        else:
            os.chown(copy, -1, groups[0])
    if mode is not None:
        copy.chmod(mode)
        assert copy.stat().st_mode & 0o6000
        home = {"HOME": "/nonexistent", "XDG_STATE_HOME": "/nonexistent", "XDG_CACHE_HOME": "/nonexistent"}
        for words in (["--version"], ["doctor"], ["run", "--workspace", "none", "--", "id"]):
            result = t.command(*as_user, copy, *words, check=None, env=home)
            assert result.code == 125 and result.out == "" and "set-id" in result.err, result
        as_init = "import os, sys; os.execv(sys.argv[1], ['cloche-init'])"
        result = t.command(*as_user, "/usr/bin/python3", "-c", as_init, copy, check=None)
        assert result.code == 125 and "set-id" in result.err, result
    # The control: the same copy without the bit.
    copy.chmod(0o755)
    assert t.command(*as_user, copy, "--version").code == 0
    # None of what Cloche makes has it.
    project = t.repository()
    t.run_task("a", "umask 0; mkdir d; chmod 2777 d; touch f; chmod 6777 f; true", cwd=project)
    made = [path for top in (t.state, t.dir / "cache") for path in top.rglob("*")]
    assert len(made) > 20
    assert not [path for path in made if not path.is_symlink() and path.lstat().st_mode & 0o6000]
    layers = [path for path in t.state.rglob("upper") if path.is_dir()]
    assert layers and all(path.stat().st_mode & 0o077 == 0 for path in layers), "the layers are open to others"


def test_places_of_an_agent_that_became_links(t):
    """Rows 18 and 20, CVE-2024-42472, CVE-2026-34078, CVE-2021-26910: a directory that is kept was replaced by a link to
    somewhere else. Only the user could do that here; the next start is refused all the same."""
    project = t.repository()
    canary = t.dir / "canary"
    for inside in ("layers/etc/files", "var", "private"):
        (canary / inside).mkdir(parents=True)
    (canary / "secret").write_text("canary-secret")
    t.run_task("a", "true", cwd=project)
    directory = next(path.parent for path in t.state.rglob("agent.json"))
    before = canaries.tree(canary)
    for name in ("home", "upper", "upper/layers", "upper/var", "workspace", "git/private"):
        place = directory / name
        assert place.is_dir() and not place.is_symlink(), place
        place.rename(t.dir / "kept")
        place.symlink_to(canary)
        result = t.cloche("resume", "a", "cat ~/secret /workspace/secret /var/secret; touch ~/x /var/x /workspace/x /etc/x", cwd=project, check=None)
        if result.code == 0:
            t.wait_ended("a", project)
        log = t.cloche("logs", "a", cwd=project, check=None)
        assert canaries.tree(canary) == before and "canary-secret" not in log.out, (name, result, log)
        assert result.code == 125 and "symbolic link" in result.err, (name, result)
        place.unlink()
        (t.dir / "kept").rename(place)
    # The control: with everything in its place again it goes on.
    t.cloche("resume", "a", "touch here", cwd=project)
    t.wait_ended("a", project)
    assert (t.workspace("a", project) / "here").exists()
