"""Rows 51 and 68 to 87 of the known escapes: files, git and the programs of the host.

What an agent plants must not be run, followed or believed by the host: see also `hostile_git` and the unit tests
`HostileTests`, which have most of these rows. Each attack here has its control.
"""

import hashlib
import json
import os
import pathlib
import re
import shlex
import struct

import case
import test_hostile_git
import test_isolation
import victims


def canary(t, name="canary.sh"):
    """A program of the host's that leaves a trace when it is run; returns its path and what asks for the trace."""
    trace, program = t.dir / f"trace-{name}", t.dir / name
    program.write_text(f'#!/bin/sh\necho "$0 $*" >> {trace}\n[ -t 0 ] || /bin/cat\nexit 0\n')
    program.chmod(0o755)

    def fired():
        text = trace.read_text() if trace.exists() else ""
        trace.unlink(missing_ok=True)
        return text

    return program, fired


def digest(path):
    """What a directory holds: names, kinds, modes and contents."""
    found = hashlib.sha256()
    for entry in sorted(pathlib.Path(path).rglob("*")):
        status = entry.lstat()
        found.update(f"{entry.relative_to(path)} {status.st_mode:o}\0".encode())
        if entry.is_symlink():
            found.update(os.readlink(entry).encode())
        elif entry.is_file():
            found.update(entry.read_bytes())
    return found.hexdigest()


# Every way to get at a file that is in view but not to be changed: its directory entry, another name, its contents.
CHANGE = """
import ctypes, fcntl, mmap
def exchange(one, other): return call(316, -100, ctypes.c_char_p(one.encode()), -100, ctypes.c_char_p(other.encode()), 2)
def mapped(path):
    if os.path.getsize(path) == 0: raise OSError(errno.EINVAL, "nothing to map")
    with open(path, "rb") as file: mmap.mmap(file.fileno(), 0, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
def written(path):
    with open(path, "ab") as file: file.write(b"planted")
def reopened(path):
    with open(path, "rb") as file: open(f"/proc/self/fd/{file.fileno()}", "wb")
def change(path):
    here = os.path.dirname(path)
    open("/workspace/other", "w").close()
    return {
        "write": attempt(written, path), "reopen": attempt(reopened, path), "map": attempt(mapped, path),
        "truncate": attempt(os.truncate, path, 0), "chmod": attempt(os.chmod, path, 0o777),
        "utime": attempt(os.utime, path, (0, 0)), "xattr": attempt(os.setxattr, path, "user.x", b"x"),
        "unlink": attempt(os.unlink, path), "rename": attempt(os.rename, path, "/workspace/moved"),
        "replace": attempt(os.rename, "/workspace/other", path), "exchange": exchange("/workspace/other", path),
        "link": attempt(os.link, path, "/workspace/linked"), "beside": attempt(open, here + "/planted", "w"),
        "rename-above": attempt(os.rename, here, "/workspace/above"), "mount": call(165, 0, 0, 0, 0, 0),
        "unmount": call(166, ctypes.c_char_p(path.encode()), 2),
    }
"""


def changes(t, target, *words, **more):
    script = test_isolation.PROBE + CHANGE + f"\nanswer = change({target!r})\nprint(json.dumps(answer))"
    return json.loads(t.cloche(*words, "--", "python3", "-c", script, **more).out.splitlines()[-1])


def test_what_may_only_be_read_has_no_other_name(t):
    """Row 51 (sandlock) and the masked `.git` of a directory workspace: no second name, no other place, no other way to
    open it leads to a file of `.git` that can be changed."""
    project = t.repository()
    words = ("run", "--profile", "shell", "--workspace", f"dir:{project}")
    before = digest(project / ".git")
    for target in ("/workspace/.git/config", "/workspace/.git/hooks/planted", "/workspace/.git"):
        tried = changes(t, target, *words)
        tried.pop("beside") if target == "/workspace/.git" else None
        tried.pop("rename-above") if target == "/workspace/.git" else None
        assert "ok" not in tried.values(), (target, tried)
        assert digest(project / ".git") == before, target
    t.without("read-only", "landlock", "self-check")
    tried = changes(t, "/workspace/.git/config", *words)
    assert tried["write"] == "ok" and digest(project / ".git") != before, tried


