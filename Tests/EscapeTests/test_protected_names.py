"""Names in a workspace that the host's programs obey by themselves: `filesystem.protect`.

An agent in a directory of the user's tries to make, change, remove and rename them, and their parents away; afterwards
the host must have what it had. Each attempt succeeds in the same test with a profile that protects nothing.
"""

import json
import os
import signal
import subprocess

# Of the default list, those that a mount is made for, as a program of the host would look for them.
PATHS = [
    ".git/config",
    ".hg/hgrc",
    ".jj/repo/config.toml",
    ".husky/pre-commit",
    ".githooks/pre-commit",
    ".pre-commit-config.yaml",
    "lefthook.yml",
    ".lefthook.yml",
    ".envrc",
    ".mise.toml",
    "mise.toml",
    ".vscode/tasks.json",
    ".idea/workspace.xml",
    ".zed/tasks.json",
    ".devcontainer/devcontainer.json",
    ".devcontainer.json",
    ".exrc",
    ".vimrc",
    ".claude/settings.local.json",
    ".mcp.json",
    ".cursor/hooks.json",
    ".codex/config.toml",
    ".gemini/settings.json",
    ".opencode/opencode.json",
    "opencode.json",
    ".github/hooks/evil.json",
    ".aider.conf.yml",
    ".cloche/config.yaml",
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    ".cargo/config.toml",
]

# Every way that leads to a file of that name: as it is, after removing, by renaming one into the place, by renaming the
# parent out of the way, by exchanging, by a link.
ATTACK = r"""
import ctypes, os, shutil, sys
libc = ctypes.CDLL(None, use_errno=True)
def quiet(function, *arguments):
    try: function(*arguments)
    except OSError: pass
def write(path):
    with open(path, "w") as file: file.write("evil")
def prepare(ready):
    os.makedirs(os.path.dirname(ready), exist_ok=True)
    write(ready)
for path in sys.argv[1:]:
    steps = [path.rsplit("/", count)[0] for count in range(path.count("/") + 1)]
    ready = "prepared/" + path
    quiet(os.makedirs, os.path.dirname(path) or ".")
    quiet(write, path)
    for number, step in enumerate(steps):
        quiet(prepare, ready)
        quiet(os.chmod, step, 0o777)
        quiet(os.unlink, step)
        shutil.rmtree(step, ignore_errors=True)
        quiet(os.rename, step, f"{step}.away{number}")
        libc.renameat2(-100, step.encode(), -100, ("prepared/" + step).encode(), 2)
        quiet(os.rename, "prepared/" + step, step)
        quiet(os.symlink, os.path.abspath("prepared/" + step), step)
        quiet(os.link, ready, step)
    quiet(write, path)
    print(path, "evil" if os.path.isfile(path) and open(path).read() == "evil" else "-", flush=True)
"""

UNPROTECTED = ("--set", "filesystem.protect=[]")


def attack(t, cwd, *options, paths=PATHS):
    """The paths at which the agent reads its own text in the end."""
    words = ("run", "--profile", "shell", *options, "--", "python3", "-c", ATTACK, *paths)
    lines = t.cloche(*words, cwd=cwd).out.splitlines()
    assert len(lines) == len(paths), lines
    return [line.split(" ")[0] for line in lines if line.endswith(" evil")]


def obeyed(place, paths=PATHS):
    """The paths at which a program of the host would find the agent's text."""
    return [path for path in paths if (place / path).is_file() and (place / path).read_text() == "evil"]


def folder(t, name="folder"):
    path = t.dir / name
    path.mkdir()
    (path / "README").write_text("mine\n")
    return path


def stub_records(t):
    return list((t.state / "cloche/stubs").glob("*"))


def names(place):
    """What is in a directory, but for what the attack prepared elsewhere in it."""
    found = (str(file.relative_to(place)) for file in place.rglob("*"))
    return sorted(name for name in found if not name.startswith("prepared"))


