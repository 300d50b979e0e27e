"""Profiles: the built-in ones, inheritance, layers, origins, the schema, and trust."""

import json
import re

BUILT_IN = {"shell", "command", "claude", "gemini", "codex", "opencode", "aider"}


def explained(t, project, *words, **options):
    return json.loads(t.cloche("explain", *words, "--json", cwd=project, **options).out)


def test_the_built_in_profiles(t):
    project = t.repository()
    names = set(t.cloche("profile", "list", "--names", cwd=project).out.split())
    assert BUILT_IN <= names and {"claude-readonly", "gemini-readonly", "codex-readonly"} <= names, names
    for name in names:
        t.cloche("profile", "show", name, cwd=project)
        t.cloche("explain", "--profile", name, cwd=project)


def test_read_only_variants_cannot_write(t):
    project = t.repository()
    t.profile("mine", "extends: shell\nfilesystem:\n  workspace: ro\n")
    result = t.cloche("run", "--profile", "mine", "--", "sh", "-c", "cat README.md; touch x", cwd=project, check=None)
    assert result.code != 0 and result.out == "# Project\n" and not (project / "x").exists(), result


def test_layers_and_origins(t):
    """built-in < user < project < --profile < --set, and `explain` tells which won."""
    project = t.repository()
    t.profile("mine", "extends: shell\nenvironment:\n  set:\n    FROM: user\n    USER_ONLY: '1'\n")
    show = "echo $FROM $USER_ONLY"
    words = ("run", "--profile", "mine", "--workspace", "none")
    assert t.cloche(*words, "--", "sh", "-c", show, cwd=project).out == "user 1\n"
    assert t.cloche(*words, "--set", "environment.set.FROM=set", "--", "sh", "-c", show, cwd=project).out == "set 1\n"
    text = t.cloche("explain", "--profile", "mine", cwd=project).out
    assert re.search(r"FROM.*mine\.yaml:4", text), text
    assert "shell.yaml" in text or "built-in" in text, text


def test_inheritance_of_several_levels_and_lists(t):
    project = t.repository()
    t.profile("one", "extends: shell\nenvironment:\n  set: {A: one, B: one}\n")
    t.profile("two", "extends: one\nenvironment:\n  set: {B: two, C: two}\n")
    result = t.cloche("run", "--profile", "two", "--workspace", "none", "--", "sh", "-c", "echo $A $B $C", cwd=project)
    assert result.out == "one two two\n"


def test_mistakes_are_told_with_place_and_suggestion(t):
    project = t.repository()
    file = t.dir / "bad.yaml"
    cases = {
        "extends: shell\nfilesytem: {}\n": ["bad.yaml:2", "filesytem", "filesystem"],
        "extends: shell\nnetwork: {mode: everything}\n": ["bad.yaml:2", "everything"],
        "extends: nothing\n": ["bad.yaml:1", "nothing"],
        "extends: shell\nlimits:\n  idle: soon\n": ["bad.yaml:3", "soon"],
        "extends: shell\nfilesystem:\n  binds: x\n": ["bad.yaml:3", "binds"],
        "a: [\n": ["bad.yaml"],
        "extends: shell\nextends: shell\n": ["bad.yaml:2", "extends"],
        "- x\n": ["bad.yaml:1"],
        "a: &x [*x]\n": ["bad.yaml"],
    }
    for text, wanted in cases.items():
        file.write_text(text)
        result = t.cloche("profile", "check", file, cwd=project, check=None)
        assert result.code in (1, 125), result
        told = result.out + result.err
        assert all(word in told for word in wanted), (text, wanted, told)
    # Two mistakes in one file are told at once.
    file.write_text("extends: shell\nfilesytem: {}\nnetwrk: none\n")
    told = t.cloche("profile", "check", file, cwd=project, check=None)
    assert "filesytem" in told.out + told.err and "netwrk" in told.out + told.err, told
    file.write_text("extends: shell\n")
    t.cloche("profile", "check", file, cwd=project)


