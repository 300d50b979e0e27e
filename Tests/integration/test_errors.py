"""Bad input and bad surroundings: a clear error in the words of the program, and nothing left behind."""

import json
import os
import pathlib

import surroundings


def snapshot(t, project):
    """Everything that a failed command could have left: files of the state, branches, worktrees, processes."""
    # `project` says which directory a folder of the state belongs to, and is no agent's.
    files = sorted(str(path) for path in t.state.rglob("*") if not path.is_dir() and path.name != "project")
    git = []
    if (project / ".git").exists():
        git = [t.git(*words, cwd=project).out for words in (["branch", "--all"], ["worktree", "list"], ["status", "--porcelain"])]
    return files, git, t.processes()


def refused(t, project, *words, code=125, says=(), **options):
    """Runs a command that must fail clearly and change nothing; returns its message."""
    before = snapshot(t, project)
    result = t.cloche(*words, cwd=project, check=code, **options)
    clear(result, says)
    assert snapshot(t, project) == before, (result, before, snapshot(t, project))
    return result.err


def clear(result, says=()):
    lines = result.err.strip().splitlines()
    assert lines and lines[0].startswith("cloche: "), result
    assert not lines[0].rstrip().endswith("."), f"a full stop after the first line: {result}"
    assert "fatal:" not in result.err and "SystemError" not in result.err and "Fatal error" not in result.err, result
    for text in says:
        assert text in result.err, f"no {text!r} in: {result}"


def test_names(t):
    project = t.repository()
    for name in ("../x", "a/b", "..", ".", "", "-x", "a b", "ü", "x" * 300, "a\nb", "a.lock", "A:b", "@", "~"):
        result = t.cloche("start", "--profile", "shell", "--", name, "true", cwd=project, check=None)
        assert result.code in (2, 125), (name, result)
        clear(result)
    assert snapshot(t, project)[0] == [] and t.agents(project) == {}
    assert t.git("branch", cwd=project).out.split() == ["*", "main"]


def test_a_name_in_use(t):
    project = t.repository()
    t.start("a", "sleep 1000", cwd=project)
    message = refused(t, project, "start", "a", "--profile", "shell", "true", says=["a"])
    assert "delete" in message or "resume" in message, message
    assert t.agents(project)["a"]["state"] == "running"


def test_a_name_that_is_not_there(t):
    project = t.repository()
    t.run_task("fixer", "true", cwd=project)
    for command in ("logs", "stop", "resume", "delete", "diff", "merge", "explain", "path"):
        message = refused(t, project, command, "fxer", says=["fxer"])
        assert "fixer" in message or "list" in message, message
    refused(t, project, "exec", "fxer", "true", says=["fxer"])


def test_a_branch_that_exists(t):
    project = t.repository()
    t.git("branch", "cloche/a", cwd=project)
    refused(t, project, "start", "a", "--profile", "shell", "true", says=["cloche/a"])


def test_a_branch_in_the_way(t):
    """`cloche` as a branch leaves no room for `cloche/a`."""
    project = t.repository()
    t.git("branch", "cloche", cwd=project)
    refused(t, project, "start", "a", "--profile", "shell", "true", says=["cloche"])


def test_a_worktree_that_exists(t):
    project = t.repository()
    t.start("a", "true", cwd=project)
    t.wait_ended("a", project)
    place = t.workspace("a", project)
    t.cloche("delete", "--force", "a", cwd=project)
    place.mkdir(parents=True)
    (place / "mine").write_text("mine")
    refused(t, project, "start", "a", "--profile", "shell", "true", says=[str(place.parent)])
    assert (place / "mine").read_text() == "mine"


def test_a_missing_program(t):
    project = t.repository()
    t.profile("mine", "extends: command\nharness:\n  command: [no-such-agent-program]\n  install: pip install it\n")
    message = refused(t, project, "start", "a", "--profile", "mine", "task", code=127, says=["no-such-agent-program"])
    assert "pip install it" in message, message


def test_an_agent_program_that_is_not_installed(t):
    project = t.repository()
    for profile in ("claude", "gemini", "codex", "opencode", "aider"):
        result = t.cloche("start", "a", "--profile", profile, "task", cwd=project, check=None)
        assert result.code in (125, 127), result
        clear(result, [profile])
        assert "install" in result.err, result
    assert t.agents(project) == {}