def waiting(t, place, *words, options=()):
    """A sandbox that says `ready` and goes on when it is given a line."""
    process = t.spawn("run", "--profile", "shell", *options, "--", *words, cwd=place, stdin=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    return process


def test_absent_names_cannot_be_made(t):
    """Row 68, CVE-2026-25725."""
    place = folder(t)
    assert attack(t, place) == []
    assert names(place) == ["README"], names(place)
    assert not stub_records(t)

    control = folder(t, "control")
    assert attack(t, control, *UNPROTECTED) == PATHS == obeyed(control)


def test_present_names_cannot_be_changed(t):
    """Row 75: configuration and hook files that are there."""
    place = folder(t)
    for path in PATHS:
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text("# mine\n")
    before = names(place)
    assert attack(t, place) == []
    assert names(place) == before and all((place / path).read_text() == "# mine\n" for path in PATHS)
    # What is beside a protected name is the agent's to write.
    t.run_shell("echo x > .github/CODEOWNERS; mkdir src; echo y > src/a", cwd=place)
    assert (place / ".github/CODEOWNERS").read_text() == "x\n" and (place / "src/a").exists()

    assert attack(t, place, *UNPROTECTED) == PATHS == obeyed(place)


def test_nothing_protected_can_be_made_in_a_read_only_workspace(t):
    place = folder(t)
    script = 'for f in "$@"; do mkdir -p "$(dirname $f)"; echo evil > $f; done 2>/dev/null; ls -A'
    words = ("sh", "-c", script, "sh", *PATHS)
    assert t.cloche("run", "--profile", "shell", "--ro", "--", *words, cwd=place).out == "README\n"
    assert names(place) == ["README"] and not stub_records(t)

    t.cloche("run", "--profile", "shell", *UNPROTECTED, "--", *words, cwd=place)
    assert all((place / path).exists() for path in PATHS)


def test_the_directory_above_a_name_cannot_be_renamed_away(t):
    """A mount on a file keeps the file, not the directory that it is in."""
    paths = [".vscode/tasks.json", "deep/er/hooks.json"]
    only = ("--set", f"filesystem.protect={json.dumps(paths)}")
    for name in ("absent", "present"):
        place = folder(t, name)
        for path in paths if name == "present" else []:
            (place / path).parent.mkdir(parents=True)
            (place / path).write_text("{}")
        before = names(place)
        assert attack(t, place, *only, paths=paths) == []
        assert names(place) == before, (before, names(place))
        # Such a directory is not read-only for that.
        t.run_shell("echo x > .vscode/x", *only, cwd=place)
        assert (place / ".vscode/x").exists()

        assert attack(t, place, *UNPROTECTED, paths=paths) == paths == obeyed(place, paths)


def test_links_to_protected_files(t):
    """Row 69, CVE-2026-25724: a name that is a link keeps leading where it did, and that keeps its content."""
    place = folder(t)
    (place / "shared/editor").mkdir(parents=True)
    (place / "shared/editor/tasks.json").write_text("mine")
    (place / "shared/.envrc").write_text("mine")
    (place / ".vscode").symlink_to("shared/editor")
    (place / ".envrc").symlink_to("shared/.envrc")
    (place / ".idea").symlink_to("/usr/share")
    paths = [".vscode/tasks.json", ".envrc", "shared/editor/tasks.json", "shared/.envrc"]
    before = names(place)
    assert attack(t, place, paths=[*paths, ".idea/workspace.xml"]) == []
    assert names(place) == before and os.readlink(place / ".vscode") == "shared/editor"
    # A link that the agent makes leads through no protection.
    script = "ln -s .envrc way; printf evil > way; ln -s shared/editor dir; printf evil > dir/tasks.json"
    t.run_shell(script, cwd=place, check=None)
    assert obeyed(place, paths) == []

    t.run_shell(script.replace("ln -s", "ln -sfn"), *UNPROTECTED, cwd=place)
    assert obeyed(place, paths) == paths


def test_links_that_cannot_be_kept_stop_the_start(t):
    place = folder(t)
    (place / "real").mkdir()
    for target in (f"{place}/real", "/nonexistent/x", ".", ".claude"):
        (place / ".claude").symlink_to(target)
        result = t.run_shell("true", cwd=place, check=None)
        assert result.code != 0 and ".claude" in result.err and "filesystem.protect" in result.err, result
        t.run_shell("true", *UNPROTECTED, cwd=place)
        (place / ".claude").unlink()
    assert names(place) == ["README", "real"] and not stub_records(t)


def test_a_killed_sandbox_leaves_what_the_next_takes_away(t):
    place = folder(t)
    process = waiting(t, place, "sh", "-c", "echo ready; sleep 1000")
    assert (place / ".vscode").is_dir() and (place / ".mcp.json").read_text() == "{}\n"
    process.kill()
    process.communicate(timeout=5)
    t.wait_until(lambda: not t.processes(), "the sandbox is gone")
    assert (place / ".vscode").is_dir() and stub_records(t)
    # Meanwhile the user takes one of them over.
    (place / ".vscode/settings.json").write_text("mine")
    assert attack(t, place) == []
    assert names(place) == [".vscode", ".vscode/settings.json", "README"], names(place)
    assert not stub_records(t)


def test_two_sandboxes_in_one_directory(t):
    """Whoever ends first must not take the other's protection away: a mount goes with its mount point."""
    place = folder(t)
    script = f"import sys; print('ready', flush=True); sys.stdin.readline()\n{ATTACK}"
    for is_killed in (False, True):
        one = waiting(t, place, "sh", "-c", "echo ready; read line")
        two = waiting(t, place, "python3", "-c", script, *PATHS)
        if is_killed:
            one.kill()
        one.communicate(b"\n", timeout=20)
        # A third comes and goes.
        t.run_shell("true", cwd=place)
        assert (place / ".vscode").is_dir() and (place / ".git").is_dir()
        out, err = two.communicate(b"\n", timeout=30)
        assert out.decode().splitlines() == [f"{path} -" for path in PATHS], (out, err)
        assert names(place) == ["README"], names(place)
        assert not stub_records(t)


def test_the_mount_goes_with_its_mount_point(t):
    """The control of the test above: what it fears does happen."""
    place = folder(t)
    script = "echo ready; read line; printf evil > .mcp.json"
    one = waiting(t, place, "sh", "-c", script)
    (place / ".mcp.json").unlink()
    one.communicate(b"\n", timeout=20)
    assert obeyed(place) == [".mcp.json"]


def test_an_agent_in_a_directory(t):
    """The same for `start --workspace dir`, over stop and resume, and after its supervisor was killed."""
    project = t.repository()
    files = ".envrc .vscode/tasks.json .git/config .mcp.json"
    script = f"while :; do mkdir -p .vscode; for f in {files}; do echo evil > $f; done; echo . >> turns; done 2>/dev/null"
    turns = project / "turns"

    def attacked():
        turns.unlink(missing_ok=True)
        t.wait_until(turns.exists, "the agent has tried")
        assert (project / ".vscode").is_dir() and (project / ".mcp.json").read_text() == "{}\n"

    t.start("one", script, "--workspace", "dir", cwd=project)
    attacked()
    t.cloche("stop", "one", "--kill", cwd=project)
    turns.unlink()
    assert t.git("status", "--porcelain", cwd=project).out == "" and not (project / ".vscode").exists()
    assert not stub_records(t)

    t.cloche("resume", "one", cwd=project)
    t.wait_until(lambda: t.agents(project)["one"]["state"] == "running", "it runs")
    for pid in t.supervisors():
        os.kill(pid, signal.SIGKILL)
    t.wait_until(lambda: not t.processes(), "the sandbox is gone")
    assert (project / ".vscode").is_dir()
    t.cloche("delete", "one", "--force", cwd=project)
    t.start("two", script, "--workspace", "dir", cwd=project)
    attacked()
    t.cloche("stop", "two", "--kill", cwd=project)
    turns.unlink()
    assert t.git("status", "--porcelain", cwd=project).out == "" and not (project / ".vscode").exists()
    assert not stub_records(t)


def test_git_on_the_host_is_not_disturbed(t):
    """What stands for an absent `.git` is no repository, and the user's git does not stumble over it."""
    project = t.repository()
    below = project / "src"
    process = waiting(t, below, "sh", "-c", "echo ready; read line; git init")
    assert (below / ".git").is_dir()
    assert t.git("rev-parse", "--show-toplevel", cwd=below).out.strip() == str(project)
    # Files are seen, empty directories are not.
    status = t.git("status", "--porcelain", "-uall", cwd=below).out.split()
    files = (".aider.conf.yml", ".hg", ".mcp.json", ".npmrc", ".yarnrc", ".yarnrc.yml", "opencode.json")
    assert sorted(status) == sorted(["??"] * 7 + ["src/" + name for name in files]), status
    out, err = process.communicate(b"\n", timeout=20)
    assert process.returncode != 0 and b"Read-only" in err, (out, err)
    assert t.git("status", "--porcelain", cwd=project).out == ""


def test_a_directory_that_became_a_link(t):
    """Row 20, CVE-2024-42472: what an agent works in, or is given, is replaced between two runs."""
    secret = t.dir / "secret"
    secret.mkdir()
    (secret / "canary").write_text("canary\n")
    project, place = t.repository(), folder(t)
    t.start("one", "cat canary; touch planted; true", "--workspace", f"dir:{place}", cwd=project)
    t.wait_ended("one", project)
    (place / "planted").unlink()
    place.rename(t.dir / "moved")
    place.symlink_to(secret)
    result = t.cloche("resume", "one", cwd=project, check=None)
    assert result.code != 0, result
    place.unlink()
    (t.dir / "moved").rename(place)
    assert os.listdir(secret) == ["canary"]
    assert "canary" not in t.cloche("logs", "one", cwd=project).out.replace("cat: canary", "")

    # A bind's source in a directory that the agent may write.
    (place / "cache").mkdir()
    profile = t.profile("cache", f"extends: shell\nfilesystem: {{binds: [{{source: {place}/cache, target: /cache, mode: rw}}]}}\n")
    words = ("run", "--profile", profile, "--", "sh", "-c")
    t.cloche(*words, f"touch /cache/mine; rm -r cache; ln -s {secret} cache", cwd=place)
    result = t.cloche(*words, "cat /cache/canary; touch /cache/planted", cwd=place, check=None)
    assert result.code != 0 and "canary" not in result.out and str(secret) in result.err, result
    assert os.listdir(secret) == ["canary"]
    # The control: a link of the user's, where no agent writes, is followed.
    (t.dir / "link").symlink_to(secret)
    (t.config / "cloche/profiles/cache.yaml").write_text(
        f"extends: shell\nfilesystem: {{binds: [{{source: {t.dir}/link, target: /cache}}]}}\n"
    )
    assert t.cloche(*words, "cat /cache/canary", cwd=place).out == "canary\n"


def test_diff_and_merge_name_what_changed(t):
    """Row 75 in a worktree: written there, and named before it is taken over."""
    project = t.repository(files={"README.md": "a\n", ".envrc": "old\n", ".vscode/settings.json": "{}\n", "a": "x\n"})
    script = (
        "odd=.claude/h$(printf '\\033')[2Jx; mkdir -p .VSCode deep .github/workflows $odd; echo evil > .envrc; "
        "echo evil > .VSCode/tasks.json; git mv .vscode/settings.json settings.json; git mv a deep/.mcp.json; "
        "echo x > .github/workflows/ci.yml; echo x > $odd/y; echo x > fine; git add -A; git commit -qm x; echo y > .npmrc"
    )
    plain = {
        ".VSCode/tasks.json",
        ".envrc",
        ".github/workflows/ci.yml",
        ".npmrc",
        ".vscode/settings.json",
        "deep/.mcp.json",
    }
    expected = plain | {".claude/h\x1b[2Jx/y"}
    t.run_task("one", script, cwd=project)
    answer = t.json("diff", "one", cwd=project)
    assert set(answer["protected"]) == expected, answer
    shown = t.cloche("diff", "one", "--stat", cwd=project).err
    assert all(f"{path}: " in shown for path in plain), shown
    assert ".vscode/settings.json: deleted" in shown and "\x1b[2J" not in shown and "fine" not in shown, shown
    # The profile decides, and an agent keeps the one that it was made with.
    t.run_task("two", script, *UNPROTECTED, cwd=project)
    assert t.json("diff", "two", cwd=project)["protected"] == []
    assert set(t.json("merge", "one", "--dry-run", cwd=project)["protected"]) == expected
    shown = t.cloche("merge", "one", cwd=project).err
    assert all(f"{path}: " in shown for path in plain) and "\x1b[2J" not in shown, shown


def test_a_projects_file_adds_and_does_not_take_away(t):
    project = t.repository()
    (project / ".cloche").mkdir()
    config = project / ".cloche/config.yaml"
    config.write_text("overrides:\n  filesystem: {protect: []}\n")
    result = t.run_shell("true", cwd=project, check=None)
    assert result.code != 0 and "filesystem.protect" in result.err, result
    config.write_text("overrides:\n  filesystem: {protect+: [secrets/key]}\n")
    paths = ["secrets/key", ".envrc"]
    assert attack(t, project, paths=paths) == []
    assert not (project / "secrets").exists()
    config.unlink()
    assert attack(t, project, paths=paths) == ["secrets/key"]


def test_explain_shows_the_list_and_the_mounts(t):
    project = t.repository()
    assert "filesystem.protect: [.git/" in t.cloche("explain", "--profile", "shell", cwd=project).out
    t.start("one", "true", "--workspace", "dir", cwd=project)
    t.wait_ended("one", project)
    plan = t.cloche("explain", "one", "--plan", cwd=project).out
    assert "bind over itself (ro) /workspace/.git  [filesystem.protect]" in plan, plan
    assert "empty directory .vscode in the workspace" in plan and not (project / ".vscode").exists(), plan


def test_root_gives_nobody_a_file_where_they_may_make_none(t):
    """Root works in another user's directory: what stands for an absent name belongs to whom the directory around it
    belongs to. A link in its place leads to a directory of root's, and the user gets no file in that."""
    if os.getuid() != 0:
        return
    place = t.dir / "another's"
    (place / "roots").mkdir(parents=True)
    os.chown(place, 12345, 12345)
    (place / ".npmrc").symlink_to("roots/evil.conf")
    os.chown(place / ".npmrc", 12345, 12345, follow_symlinks=False)
    agent = t.spawn("run", "--workspace", f"dir:{place}", "--", "sh", "-c", "read line", stdin=subprocess.PIPE)
    # The control, which is made after the other: a name in the user's own directory is the user's.
    own = place / ".yarnrc.yml"
    t.wait_until(lambda: own.exists() and own.stat().st_uid == 12345, "the names are made")
    t.wait_until((place / "roots/evil.conf").exists, "the link's target is made")
    assert (place / "roots/evil.conf").stat().st_uid == 0
    assert (place / ".hg").stat().st_uid == 12345
    agent.communicate(b"\n", timeout=30)
    assert agent.returncode == 0 and os.listdir(place / "roots") == []