def test_yaml_bombs_and_depth_do_not_hang(t):
    project = t.repository()
    file = t.dir / "bomb.yaml"
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12))
    for text in (bomb, "[" * 100_000, "a: " * 10_000, "extends: shell\n" + "#" * 2_000_000 + "\n", "\x00\xff\xfe", "a: !!python/object x\n"):
        file.write_bytes(text.encode("latin-1"))
        result = t.cloche("profile", "check", file, cwd=project, check=None, timeout=10)
        assert result.code in (0, 1, 125) and "Fatal error" not in result.err, (text[:30], result)


def test_the_schema(t):
    schema = json.loads(t.cloche("profile", "schema").out)
    assert "$schema" in schema and "filesystem" in schema["properties"], list(schema)
    assert schema.get("additionalProperties") is False


def test_limits_are_set_explained_and_narrowed(t):
    project = t.repository()
    t.profile("mine", "extends: shell\nlimits: {memory: 2GiB, cpu: 1.5, io-read: 50MiB/s}\nproject:\n  limits: {memory: 8GiB}\n")

    limits = {"memory": "2GiB", "cpu": "1.5", "io-read": "50MiB/s", "swap": "none"}
    effective = explained(t, project, "--profile", "mine")["effective"]
    assert limits.items() <= effective["limits"].items() and effective["project"]["limits"]["memory"] == "8GiB", effective
    text = t.cloche("explain", "--profile", "mine", cwd=project).out
    assert re.search(r"limits\.cpu: 1\.5  # .*mine\.yaml:2\n", text) and re.search(r"project\.limits\.memory: 8GiB  # .*mine\.yaml:4\n", text), text
    # An agent keeps the limits that it was started with.
    t.start("a", "sleep 1000", "--profile", "mine", "--set", "limits.cpu=0.1", "--set", "limits.memory=1GiB", "--set", "limits.swap=0", cwd=project)
    kept = explained(t, project, "a")["effective"]["limits"]
    assert {"cpu": "0.1", "memory": "1GiB", "swap": 0, "io-read": "50MiB/s"}.items() <= kept.items(), kept
    # What others write is answered with what is meant here.
    for option, hint in (("limits.memory=2G", "`2GiB` or `2GB`"), ("limits.memory=512", "`512MiB`"), ("limits.cpu=1500m", "`1.5`"), ("limits.memroy=2GiB", "`limits.memory`")):
        told = t.cloche("run", "--profile", "mine", "--set", option, "--", "true", cwd=project, check=125)
        assert "did you mean " + hint in told.err, (option, told)
    told = t.cloche("run", "--profile", "mine", "--set", "limits.memory-high=3GiB", "--", "true", cwd=project, check=125)
    assert "is not below `limits.memory`" in told.err, told
    # A project's file that nobody trusts only lowers them.
    (project / ".cloche").mkdir(exist_ok=True)
    file = project / ".cloche/config.yaml"
    for text in ("limits: {memory: 3GiB}", "limits: {io-read: 60MiB/s}", "limits: {cpu-weight: 200}", "project: {limits: {memory: none}}"):
        file.write_text(f"overrides:\n  {text}\n")
        told = t.cloche("run", "--profile", "mine", "--", "true", cwd=project, check=125)
        assert "gives the agent more than your settings" in told.err and "trust" in told.err, (text, told)
    file.write_text("overrides:\n  limits: {memory: 1GiB, cpu: 0.5, io-read: 1MiB, enforcement: strict}\n  project: {limits: {memory: 4GiB}}\n")
    effective = explained(t, project, "--profile", "mine")["effective"]
    lowered = {"memory": "1GiB", "cpu": "0.5", "io-read": "1MiB", "enforcement": "strict"}
    assert lowered.items() <= effective["limits"].items() and effective["project"]["limits"]["memory"] == "4GiB", effective


def test_the_longest_times_are_refused_and_do_not_end_the_supervisor(t):
    """Seconds become milliseconds in the supervisor: what does not fit must not get that far."""
    project = t.repository()
    told = t.cloche("start", "a", "true", "--profile", "shell", "--set", f"limits.wall-clock={2**63 - 1}", cwd=project, check=125)
    assert "that is too long" in told.err, told
    entry = t.run_task("b", "true", "--set", "limits.wall-clock=36500d", "--set", "limits.idle=36500d", cwd=project)
    assert entry["end-reason"] == "exited" and entry["exit-code"] == 0, entry