def test_a_worktrees_git_file_stays(t):
    """Rows 71 and 72, and this design's own: `.git` of a worktree is a file that the sandbox covers with another. Neither
    the one nor the other can be changed, moved or covered."""
    project = t.repository()
    t.start("a", "sleep 1000", cwd=project)
    workspace = t.workspace("a", project)
    state = pathlib.Path(t.cloche("path", "a", "state", cwd=project).out.strip())
    files = [workspace / ".git", state / "git/pointer"]
    before = [file.read_bytes() for file in files]
    tried = changes(t, "/workspace/.git", "exec", "a", cwd=project)
    allowed = {"beside", "rename-above"}
    assert not [way for way, answer in tried.items() if answer == "ok" and way not in allowed], tried
    assert [file.read_bytes() for file in files] == before
    assert t.git("status", "--porcelain", cwd=workspace).out.split() == ["??", "other", "??", "planted"]
    # The control: the same, done on the host to a file that nothing covers.
    place = t.dir / "plain"
    place.mkdir()
    (place / ".git").write_text("gitdir: elsewhere\n")
    script = test_isolation.PROBE + CHANGE.replace("/workspace", str(place)) + f"\nprint(json.dumps(change('{place}/.git')))"
    tried = json.loads(t.command("/usr/bin/python3", "-c", script).out)
    assert [tried[way] for way in ("write", "reopen", "truncate", "chmod", "unlink")] == ["ok"] * 5, tried


def test_the_repositorys_objects_stay(t):
    """This design's own: all agents see the repository's objects, read-only; what one put there would be in the history of
    the others. The file that names further object directories is covered by an empty one."""
    project = t.repository()
    lender = t.repository("lender")
    (project / ".git/objects/info/alternates").write_text(f"{lender}/.git/objects\n")
    head = t.git("rev-parse", "HEAD", cwd=project).out.strip()
    loose = f"{head[:2]}/{head[2:]}"
    before = digest(project / ".git/objects"), digest(lender)
    t.start("a", "sleep 1000", cwd=project)
    for target in (f"/run/cloche/objects/{loose}", "/run/cloche/objects/info/alternates", "/run/cloche/objects.1/info/packs"):
        tried = changes(t, target, "exec", "a", cwd=project)
        assert "ok" not in tried.values(), (target, tried)
    seen = t.cloche("exec", "a", "--", "cat", "/run/cloche/objects/info/alternates", cwd=project).out
    assert str(lender) not in seen, seen
    assert (digest(project / ".git/objects"), digest(lender)) == before
    # The control: where it is not read-only, the same does change it (`.git/objects` by a bind that grants it).
    t.profile("granted", f"extends: shell\nfilesystem:\n  binds:\n    - {{source: {lender}, target: /opt/lender, mode: rw}}\n")
    tried = changes(t, "/opt/lender/.git/objects/info/planted", "run", "--profile", "granted", "--workspace", "none")
    assert tried["write"] == "ok" and digest(lender) != before[1], tried


def test_a_repository_cannot_show_other_directories(t):
    """The next row of 76 (CVE-2022-39253): what a repository says that it borrows from is bound into the sandbox. One that
    came with its `.git` from elsewhere may name the user's keys, or lead there by links."""
    project = t.repository()
    keys = t.home / ".ssh"
    keys.mkdir()
    (keys / "id").write_text("canary-key\n")
    lender = t.repository("lender")
    (lender / ".git/objects/canary").write_text("canary-object\n")
    objects = project / ".git/objects"
    (objects / "link").symlink_to(keys)
    (objects / "pack/pack-evil.pack").symlink_to(keys / "id")
    (t.dir / "objects").symlink_to(keys)
    lines = [keys, "../../../home/.ssh", t.dir / "objects", t.home, "/etc", "/", lender / ".git/objects"]
    (objects / "info/alternates").write_text("".join(f"{line}\n" for line in lines))
    t.start("a", "sleep 1000", cwd=project)
    look = "cat /run/cloche/objects*/id /run/cloche/objects*/.ssh/id /run/cloche/objects/link/id /run/cloche/objects/pack/*; ls -d /run/cloche/objects*; cat /run/cloche/objects*/canary"
    seen = t.cloche("exec", "a", "--", "sh", "-c", look, cwd=project, check=None).out
    assert "canary-key" not in seen, seen
    # The control: a directory of objects is shown.
    assert "canary-object" in seen and "/run/cloche/objects.1\n" in seen and "objects.2" not in seen, seen