def test_unknown_profile_and_keys(t):
    project = t.repository()
    message = refused(t, project, "start", "a", "--profile", "shel", "true", says=["shel"])
    assert "shell" in message, message
    file = project / ".cloche/profiles/bad.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("extends: shell\nlimits:\n  wall-clok: 3s\n")
    message = refused(t, project, "start", "a", "--profile", "bad", "true", says=["wall-clok", "3", "wall-clock"])
    assert "bad.yaml" in message, message
    file.write_text("extends: shell\nlimits: [1\n")
    refused(t, project, "start", "a", "--profile", "bad", "true", says=["bad.yaml"])
    file.write_text("extends: bad\n")
    refused(t, project, "start", "a", "--profile", "bad", "true", says=["bad"])


def test_set_values_that_are_wrong(t):
    project = t.repository()
    for value in ("limits.nothing=1", "limits.wall-clock=soon", "network.mode=everything", "=x", "nothing", "a.b.c=1"):
        result = t.cloche("start", "a", "--profile", "shell", "--set", value, "true", cwd=project, check=None)
        assert result.code in (2, 125), (value, result)
        clear(result)
    assert t.agents(project) == {}


def test_a_missing_bind_and_a_missing_credential(t):
    project = t.repository()
    t.profile("bound", "extends: shell\nfilesystem:\n  binds:\n    - {source: /no/such/place, target: /opt/x}\n")
    refused(t, project, "start", "a", "--profile", "bound", "true", says=["/no/such/place"])


def test_not_a_repository(t):
    place = t.dir / "plain"
    place.mkdir()
    message = refused(t, place, "start", "a", "--profile", "shell", "--workspace", "worktree", "true", says=["git"])
    assert "--workspace" in message or "git init" in message, message


def test_a_project_directory_that_is_not_there(t):
    place = t.repository()
    refused(t, place, "-C", t.dir / "nowhere", "list", says=["nowhere"])


def test_wrong_command_lines_are_2(t):
    project = t.repository()
    for words in (["frobnicate"], ["start"], ["list", "--nope"], ["list", "extra"], ["merge"], ["logs", "a", "-n", "many"], ["stop", "--grace"]):
        result = t.cloche(*words, cwd=project, check=2)
        clear(result)
    assert "list" in t.cloche("lst", cwd=project, check=2).err


def in_place(t, project, prepare, *words, user_namespace=False, check=None):
    command = surroundings.words(t, prepare, *words, user_namespace=user_namespace)
    return t.command(*command, cwd=project, check=check, timeout=60)


def test_a_read_only_state_directory(t):
    project = t.repository()
    prepare = f"mount -t tmpfs -o ro none {t.state}"
    result = in_place(t, project, prepare, t.program, "start", "a", "--profile", "shell", "true", check=125)
    clear(result, ["ead-only", str(t.state)])
    assert t.git("branch", cwd=project).out.split() == ["*", "main"]
    assert len(t.git("worktree", "list", cwd=project).out.splitlines()) == 1


def test_a_state_directory_of_somebody_else(t):
    project = t.repository()
    t.state.chmod(0o500) if os.getuid() != 0 else None
    if os.getuid() == 0:
        # Root may write anywhere; a state directory that others own must still not be trusted.
        os.chown(t.state, 12345, 12345)
        (t.state / "cloche").mkdir(mode=0o777)
        os.chown(t.state / "cloche", 12345, 12345)
    result = t.start("a", "true", cwd=project, check=125)
    clear(result, [str(t.state)])
    t.state.chmod(0o700)
    if os.getuid() == 0:
        (t.state / "cloche").rmdir()
        os.chown(t.state, 0, 0)
    assert t.git("branch", cwd=project).out.split() == ["*", "main"]


def test_a_full_disk_at_every_size(t):
    """The start meets the full disk at another step for each size; wherever that is, nothing stays."""
    project = t.repository()
    failures = 0
    inside = "cloche start a --profile shell true; code=$?; cloche list --all --json; find $XDG_STATE_HOME ! -type d; exit $code"
    for option in ("nr_inodes=%d" % count for count in (1, 2, 3, 4, 5, 6, 8, 10, 14, 20)):
        prepare = f"mount -t tmpfs -o mode=700,{option} none {t.state}"
        result = in_place(t, project, prepare, "sh", "-c", inside)
        failures += check_full(t, project, result, option)
    for size in (4, 8, 12, 16, 24, 32):
        prepare = f"mount -t tmpfs -o mode=700,size={size}k none {t.state}"
        result = in_place(t, project, prepare, "sh", "-c", inside)
        failures += check_full(t, project, result, f"{size} KiB")
    assert failures >= 5, "the disk was never full: the test proves nothing"


