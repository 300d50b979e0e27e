"""The command line itself: help, completion, exit codes, colours, JSON, the manual, doctor."""

import json
import re
import shutil
import subprocess

COMMANDS = "init start run list attach logs exec diff sync merge stop resume delete explain doctor path config profile completion help version".split()


def test_help_of_every_command_has_examples(t):
    overview = t.cloche("--help").out
    for name in COMMANDS:
        assert re.search(rf"^\s+{name}\b", overview, re.M), f"{name} is not in the overview"
        text = t.cloche(name, "--help").out
        assert text == t.cloche("help", name).out
        assert "cloche " + name in text and ("\nExamples:" in text or "\nCommands:" in text), (name, text)
        assert max(map(len, text.splitlines())) <= 100, name
    assert t.cloche("help").out == overview


def test_no_command_shows_help(t):
    result = t.cloche(check=None)
    assert result.code in (0, 2) and "start" in result.err + result.out


def test_help_fits_the_terminal(t):
    for columns in (60, 80, 132):
        terminal = t.terminal("start", "--help", columns=columns, env={"PAGER": "cat"})
        assert terminal.wait() == 0
        text = re.sub(rb"\x1b\[[0-9;]*m", b"", terminal.seen).decode()
        terminal.close()
        # A command line of an example is not broken, so that it can be copied.
        long = [line for line in text.splitlines() if len(line) > columns and not line.startswith("  cloche ")]
        assert not long, (columns, long)


def test_version(t):
    assert re.fullmatch(r"cloche \d+\.\d+\.\d+\S*\n", t.cloche("--version").out)
    assert t.cloche("version").out == t.cloche("--version").out


def test_unknown_commands_get_a_suggestion(t):
    for typed, wanted in {"strat": "start", "ps": "list", "kill": "stop", "remove": "delete", "mrege": "merge"}.items():
        result = t.cloche(typed, check=2)
        assert f"{wanted}" in result.err and result.out == "", result


def test_colours_only_on_a_terminal_and_never_with_no_color(t):
    project = t.repository()
    t.start("a", "sleep 1000", cwd=project)
    assert "\x1b" not in t.cloche("list", cwd=project).out
    assert "\x1b" not in t.cloche("nonsense", check=2).err
    assert "\x1b" in t.cloche("--color=always", "list", cwd=project).out
    shown = {}
    for name, environment in {"colour": {}, "plain": {"NO_COLOR": "1"}, "dumb": {"TERM": "dumb"}}.items():
        terminal = t.terminal("list", cwd=project, env=environment)
        terminal.wait()
        shown[name] = terminal.seen
        terminal.close()
    assert b"\x1b[" in shown["colour"] and b"\x1b" not in shown["plain"] and b"\x1b" not in shown["dumb"], shown


def test_json_is_one_document(t):
    project = t.repository()
    t.run_task("a", "echo x > x", cwd=project)
    for words in (["list", "--all"], ["explain", "a"], ["doctor"], ["config", "show"], ["profile", "list"], ["diff", "a"]):
        result = t.cloche(*words, "--json", cwd=project, check=None)
        json.loads(result.out)


def test_errors_in_json(t):
    project = t.repository()
    result = t.cloche("explain", "nobody", "--json", cwd=project, check=125)
    document = json.loads(result.err or result.out)
    assert "not-found" in json.dumps(document), result


def test_completion_scripts(t):
    project = t.repository()
    t.run_task("fixer", "true", cwd=project)
    for shell in ("bash", "zsh", "fish"):
        text = t.cloche("completion", shell).out
        assert "cloche" in text
        (t.dir / f"completion.{shell}").write_text(text)
        if shutil.which(shell):
            t.command(shell, "-n", t.dir / f"completion.{shell}")
    script = f"""
        source {t.dir}/completion.bash
        complete_line() {{
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${{#COMP_LINE}}; COMPREPLY=()
            $(complete -p cloche | sed 's/.*-F \\([^ ]*\\).*/\\1/') cloche "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
            printf '%s\\n' "${{COMPREPLY[@]}}"
        }}
        echo "1:" $(complete_line cloche sta); echo "2:" $(complete_line cloche diff fi)
        echo "3:" $(complete_line cloche start --profile she); echo "4:" $(complete_line cloche start --prof)
    """
    out = t.command("bash", "-c", script, cwd=project).out
    lines = dict(line.split(":", 1) for line in out.splitlines() if ":" in line)
    assert lines["1"].split() == ["start", "stats"] and lines["2"].split() == ["fixer"], out
    assert "shell" in lines["3"].split() and "--profile" in lines["4"], out


def test_the_manual(t):
    page = t.cloche("manual").out
    assert page.startswith(".TH") or "\n.TH" in page[:2000]
    assert all(name in page for name in COMMANDS)
    if shutil.which("groff"):
        answer = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z"], input=page, text=True, capture_output=True)
        assert answer.stderr == "", answer.stderr


def test_doctor(t):
    result = t.cloche("doctor", "--json", check=None)
    checks = json.loads(result.out)
    text = json.dumps(checks)
    for word in ("user", "overlay", "seccomp", "landlock", "git", "sub", "cgroup", "proc"):
        assert word in text.lower(), (word, text)
    assert result.code in (0, 1), result
    assert t.cloche("doctor", check=None).code == result.code


def test_explicit_project(t):
    project = t.repository()
    t.run_task("a", "true", cwd=project)
    assert t.cloche("-C", project, "list", "--all", "--names", cwd=t.dir).out == "a\n"


def test_path(t):
    project = t.repository()
    t.run_task("a", "echo x > ~/made", cwd=project)
    home = t.cloche("path", "a", "home", cwd=project).out.strip()
    assert open(f"{home}/made").read() == "x\n"
    assert t.cloche("path", "a", "workspace", cwd=project).out.strip() == str(t.workspace("a", project))


def test_one_copied_file_is_enough(t):
    """Built-in profiles are in the program, and it is static: nothing beside it is read."""
    copy = t.dir / "elsewhere/cloche"
    copy.parent.mkdir()
    shutil.copy2(t.program, copy)
    assert t.command(copy, "run", "--profile", "shell", "--workspace", "none", "--", "echo", "fine").out == "fine\n"
    answer = subprocess.run(["ldd", t.program], capture_output=True, text=True)
    assert "not a dynamic executable" in answer.stderr + answer.stdout or "statically" in answer.stdout, answer


def test_an_unset_environment(t):
    """Cron and systemd give little: no HOME, no TERM, no XDG directories."""
    result = t.command("env", "-i", "PATH=/usr/bin:/bin", f"XDG_STATE_HOME={t.state}", t.program, "run", "--profile", "shell", "--workspace", "none", "--", "echo", "fine", check=None)
    assert result.out == "fine\n" or result.code == 125 and "HOME" in result.err, result