def test_a_git_file_cannot_lead_into_the_workspace(t):
    """Rows 71 and 72 (CVE-2026-40068, CVE-2026-55607): in a directory of the user's, `.git` may be a file, and what it names
    may lie in the same directory: `git init --separate-git-dir`, and the layout of a bare repository beside its
    worktrees. Then that is read-only, too."""
    program, fired = canary(t)
    separate = t.dir / "séparé"
    t.git("init", "--quiet", "--separate-git-dir", t.dir / "separate.git", separate, cwd=t.dir)
    (t.dir / "separate.git").rename(separate / "real.git")
    (separate / ".git").write_text("gitdir: ./real.git\n")
    beside = t.dir / "beside"
    beside.mkdir()
    t.git("clone", "--quiet", "--bare", t.repository("origin"), beside / ".bare", cwd=t.dir)
    (beside / ".git").write_text("gitdir: ./.bare\n")
    t.git("worktree", "add", "--quiet", beside / "main", cwd=beside)
    script = f"for d in real.git .bare .bare/worktrees/main; do [ -d $d ] && git config --file $d/config core.fsmonitor {program}; done; true"
    for project in (separate, beside):
        t.run_shell(script + "; rm -f .git; true", cwd=project)
        assert (project / ".git").is_file()
        for place in (project, project / "main"):
            if place.is_dir():
                t.git("status", cwd=place, check=None)
                assert not fired(), place
    # The layer: read-only mounts.
    t.without("read-only", "landlock", "self-check")
    t.run_shell(script, cwd=separate)
    t.git("status", cwd=separate, check=None)
    assert fired(), "without read-only mounts it runs"


def test_a_git_directory_is_no_workspace(t):
    """The next row of 72: a bare repository as the workspace would be written from top to bottom."""
    program, fired = canary(t)
    bare = t.dir / "bare.git"
    t.git("clone", "--quiet", "--bare", t.repository(), bare, cwd=t.dir)
    for directory in (bare, t.dir / "project/.git"):
        refused = t.run_shell("touch hooks/planted", cwd=directory, check=2)
        assert "git directory" in refused.err and not (directory / "hooks/planted").exists(), refused
        t.projects.discard(directory)
        t.cloche("run", "--profile", "shell", "--ro", "--", "test", "-r", "HEAD", cwd=directory)
        t.projects.discard(directory)
    # The control: what would be written there is run.
    t.git("config", "--file", bare / "config", "core.fsmonitor", program, cwd=bare)
    t.git("config", "--file", bare / "config", "core.bare", "false", cwd=bare)
    t.git("--git-dir", bare, "--work-tree", t.dir / "project", "status", cwd=bare, check=None)
    assert fired()


FORGE = """
dir=$(git rev-parse --absolute-git-dir)
mkdir -p /workspace/forged/objects /workspace/forged/refs; echo 'ref: refs/heads/main' > /workspace/forged/HEAD
for place in forged %(workspace)s/forged ../../forged; do
    git config --file /workspace/forged/config --add core.fsmonitor %(program)s
done
git config --file /workspace/forged/config core.hooksPath %(workspace)s/forged/hooks
mkdir -p /workspace/forged/hooks; cp /workspace/evil.sh /workspace/forged/hooks/post-index-change
echo %(workspace)s/forged > $dir/commondir; echo %(workspace)s/forged/.git > $dir/gitdir
mkdir -p $dir/worktrees/x $dir/modules/lib; cp $dir/HEAD $dir/worktrees/x; echo %(workspace)s/forged > $dir/worktrees/x/commondir
mkdir -p deep lib; echo "gitdir: %(workspace)s/forged" > deep/.git; echo "gitdir: ../forged" > lib/.git
echo changed >> README.md; echo done > forged-done
"""


@case.timeout(200)
def test_a_forged_common_directory_is_not_believed(t):
    """Row 71 (CVE-2026-40068): `commondir`, `gitdir` and `.git` files that lead to a directory of the agent's. The host
    goes by its own record; every command of ours, and the user's git at the top of the worktree, run nothing of it."""
    project = t.repository()
    t.start("evil", "until [ -e attack.sh ]; do sleep 0.02; done; sh ./attack.sh > attack.log 2>&1", cwd=project)
    workspace = t.workspace("evil", project)
    fires = test_hostile_git.Canary(t, workspace)
    (workspace / "evil.sh").write_text(fires.text)
    (workspace / "evil.sh").chmod(0o755)
    (workspace / "attack.part").write_text(FORGE % {"workspace": workspace, "program": workspace / "evil.sh"})
    os.rename(workspace / "attack.part", workspace / "attack.sh")
    t.wait_ended("evil", project)
    assert (workspace / "forged-done").exists(), "the attack did not run"
    # The control: git believes such a file where the user goes and asks it to.
    control = t.dir / "control"
    control.mkdir()
    (control / ".git").write_text(f"gitdir: {workspace}/forged\n")
    t.git("status", cwd=control, check=None)
    assert fires.fired()
    fires.fired_file.unlink()
    test_hostile_git.every_command(t, project, "evil", fires)