def check_full(t, project, result, what):
    if result.code != 0:
        clear(result, ["o space left"])
        listing = json.loads(result.out[result.out.index("[") if "[" in result.out else 0 :].split("]")[0] + "]")
        assert listing == [], (what, result)
        t.git("worktree", "prune", cwd=project)
    else:
        # It fitted; the supervisor ended with the namespace's last command, the branch is to be removed here.
        t.git("worktree", "prune", cwd=project)
        t.git("branch", "-D", "cloche/a", cwd=project)
    assert t.git("branch", cwd=project).out.split() == ["*", "main"], (what, result)
    return result.code != 0


def test_no_git(t):
    project = t.repository()
    prepare = "mount --bind /dev/null $(readlink -f /usr/bin/git)"
    result = in_place(t, project, prepare, t.program, "start", "a", "--profile", "shell", "true", check=125)
    clear(result, ["git"])
    assert "install" in result.err or "--workspace" in result.err, result
    assert snapshot(t, project)[0] == []


def test_a_mount_below_a_system_directory(t):
    """A separate /usr/local, or a driver that a container engine mounted: the kernel locks it to what is above."""
    for place in ("/usr/local", "/usr/games", "/opt"):
        prepare = f"mount -t tmpfs none {place}; echo seen > {place}/marker"
        words = (t.program, "run", "--profile", "shell", "--workspace", "none", "--", "ls", "/usr/bin/env")
        assert in_place(t, t.dir, prepare, *words, check=0).out == "/usr/bin/env\n"
    # Below a directory that gets a layer of the agent's: both the mount and the agent's own files are there.
    for place in ("/opt/driver", "/usr/local/share/driver", "/usr/local/bin/driver"):
        parent = str(pathlib.Path(place).parent)
        base = "/opt" if place.startswith("/opt") else "/usr/local"
        # Nothing is made on the machine itself: a directory in memory has the new mount point.
        prepare = f"mount -t tmpfs none {base}; mkdir -p {base}/bin {base}/sbin {base}/share {place}; mount -t tmpfs none {place}; echo seen > {place}/marker"
        script = f"cat {place}/marker; echo mine > {parent}/new; cat {parent}/new; echo x > {place}/x || echo refused"
        words = (t.program, "run", "--profile", "shell", "--workspace", "none", "--", "sh", "-c", script)
        assert in_place(t, t.dir, prepare, *words, check=0).out == "seen\nmine\nrefused\n"


def test_no_user_namespaces(t):
    project = t.repository()
    prepare = "echo 0 > /proc/sys/user/max_user_namespaces"
    for words in (("run", "--profile", "shell", "--", "true"), ("start", "a", "--profile", "shell", "true")):
        result = in_place(t, project, prepare, t.program, *words, user_namespace=True, check=125)
        clear(result, ["user namespace"])
        assert "doctor" in result.err or "sysctl" in result.err or "max_user_namespaces" in result.err, result
    assert t.agents(project) == {} and t.git("branch", cwd=project).out.split() == ["*", "main"]
    doctor = in_place(t, project, prepare, t.program, "doctor", user_namespace=True)
    assert doctor.code != 0 and "max_user_namespaces" in doctor.out, doctor


def test_a_home_that_is_not_set(t):
    project = t.repository()
    environment = {key: value for key, value in t.env.items() if not key.startswith(("XDG_", "HOME"))}
    result = t.command("env", "-i", *(f"{key}={value}" for key, value in environment.items()), t.program, "list", cwd=project, check=None)
    assert result.code in (0, 125), result


def test_state_from_a_newer_version_is_refused_and_garbage_is_told(t):
    project = t.repository()
    t.run_task("a", "true", cwd=project)
    t.run_task("b", "true", cwd=project)
    files = sorted(path for path in t.state.rglob("agent.json") if path.parent.name in ("a", "b"))
    assert len(files) == 2, files
    saved = [file.read_text() for file in files]
    document = json.loads(saved[0])
    files[0].write_text(json.dumps(document | {"version": 999}))
    files[1].write_text('{"half": ')
    listing = t.cloche("list", "--all", cwd=project, check=None)
    assert "a" in listing.out + listing.err and "b" in listing.out + listing.err, listing
    refused = t.cloche("resume", "a", cwd=project, check=125)
    assert "version" in refused.err, refused
    for file, text in zip(files, saved):
        file.write_text(text)


def test_output_that_is_closed_or_full(t):
    project = t.repository()
    t.run_task("a", "seq 1 50000", cwd=project)
    with open("/dev/full", "w") as full:
        process = t.spawn("logs", "a", cwd=project, stdout=full)
        _, err = process.communicate(timeout=10)
    assert process.returncode == 125 and b"o space left" in err, (process.returncode, err)
    process = t.spawn("logs", "a", cwd=project)
    process.stdout.close()
    process.stderr.close()
    assert process.wait(10) != 0 and pathlib.Path(project).exists()
