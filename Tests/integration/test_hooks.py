"""Commands of `hooks`: inside the agent's sandbox, before its program and after it."""

import json

HOOKED = """
extends: shell
hooks:
  pre-start:
    - 'echo "first $CLOCHE_HOOK" >> /workspace/order'
    - [sh, -c, 'echo "second $1" >> /workspace/order', sh, a b]
  post-stop:
    - echo "after $CLOCHE_EXIT_CODE" >> /workspace/order
"""


def hooks(t, name, cwd):
    lines = t.cloche("audit", name, "--json", "--kind", "hook", cwd=cwd).out.splitlines()
    return [json.loads(line) for line in lines]


def order(t, name, cwd):
    return (t.workspace(name, cwd) / "order").read_text().splitlines()


def test_commands_run_before_and_after_the_program(t):
    project = t.repository()
    t.profile("hooked", HOOKED)
    ended = t.run_task("a", "echo program >> order; exit 3", cwd=project, profile="hooked")
    assert ended["state"] == "exited" and ended["exit-code"] == 3, ended
    assert order(t, "a", project) == ["first pre-start", "second a b", "program", "after 3"]
    found = hooks(t, "a", project)
    assert [(event["stage"], event["exit-code"]) for event in found] == [("pre-start", 0)] * 2 + [("post-stop", 0)], found
    assert found[1]["arguments"][-1] == "a b" and "failure" not in found[0], found
    # At each start; a program that is stopped is followed by them, too, and one that is killed is not.
    t.cloche("resume", "a", "echo again >> order; exec sleep 1000", cwd=project)
    t.wait_until(lambda: "again" in order(t, "a", project), "the program runs")
    t.cloche("stop", "a", cwd=project)
    assert order(t, "a", project)[4:] == ["first pre-start", "second a b", "again", "after 143"]
    assert t.agents(project)["a"]["state"] == "stopped"
    t.cloche("resume", "a", "echo third >> order; exec sleep 1000", cwd=project)
    t.wait_until(lambda: "third" in order(t, "a", project), "the program runs")
    t.cloche("stop", "--kill", "a", cwd=project)
    assert order(t, "a", project)[-1] == "third"
    t.cloche("audit", "verify", "a", cwd=project)


def test_a_terminal_shows_what_a_start_waits_for(t):
    project = t.repository()
    t.profile("hooked", HOOKED)
    terminal = t.terminal("start", "a", "true", "--profile", "hooked", cwd=project)
    terminal.expect("hooks.pre-start: echo \"first")
    terminal.wait()
    terminal.close()


def test_a_command_that_fails_stops_the_start(t):
    project = t.repository()
    cases = [
        ("echo one; printf 'bad\\033[2Jline\\n' >&2; exit 7", "ended with exit code 7; its last words: one / bad"),
        ("kill -9 $$", "killed by signal 9"),
        ("exec sleep 1000", "took longer than 1s"),
    ]
    for number, (command, words) in enumerate(cases):
        t.profile("failing", json.dumps({"extends": "shell", "hooks": {"pre-start": ["true", command], "timeout": "1s" if number == 2 else "50s"}}))
        failed = t.start("a", "touch ran; sleep 1000", cwd=project, profile="failing", check=False)
        assert failed.code not in (0, None) and "a command of hooks.pre-start failed" in failed.err and words in failed.err, failed
        assert "\033" not in failed.err and t.agents(project) == {}, failed
    # A program that is not there is told as such.
    t.profile("failing", "extends: shell\nhooks: {pre-start: [[no-such-program, x]]}\n")
    failed = t.start("a", "true", cwd=project, profile="failing", check=False)
    assert "a command of hooks.pre-start failed: no-such-program x" in failed.err, failed
    # An agent that is there already keeps its work, and says why it did not start.
    t.profile("failing", "extends: shell\nhooks: {pre-start: ['! [ -e /workspace/full ]']}\n")
    t.run_task("b", "touch full", cwd=project, profile="failing")
    assert "ended with exit code 1" in t.cloche("resume", "b", cwd=project, check=False).err
    entry = t.agents(project)["b"]
    assert entry["state"] == "failed" and entry["end-reason"] == "start-failed" and "hooks.pre-start" in entry["failure"], entry
    assert (t.workspace("b", project) / "full").exists()