def test_nothing_of_the_agents_runs_while_it_is_exported(t):
    """This design's own: git works on the agent's material in a sandbox of its own (`sync`). A canary that the host could
    not see there kills all of that sandbox, so that the sync would fail."""
    project = t.repository()
    program = "/run/cloche/git/killer"
    settings = [f"git config --file $dir/config {key} {program}" for key in ("core.fsmonitor", "diff.external", "filter.x.clean", "filter.x.process", "uploadpack.packObjectsHook", "core.alternateRefsCommand", "gpg.program", "alias.add", "core.sshCommand")]
    script = f"""
        dir=$(git rev-parse --absolute-git-dir); echo x > committed; git add committed; git commit -qm x
        printf '#!/bin/sh\\nkill -9 -1\\n' > $dir/killer; chmod +x $dir/killer; cp $dir/killer /workspace/killer
        {"; ".join(settings)}
        git config --file $dir/config core.hooksPath /run/cloche/git/hooks; mkdir -p $dir/hooks
        for hook in {test_hostile_git.HOOKS}; do cp $dir/killer $dir/hooks/$hook; done
        echo '* filter=x diff=x' > .gitattributes; mkdir -p $dir/info; echo '* filter=x' > $dir/info/attributes
        echo loose > loose; cp $dir/config $dir/config.worktree; touch planted"""
    t.run_task("evil", script, cwd=project)
    assert (t.workspace("evil", project) / "planted").exists(), "the attack did not run"
    t.cloche("sync", "evil", cwd=project)
    assert "loose" in t.cloche("diff", "evil", "--name-only", cwd=project).out.split()
    # The control: in the agent's own sandbox the same configuration does fire, and ends everything.
    t.cloche("resume", "evil", "git status; touch survived", cwd=project)
    assert t.wait_ended("evil", project)["end-reason"] == "signalled"
    assert not (t.workspace("evil", project) / "survived").exists()


def fixtures(t, program):
    """Repositories as an attacker would offer them: name, path, and what in them is the bait."""
    hook = f"#!/bin/sh\n{program}\n"

    carriage = t.repository("carriage")  # CVE-2025-48384: a path that ends in CR, and a link of the name without it
    (carriage / ".gitmodules").write_text('[submodule "lib"]\n\tpath = "lib\\r"\n\turl = ./lib\n\tupdate = !%s\n' % program)
    (carriage / "lib\r").symlink_to(".git/modules/lib/hooks")
    (carriage / "hooks").mkdir()
    (carriage / "hooks/post-checkout").write_text(hook)
    (carriage / "hooks/post-checkout").chmod(0o755)

    folded = t.repository("folded")  # CVE-2024-32002: names that are one on a file system without case
    (folded / "A/modules").mkdir(parents=True)
    (folded / "A/modules/post-checkout").write_text(hook)
    (folded / "a").symlink_to(".git")
    (folded / ".gitmodules").write_text('[submodule "x/y"]\n\tpath = A/modules/x\n\turl = ./x\n')

    injected = t.repository("injected")  # CVE-2023-29007: a line so long that its rest becomes a section of its own
    long = "a" * 1100
    (injected / ".gitmodules").write_text(f'[submodule "{long}"]\n\tpath = lib\n\turl = {long}[core]fsmonitor={program}\n')
    (injected / ".gitattributes").write_text("* filter=evil diff=evil merge=evil\n")

    for path in (carriage, folded, injected):
        t.git("add", "-A", cwd=path)
        t.git("commit", "--quiet", "-m", "Bait", cwd=path)

    monitored = t.repository("monitored")  # GitSpawn: the repository's own configuration
    for key in ("core.fsmonitor", "core.sshCommand", "core.pager", "diff.external", "filter.evil.clean", "filter.evil.smudge", "merge.evil.driver", "gpg.program"):
        t.git("config", key, program, cwd=monitored)
    t.git("config", "commit.gpgSign", "true", cwd=monitored)
    (monitored / ".git/info/attributes").write_text("* filter=evil diff=evil merge=evil\n")
    for name in test_hostile_git.HOOKS.split():
        (monitored / ".git/hooks" / name).write_text(hook)
        (monitored / ".git/hooks" / name).chmod(0o755)
    return [carriage, folded, injected, monitored]


@case.timeout(240)
def test_repositories_that_are_bait_run_nothing(t):
    """Rows 73 and 76 (CVE-2024-32002, CVE-2025-48384, CVE-2023-29007, GitSpawn): each fixture goes through start, list,
    diff, sync, merge and delete."""
    program, fired = canary(t)
    for project in fixtures(t, program):
        t.run_task("a", "echo work > work; git -c core.fsmonitor=false add work; git -c commit.gpgSign=false commit -qm Work; echo loose > loose", cwd=project)
        for words in (["list", "--all"], ["diff", "a"], ["sync", "a"], ["merge", "a", "--dry-run"], ["merge", "a"], ["explain", "a"], ["delete", "--force", "a"]):
            result = t.cloche(*words, cwd=project, check=None)
            trace = fired()
            assert not trace, (project.name, words, trace)
            assert result.code == 0, (project.name, words, result)
        assert (project / "work").read_text() == "work\n"
    # The control: the last of them does fire at the user's own git.
    t.git("status", cwd=project, check=None)
    assert fired()