def test_syscalls(t):
    rows = {row["name"]: row for row in t.json("profile", "syscalls", "shell")["calls"]}
    assert [rows[name]["answer"] for name in ("read", "execve", "openat")] == ["allow"] * 3, rows["read"]
    assert [rows[name]["answer"] for name in ("mount", "bpf", "io_uring_setup")] == ["EPERM"] * 3, rows["mount"]
    text = t.cloche("profile", "syscalls", "shell").out.splitlines()
    for row in rows.values():
        line = next(line for line in text if line.split()[:2] == [str(row["number"]), row["name"]])
        assert row["answer"] in line and row["why"] in line, (row, line)


def test_a_group_of_ones_own(t):
    project = t.repository()
    words = ("run", "--profile", "shell", "--workspace", "none", "--set", "syscalls.groups+=[own]", "--")
    command = ("sh", "-c", "uname -s; mkfifo /tmp/pipe && echo made")
    missing = t.cloche(*words, *command, cwd=project, check=False)
    assert missing.code and "is no group" in missing.err, missing
    place = t.config / "cloche/syscalls"
    place.mkdir()
    item = '  - {calls: [CALL], when: ["ARGUMENT & 0xf000 == 0x1000"], why: no pipes}\n'
    items = [item.replace("CALL", call).replace("ARGUMENT", f"arg{index}") for call, index in (("mknod", 1), ("mknodat", 2))]
    (place / "own.yaml").write_text("refuse-when:\n" + "".join(items))
    assert t.cloche(*words, *command, cwd=project, check=False).out == "Linux\n"
    # A group is read once: what an agent was made with holds when the file is gone.
    task = "mkfifo /tmp/pipe || echo refused > answer"
    t.start("keeper", task, "--set", "syscalls.groups+=[own]", cwd=project)
    t.wait_ended("keeper", project)
    answer = t.workspace("keeper", project) / "answer"
    assert answer.read_text() == "refused\n"
    answer.unlink()
    (place / "own.yaml").unlink()
    t.cloche("resume", "keeper", task, cwd=project)
    t.wait_until(lambda: answer.exists() and answer.read_text(), "the agent was refused again")
    t.wait_ended("keeper", project)
    (place / "own.yaml").write_text("refuse: [{calls: [raed], why: x}]\n")
    wrong = t.cloche(*words, *command, cwd=project, check=False)
    assert wrong.code and "own.yaml:1:19: there is no system call `raed`" in wrong.err, wrong


def test_deny_and_allow_of_calls(t):
    project = t.repository()
    code = "import os, sys\ntry:\n    os.sched_yield(); print('ok')\nexcept OSError as error:\n    print(error.strerror)"
    words = ("run", "--profile", "shell", "--workspace", "none")
    assert t.cloche(*words, "--", "python3", "-c", code, cwd=project).out == "ok\n"
    denied = t.cloche(*words, "--set", "syscalls.deny=[sched_yield]", "--", "python3", "-c", code, cwd=project)
    assert denied.out != "ok\n", denied


def test_explain_of_an_agent_and_the_plan(t):
    project = t.repository()
    t.start("a", "sleep 1000", cwd=project)
    text = t.cloche("explain", "a", cwd=project).out
    assert "shell" in text and "network" in text and "none" in text, text
    plan = t.cloche("explain", "a", "--plan", cwd=project).out
    assert "/workspace" in plan and "/usr" in plan, plan
    assert isinstance(explained(t, project, "a"), dict)