def test_a_command_after_the_program_that_fails_is_on_record(t):
    project = t.repository()
    t.profile("after", "extends: shell\nhooks: {post-stop: ['echo lost; exit 5', 'touch /workspace/second', 'exec sleep 1000'], timeout: 1s}\n")
    ended = t.run_task("a", "true", cwd=project, profile="after")
    assert ended["state"] == "exited" and ended["exit-code"] == 0, ended
    first, second, third = hooks(t, "a", project)
    assert "exit code 5; its last words: lost" in first["failure"] and second["exit-code"] == 0, (first, second)
    assert "took longer than 1s" in third["failure"] and (t.workspace("a", project) / "second").exists(), third
    assert "lost" in t.cloche("audit", "a", "--kind", "hook", cwd=project).out


def test_commands_have_the_agents_own_policy(t):
    project = t.repository()
    secret = t.dir / "secret"
    secret.write_text("secret")
    command = f"cat {secret}; cat /proc/1/status > /dev/null; touch /usr/made; grep -c Seccomp:.2 /proc/self/status; id -u; test -t 1; echo $?"
    t.profile("curious", json.dumps({"extends": "shell", "hooks": {"pre-start": [f"({command}) > /workspace/seen 2>&1; true"]}}))
    t.run_task("a", "true", cwd=project, profile="curious")
    seen = (t.workspace("a", project) / "seen").read_text()
    assert "secret: No such file" in seen and "/usr/made" in seen and "Read-only" in seen, seen
    assert "1" in seen.splitlines(), seen
    # The control: what is granted to the agent is the command's, too.
    bind = ["--set", f"filesystem.binds=[{{source: {secret}, target: {secret}}}]"]
    t.run_task("b", "true", *bind, cwd=project, profile="curious")
    assert (t.workspace("b", project) / "seen").read_text().startswith("secret"), seen


def test_an_agent_can_be_ended_while_a_command_runs(t):
    project = t.repository()
    t.profile("slow", "extends: shell\nhooks: {pre-start: ['[ -e /workspace/fast ] || exec sleep 1000'], timeout: 10m}\n")
    starting = t.spawn("start", "a", "--profile", "slow", "sleep 1000", cwd=project)
    t.wait_until(lambda: t.agents(project).get("a", {}).get("state") == "starting", "it starts")
    t.wait_until(lambda: t.cloche("exec", "a", "--", "sh", "-c", "grep -qx sleep /proc/[0-9]*/comm", cwd=project, check=None).code == 0, "the command runs")
    t.cloche("stop", "a", cwd=project)
    out, err = starting.communicate(timeout=60)
    assert starting.returncode != 0 and b"was ended before its program was started" in err, err
    # What comes before the program may leave processes for it; they go with the sandbox.
    t.profile("server", "extends: shell\nhooks: {pre-start: ['sleep 1000 > /dev/null 2>&1 & echo $! > /workspace/pid']}\n")
    ended = t.run_task("b", "kill -0 $(cat pid)", cwd=project, profile="server")
    assert ended["exit-code"] == 0, ended


def test_an_untrusted_project_adds_none_where_something_is_granted(t):
    project = t.repository()
    (project / ".cloche").mkdir()
    (project / ".cloche/config.yaml").write_text("overrides: {hooks: {pre-start: ['touch /workspace/made']}}\n")
    refused = t.start("a", "true", "--set", "network.mode=allow", cwd=project, check=False)
    assert "`hooks.pre-start` could use what the profile grants" in refused.err, refused
    # In a sandbox with nothing in it, it may.
    t.run_task("b", "true", "--set", "network.mode=none", cwd=project)
    assert (t.workspace("b", project) / "made").exists()