def test_a_repository_of_somebody_else_is_refused(t):
    """Row 76 (CVE-2022-24765): whoever owns a repository above the current directory decides what git runs there. Only
    root can make one here that belongs to another user; for others the owner is faked by the kernel's overflow id."""
    if os.getuid() != 0:
        # /proc and /sys belong to root, and so does whatever an ordinary user finds above: no such place to write.
        outside = t.cloche("start", "a", "--profile", "shell", "--workspace", "worktree", "true", cwd="/proc", check=None)
        assert outside.code == 125 and "git" in outside.err, outside
        return
    program, fired = canary(t)
    t.dir.chmod(0o755)
    project = t.repository()
    t.git("config", "core.fsmonitor", program, cwd=project)
    t.command("chown", "-R", "nobody", project)
    refused = t.start("a", "true", cwd=project / "src", check=125)
    assert "belongs to another user" in refused.err or "owner" in refused.err, refused
    assert not fired()
    t.projects.discard(project / "src")
    t.projects.discard(project)
    t.command("chown", "-R", "root", project)
    t.git("status", cwd=project)
    assert fired(), "the control"


def test_control_characters_of_the_agents_are_escaped(t):
    """Row 78 (CVE-2024-52005 and CVE-2024-52006): the other side of the fetch is the agent's material. Its names come back in git's
    own messages, over the side band."""
    project = t.repository()
    script = r"""
        n=$(printf 'x\033]0;title\007\r\033[2Jy'); echo x > "$n"; chmod 0 "$n"; mkdir "d$n"; chmod 0 "d$n"
        mkdir -p "r$n"; git -C "r$n" init -q .; git -C "r$n" commit -q --allow-empty -m x
        git branch "$(printf 'b\302\233x')" 2>/dev/null; dir=$(git rev-parse --absolute-git-dir)
        printf 'ref: refs/heads/\033]0;t\007\r\n' > $dir/refs/heads/bad; printf '\033[2J\r\n' >> $dir/packed-refs
        printf '#\033]0;t\007\n\033[2J\n' > $dir/info/exclude; printf 'x\033]0;t\007\n' > $dir/shallow; touch planted
    """
    t.run_task("evil", script, cwd=project)
    assert (t.workspace("evil", project) / "planted").exists(), "the attack did not run"
    told = ""
    for words in (["sync", "evil"], ["diff", "evil"], ["list", "--all"], ["merge", "--dry-run", "evil"], ["merge", "evil"], ["delete", "evil"]):
        result = t.cloche(*words, cwd=project, check=None)
        told += result.err
        for text in (result.out, result.err):
            assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\x9b]", text), (words, text)
    # The control: the names do come back, made visible.
    assert "title" in told, told


def test_the_working_directory_grants_nothing(t):
    """Row 79 (codex CVE-2025-59532): the program chooses where it works, and what it may write stays what it was."""
    code = """
import sys
def writable(place):
    try: os.chdir(place)
    except OSError: return "no"
    return "yes" if attempt(open, "planted", "w") == "ok" else "no"
places = ["/", "/usr", "/etc", "/proc/1/root", "/proc/self/root", "/run", "/run/cloche", "/run/cloche/objects", "/sys", "/dev", "/home", "/opt", "/workspace"]
answer = {place: writable(place) for place in places}
"""
    first = test_isolation.probe(t, code)
    assert first["/"] == first["/usr"] == first["/home"] == first["/proc/1/root"] == first["/proc/self/root"] == "no", first
    assert first["/workspace"] == "yes", "the control: it can tell"
    project = t.repository()
    t.start("a", "sleep 1000", cwd=project)
    script = test_isolation.PROBE + code + "\nprint(json.dumps(answer))"
    for place in ("/", "/usr", "/proc/1/root", "/home"):
        words = ("sh", "-c", f"cd {place} 2>/dev/null; exec python3 -c {shlex.quote(script)}")
        again = json.loads(t.cloche("exec", "a", "--", *words, cwd=project).out)
        assert {key: again[key] for key in first if key != "/run/cloche"} == {key: first[key] for key in first if key != "/run/cloche"}, (place, again)
    assert not any(pathlib.Path(place, "planted").exists() for place in ("/", "/usr", "/etc", "/home", "/opt"))