def test_a_project_cannot_widen(t):
    """Section 12: until the user trusts that project, its files may only narrow."""
    project = t.repository()
    place = project / ".cloche/profiles"
    place.mkdir(parents=True)
    secret = t.home / "secret"
    secret.write_text("canary")
    wide = {
        "binds": f"extends: shell\nfilesystem:\n  binds:\n    - {{source: {t.home}, target: /opt/home}}\n",
        "network": "extends: shell\nnetwork: {mode: host}\n",
        "calls": "extends: shell\nsyscalls:\n  allow: [mount]\n",
    }
    for name, text in wide.items():
        (place / f"{name}.yaml").write_text(text)
        result = t.cloche("run", "--profile", name, "--", "sh", "-c", "cat /opt/home/secret", cwd=project, check=None)
        assert result.code == 125 and "trust" in result.err and "canary" not in result.out, (name, result)
    (place / "shell.yaml").write_text("extends: base\nnetwork: {mode: host}\nharness: {command: [/bin/bash]}\n")
    result = t.cloche("run", "--profile", "shell", "--", "true", cwd=project, check=None)
    assert result.code == 125, result
    (place / "shell.yaml").unlink()
    (place / "narrow.yaml").write_text("extends: shell\nfilesystem:\n  workspace: ro\nsyscalls:\n  deny: [ptrace]\n")
    t.cloche("run", "--profile", "narrow", "--", "true", cwd=project)


def test_a_project_gains_nothing_by_saying_it_twice(t):
    """What an untrusted file says is measured by the user's own settings, not by what another of its lines said before."""
    project = t.repository()
    place = project / ".cloche"
    place.mkdir()
    (t.home / "secret").write_text("canary")
    wide = f"{{filesystem: {{binds: [{{source: {t.home}, target: /opt/home}}]}}, network: {{mode: host}}}}"
    (place / "config.yaml").write_text(f"profiles: {{shell: {wide}}}\noverrides: {wide}\n")
    words = ["run", "--profile", "shell", "--", "cat", "/opt/home/secret"]
    result = t.cloche(*words, cwd=project, check=None)
    assert result.code == 125 and "trust" in result.err and "canary" not in result.out, result
    # The same is read once it is trusted: what was tried is possible.
    t.cloche("config", "trust", cwd=project)
    assert t.cloche(*words, cwd=project).out == "canary"
    # And that trust is for this project alone, whatever another one links to.
    other = t.repository("other")
    (other / ".cloche").mkdir()
    (other / ".cloche/config.yaml").symlink_to(place / "config.yaml")
    result = t.cloche(*words, cwd=other, check=None)
    assert result.code == 125 and "trust" in result.err and "canary" not in result.out, result


def test_an_agent_cannot_change_the_projects_profiles_for_others(t):
    """The agent commits a profile; it stays a proposal until the user trusts what was merged."""
    project = t.repository()
    script = "mkdir -p .cloche/profiles && printf 'extends: shell\\nnetwork: {mode: host}\\n' > .cloche/profiles/open.yaml && git add -f .cloche && git commit -qm Open"
    t.run_task("a", script, cwd=project)
    t.cloche("merge", "a", cwd=project)
    result = t.cloche("run", "--profile", "open", "--", "true", cwd=project, check=None)
    assert result.code == 125 and "trust" in result.err, result


def test_init_writes_a_configuration_and_says_what_it_found(t):
    project = t.repository()
    program = t.home / ".local/bin/claude"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    environment = {"PATH": f"{program.parent}:{t.env['PATH']}", "ANTHROPIC_API_KEY": "canary-key"}
    result = t.cloche("init", cwd=project, env=environment)
    assert "claude" in result.out and "ANTHROPIC_API_KEY" in result.out and "canary-key" not in result.out + result.err, result
    text = (project / ".cloche/config.yaml").read_text()
    assert "claude" in text and "canary-key" not in text, text
    t.cloche("config", "show", cwd=project)
    again = t.cloche("init", cwd=project, check=125)
    assert "--force" in again.err, again
    t.cloche("init", "--force", cwd=project)


def test_credentials_env_and_file(t):
    project = t.repository()
    key = t.home / "key.json"
    key.write_text("canary-file")
    text = f"extends: shell\ncredentials:\n  - {{env: MY_KEY, required: true}}\n  - {{file: {key}, target: ~/.config/key.json, required: true}}\n"
    t.profile("keys", text)
    script = "echo $MY_KEY; cat ~/.config/key.json; echo x > ~/.config/key.json || echo refused"
    result = t.cloche("run", "--profile", "keys", "--", "sh", "-c", script, cwd=project, env={"MY_KEY": "canary-env"})
    assert result.out == "canary-env\ncanary-filerefused\n" and key.read_text() == "canary-file", result