def test_programs_of_the_host_are_not_taken_from_the_agent(t):
    """Row 81 (codex #32026): with the worktree's own directories first in PATH, relative ones among them, and from inside
    the worktree: git, the pager and the shell are the system's."""
    project = t.repository()
    program, fired = canary(t)
    t.run_task("evil", "mkdir bin; echo work > work; git add work; git commit -qm Work; echo loose > loose", cwd=project)
    workspace = t.workspace("evil", project)
    for name in ("git", "sh", "less", "more", "pager", "cat", "cloche", "env", "gpg", "ssh", "diff", "newuidmap", "newgidmap", "stty"):
        for place in (workspace, workspace / "bin"):
            (place / name).write_text(f"#!/bin/sh\n{program} {name} </dev/null\nexit 1\n")
            (place / name).chmod(0o755)
    hostile = {"PATH": f".:bin::./bin:{t.env['PATH']}"}
    for words in (["list"], ["diff", "evil"], ["diff", "--stat", "evil"], ["logs", "evil"], ["sync", "evil"], ["doctor"], ["merge", "--dry-run", "evil"], ["path", "evil"]):
        t.cloche(*words, cwd=workspace, env=hostile, check=None)
        trace = fired()
        assert not trace, (words, trace)
        terminal = t.terminal(*words, cwd=workspace, env=hostile | {"PAGER": "", "GIT_PAGER": ""})
        terminal.send("q\n")
        terminal.wait()
        terminal.close()
        trace = fired()
        assert not trace, (words, "on a terminal", trace)
    t.projects.discard(workspace)
    t.command("sh", "-c", "git status", cwd=workspace, env=hostile, check=None)
    assert fired(), "the control: a shell does look there"


WIDER = """
overrides:
  network: {mode: host}
  environment: {pass: [SECRET]}
  filesystem:
    binds: [{source: %(keys)s, target: /opt/keys}]
  syscalls: {allow: [unshare, setns, ptrace]}
"""


def test_a_project_cannot_widen_what_the_user_allows(t):
    """Row 82 (CVE-2025-59536, CVE-2026-21852, CVE-2026-33068): an agent that works in the project's own directory writes
    the project's configuration. It gets none written; and one that is there does not count while nobody trusts it: not for
    the agent that runs or is resumed, not for the next."""
    project = t.repository()
    keys = t.home / "keys"
    keys.mkdir()
    (keys / "id").write_text("canary-key\n")
    look = "cat /opt/keys/id; echo $SECRET; ls /proc/sys/net/ipv4/conf | wc -l; unshare -U true && echo nested; true"
    where = ("--workspace", f"dir:{project}")
    write = f"mkdir -p .cloche; cat > .cloche/config.yaml <<'E'\n{WIDER % {'keys': keys}}\nE\n"
    secret = {"SECRET": "canary-secret"}
    t.start("a", f"{write}\ntouch up; sleep 1000", *where, cwd=project, env=secret)
    t.wait_until(lambda: (project / "up").exists(), "the attack ran")
    told = [t.cloche("exec", "a", "--", "sh", "-c", look, cwd=project, env=secret, check=None)]
    t.cloche("stop", "--kill", "a", cwd=project, env=secret)
    told.append(t.cloche("resume", "a", f"({look}) > found 2>&1; touch again; sleep 1000", cwd=project, env=secret, check=None))
    assert not (project / ".cloche/config.yaml").exists(), "it wrote below a protected name"
    # As a clone or a merge brings it.
    t.cloche("stop", "--kill", "a", cwd=project)
    (project / ".cloche").mkdir(exist_ok=True)
    (project / ".cloche/config.yaml").write_text(WIDER % {"keys": keys})
    told.append(t.cloche("run", "--profile", "shell", "--", "sh", "-c", look, cwd=project, env=secret, check=None))
    told.append(t.start("b", look, *where, cwd=project, env=secret, check=None))
    for result in told:
        assert not re.search("canary|nested", result.out), result
    if (project / "found").exists():
        assert not re.search("canary|nested", (project / "found").read_text())
    assert all(result.code != 0 and "trust" in result.err for result in told[2:]), told
    # The control: when the user trusts the file, it counts.
    t.cloche("config", "trust", cwd=project, input="y\n")
    trusted = t.cloche("run", "--profile", "shell", "--", "sh", "-c", look, cwd=project, env=secret, check=None)
    assert "canary-key" in trusted.out and "canary-secret" in trusted.out, trusted
    # ... for as long as it is the same file.
    (project / ".cloche/config.yaml").write_text((project / ".cloche/config.yaml").read_text() + "\n# changed\n")
    changed = t.cloche("run", "--profile", "shell", "--", "sh", "-c", look, cwd=project, env=secret, check=None)
    assert "canary" not in changed.out, changed


@case.timeout(200)
def test_a_directory_that_becomes_a_link_is_not_followed(t):
    """Rows 80 and 85 (sandlock, nono #1493): while the host syncs and shows changes, the agent exchanges a directory and a
    link out of the workspace, some hundred thousand times. Nothing of what the link names arrives, and nothing is
    written there."""
    project = t.repository(files={"sub/file": "harmless\n", "README.md": "# Project\n"})
    outside = t.home / "outside"
    outside.mkdir()
    (outside / "file").write_text("canary-outside\n")
    (outside / "secret").write_text("canary-outside\n")
    t.start("evil", "until [ -x swap ]; do sleep 0.02; done; ln -s %s link; ./swap sub link stop > exchanged" % outside, cwd=project)
    workspace = t.workspace("evil", project)
    built = t.attack("swap")
    (workspace / "swap.part").write_bytes(built.read_bytes())
    (workspace / "swap.part").chmod(0o755)
    os.rename(workspace / "swap.part", workspace / "swap")
    t.wait_until(lambda: (workspace / "link").is_dir() and not (workspace / "link").is_symlink(), "it exchanges")
    before = digest(outside)
    followed = 0
    for _ in range(12):
        t.cloche("sync", "evil", cwd=project, check=None)
        shown = t.cloche("diff", "evil", cwd=project, check=None)
        assert "canary" not in shown.out + shown.err, shown
        # The control: who follows the link does find it, now and then.
        for _ in range(200):
            try:
                followed += "canary" in (workspace / "sub/file").read_text()
            except OSError:
                pass
    (workspace / "stop").touch()
    t.wait_ended("evil", project)
    assert int((workspace / "exchanged").read_text().split()[1]) > 10000 and followed > 0, followed
    t.cloche("merge", "evil", cwd=project, check=None)
    objects = t.git("cat-file", "--batch-all-objects", "--batch", cwd=project).out
    assert "canary-outside" not in objects
    t.cloche("delete", "--force", "evil", cwd=project)
    assert digest(outside) == before


def test_no_rule_about_command_lines_is_needed(t):
    """Row 87 (CVE-2026-22708, CVE-2026-29783): Cloche does not read command lines. What such rules were evaded by meets the
    same walls as anything else."""
    secret = t.home / "canary"
    secret.write_text("canary-secret\n")
    ways = [
        f"cat {secret}", f"read x < {secret}; echo $x", f"echo $(<{secret})", f"git --no-pager diff --no-index /dev/null {secret}",
        f"git -c core.fsmonitor='cat {secret} >&2' status", f"git show --no-index {secret}", f". {secret}", f"true & cat {secret} & wait",
        f"env -S 'cat {secret}'", f"sh -c 'exec 3<{secret}; cat <&3'", f"tar c {secret} | tar tO", f"awk '{{print}}' {secret}",
        f"find {t.home} -exec cat {{}} ;", f"ld.so /bin/cat {secret}", f"cp {secret} /dev/stdout", f"dd if={secret}",
    ]  # fmt: skip
    for way in ways:
        answer = t.cloche("run", "--profile", "shell", "--workspace", "none", "--", "bash", "-c", way, check=None)
        assert "canary-secret" not in answer.out + answer.err, (way, answer)
    shown = [way for way in ways if "canary-secret" in repr(t.command("bash", "-c", way, check=None, timeout=20))]
    assert len(shown) >= 8, ("the control: outside most of them show it", shown)


ALLOW = struct.pack("<HBBI", 6, 0, 0, 0x7FFF0000)


def test_cloches_own_files_are_bound_nowhere(t):
    """This design's own: compiled filters and the copy of /etc are kept in ~/.cache/cloche, records and homes in the state
    directory, profiles in the configuration. A bind that would show them is refused, whatever its name."""
    base = t.dir / "base"
    base.mkdir()
    (base / "below").mkdir()
    t.run_shell("true")
    (t.dir / "alias").symlink_to(t.dir)
    cache, state, configuration = t.dir / "cache", t.state, t.config

    def bound(source, mode):
        t.profile("bound", f"extends: shell\nfilesystem:\n  binds:\n    - {{source: {source}, target: /opt/bound, mode: {mode}}}\n")
        return t.cloche("run", "--profile", "bound", "--workspace", "none", "--", "ls", "/opt/bound", check=None)

    project = t.repository()
    t.start("a", "sleep 1000", cwd=project)
    for source in (cache, cache / "cloche", state, configuration, configuration / "cloche/profiles", t.dir, t.dir / "alias/cache", "/"):
        refused = bound(source, "rw")
        assert refused.code == 125 and "own files" in refused.err, (source, refused)
    for source in (state, state / "cloche", t.dir):
        refused = bound(source, "ro")
        assert refused.code == 125 and "own files" in refused.err, (source, refused)
    # Also when an agent is started or resumed with it.
    refused = t.start("b", "true", "--set", f"filesystem.binds+=[{{source: {cache}, mode: rw}}]", cwd=project, check=125)
    assert "own files" in refused.err and "b" not in t.agents(project), refused
    # The controls: what is beside them can be bound; and a filter that was written there would be believed.
    assert bound(base, "rw").out == "below\n"
    mark = "touch /tmp/x; chmod u+s /tmp/x && echo marked; true"
    assert t.run_shell(mark).out == ""
    for file in (cache / "cloche").glob("filter-*"):
        data = file.read_bytes()
        length = struct.unpack("<I", data[:4])[0]
        file.write_bytes(struct.pack("<III", length, 8, 8) + data[12 : 12 + length] + ALLOW + ALLOW)
    assert t.run_shell(mark).out == "marked\n"


def test_what_an_agent_does_to_etc_is_its_own(t):
    """This design's own: the copy of /etc in ~/.cache/cloche is one for all sandboxes, below a layer of the agent's own."""
    project = t.repository()
    t.run_shell("true")
    cache = t.dir / "cache/cloche"
    before = digest(cache)
    script = """
        for f in $(find /etc -type f 2>/dev/null); do echo planted > $f || { rm -f $f; echo planted > $f; }; done
        for d in $(find /etc -type d 2>/dev/null); do echo planted > $d/planted; chmod 777 $d; setfattr -n user.overlay.opaque -v y $d; done
        rm -rf /etc/ssl /etc/profile.d; ln -sfn / /etc/fonts; mknod /etc/whiteout c 0 0; echo evil > /etc/ld.so.preload; touch /workspace/planted
    """
    t.run_task("evil", f"({script}) >/dev/null 2>&1", cwd=project)
    assert (t.workspace("evil", project) / "planted").exists(), "the attack did not run"
    assert digest(cache) == before
    assert "planted" not in t.run_shell("cat /etc/passwd /etc/ld.so.preload; ls /etc", check=None).out
    # The control: the agent itself keeps what it wrote.
    t.cloche("resume", "evil", "ls /etc > found; true", cwd=project)
    t.wait_ended("evil", project)
    assert "planted" in (t.workspace("evil", project) / "found").read_text()


def test_layers_do_not_lead_out(t):
    """The next row of 26 and 51: marks of overlayfs that an agent sets on its own files, which the next start mounts again."""
    project = t.repository()
    secret = t.dir / "secret"
    secret.mkdir()
    (secret / "id").write_text("canary-layer\n")
    script = f"""
        cd /usr/local/share; mkdir -p a b /opt/c; for d in a b /opt/c; do for n in redirect origin metacopy opaque upper; do
            python3 -c "import os,sys; os.setxattr(sys.argv[1], 'user.overlay.'+sys.argv[2], b'{secret}')" $d $n
            python3 -c "import os,sys; os.setxattr(sys.argv[1], 'user.overlay.overlay.'+sys.argv[2], b'{secret}')" $d $n
            python3 -c "import os,sys; os.setxattr(sys.argv[1], 'trusted.overlay.'+sys.argv[2], b'{secret}')" $d $n; done; done
        rm -rf b; ln -s {secret} b; rm -rf /opt/c; ln -s {secret} /opt/c; rmdir /var/cache/* ; ln -sfn {secret} /var/cache/x; ln -sfn {secret} ~/x
        rm -rf /usr/local/bin/* ; ln -s {secret} /usr/local/bin/x; touch /workspace/planted
    """
    t.run_task("evil", f"({script}) > log 2>&1; touch planted", cwd=project)
    assert (t.workspace("evil", project) / "planted").exists(), "the attack did not run"
    t.cloche("resume", "evil", "find / -path /usr -prune -o -name id -not -path '/proc/*' -exec cat {} + > found 2>/dev/null; cat /opt/c/id /var/cache/x/id ~/x/id /usr/local/share/*/id >> found; touch again", cwd=project)
    t.wait_ended("evil", project)
    assert (t.workspace("evil", project) / "again").exists() or t.agents(project)["evil"]["state"] == "failed"
    found = t.workspace("evil", project) / "found"
    assert not found.exists() or b"canary-layer" not in found.read_bytes()
    assert (secret / "id").read_text() == "canary-layer\n" and len(list(secret.iterdir())) == 1
    # The control: on the host the agent's links do lead there.
    home = pathlib.Path(t.cloche("path", "evil", "home", cwd=project).out.strip())
    assert (home / "x/id").read_text() == "canary-layer\n"
