"""`cloche run`: a one-shot sandbox in the foreground. Its streams, exit codes, signals, terminal and traces."""

import os
import pathlib
import signal
import subprocess
import time

import case

WITHOUT = ("run", "--profile", "shell", "--workspace", "none", "--")


def test_exit_code_passes_through(t):
    for code in (0, 1, 7, 124, 125, 255):
        t.run_shell(f"exit {code}", check=code)


def test_death_by_signal_is_128_and_its_number(t):
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGHUP):
        t.run_shell(f"kill -{int(number)} $$", check=128 + number)


def test_missing_program_is_127(t):
    result = t.cloche(*WITHOUT, "no-such-program", check=127)
    assert "no-such-program" in result.err


def test_program_that_cannot_be_executed_is_126(t):
    project = t.repository(files={"notes.txt": "not a program\n"})
    result = t.cloche("run", "--profile", "shell", "--", "./notes.txt", cwd=project, check=126)
    assert "notes.txt" in result.err


def test_streams_are_the_callers(t):
    result = t.run_shell("cat; echo to stderr >&2", input="through\0the\npipe")
    assert (result.out, result.err) == ("through\0the\npipe", "to stderr\n"), result


def test_eight_megabytes_pass_both_ways(t):
    data = os.urandom(1 << 16) * 128
    process = t.spawn(*WITHOUT, "cat", stdin=subprocess.PIPE)
    out, _ = process.communicate(data, timeout=30)
    assert process.returncode == 0 and out == data


def test_closed_output_ends_the_program(t):
    process = t.spawn(*WITHOUT, "yes")
    assert process.stdout.readline() == b"y\n"
    process.stdout.close()
    process.stderr.close()
    assert process.wait(10) == 128 + signal.SIGPIPE or process.returncode == 1, process.returncode


def test_arguments_arrive_unchanged(t):
    words = ["", " ", "a b", "--help", "-x", "ü/日本", "line\nbreak", "'\"$(id)`;", "*", "\\"]
    result = t.cloche(*WITHOUT, "python3", "-c", "import sys; print(sys.argv[1:])", *words)
    assert result.out.strip() == repr(words), result


def test_one_argument_of_100_kilobytes(t):
    result = t.cloche(*WITHOUT, "python3", "-c", "import sys; print(len(sys.argv[1]))", "x" * 100_000)
    assert result.out == "100000\n"


def test_the_place_it_starts_in(t):
    project = t.repository()
    result = t.run_shell("pwd; echo $HOME; id -un; cat README.md", cwd=project)
    assert result.out == "/workspace\n/home/agent\nagent\n# Project\n", result


def test_a_directory_with_spaces_and_unicode(t):
    project = t.repository("mit Leerzeichen und ü 日本")
    assert t.run_shell("cat README.md", cwd=project).out == "# Project\n"


def test_what_it_makes_in_the_workspace_belongs_to_the_caller(t):
    project = t.repository()
    t.run_shell("mkdir -p new/dir && echo text > new/dir/file && chmod 640 new/dir/file && ln -s file new/dir/link", cwd=project)
    for path in (project / "new", project / "new/dir", project / "new/dir/file", project / "new/dir/link"):
        status = path.lstat()
        assert (status.st_uid, status.st_gid) == (os.getuid(), os.getgid()), (path, status)
    assert (project / "new/dir/file").read_text() == "text\n"
    assert (project / "new/dir/file").stat().st_mode & 0o777 == 0o640


def test_writes_outside_the_workspace_are_thrown_away(t):
    project = t.repository()
    script = "ls /usr/local/bin/mine ~/mine /tmp/mine 2>/dev/null; touch /usr/local/bin/mine ~/mine /tmp/mine && echo made"
    for _ in range(2):
        assert t.run_shell(script, cwd=project).out == "made\n"
    assert not os.path.exists("/usr/local/bin/mine") and not os.path.exists("/tmp/mine")
    assert not (t.home / "mine").exists()


def test_the_callers_environment_stays_outside(t):
    secrets = {"AWS_SECRET_ACCESS_KEY": "canary-1", "SSH_AUTH_SOCK": "/tmp/canary-2", "LD_PRELOAD": "", "FOO": "canary-3"}
    # The control: the variables do reach a program that is started without a sandbox.
    assert t.command("env", env=secrets).out.count("canary") == 3
    result = t.run_shell("env; cat /proc/1/environ /proc/self/environ 2>/dev/null; true", env=secrets)
    assert "canary" not in result.out, result
    assert "TERM=xterm-256color" in result.out and "LANG=C.UTF-8" in result.out, result


def test_children_left_behind_end_with_it(t):
    t.run_shell("sleep 1000 & setsid sleep 1000 & (setsid sh -c 'trap \"\" TERM HUP; sleep 1000' &) ; exit 3", check=3, timeout=10)
    t.wait_until(lambda: not t.processes(), "no process of the sandbox is left", deadline=1)


def test_init_reaps_orphans(t):
    script = "for i in 1 2 3 4 5 6 7 8; do (sh -c 'exit 0' &) ; done; sleep 0.2; grep -l '^State:.Z' /proc/[0-9]*/status"
    assert t.run_shell(script, check=None).out == ""


def test_a_terminal_is_passed_on(t):
    terminal = t.terminal(*WITHOUT, "sh", "-c", "tty; stty size; echo done", columns=93, rows=31)
    terminal.expect(r"/dev/(pts/\d+|console)\r\n31 93\r\ndone")
    assert terminal.wait() == 0
    terminal.close()


def test_a_new_size_of_the_terminal_is_passed_on(t):
    script = "trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.05; done"
    terminal = t.terminal(*WITHOUT, "sh", "-c", script, columns=80, rows=24)
    terminal.expect("ready")
    terminal.resize(101, 37)
    terminal.expect("37 101")
    assert terminal.wait() == 0
    terminal.close()


def test_ctrl_c_reaches_the_program(t):
    terminal = t.terminal(*WITHOUT, "sh", "-c", "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.05; done")
    terminal.expect("ready")
    terminal.send("\x03")
    terminal.expect("caught")
    assert terminal.wait() == 9
    terminal.close()


def test_signals_are_passed_on(t):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        process = t.spawn(*WITHOUT, "sh", "-c", "trap 'exit 9' TERM INT HUP; echo ready; while :; do sleep 0.05; done")
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        assert process.wait(10) == 9, (number, process.returncode)
        process.stdout.close()
        process.stderr.close()


def test_kill_9_of_the_program_leaves_no_process(t):
    process = t.spawn(*WITHOUT, "sh", "-c", "setsid sleep 1000 & echo ready; sleep 1000")
    assert process.stdout.readline() == b"ready\n"
    assert len(t.processes()) >= 3
    process.kill()
    process.wait(5)
    t.wait_until(lambda: not t.processes(), "no process of the sandbox is left", deadline=1)


def test_it_leaves_nothing_in_the_state_directory(t):
    project = t.repository()
    t.run_shell("true", cwd=project)
    t.run_shell("exit 3", cwd=project, check=3)
    left = [str(path) for path in t.state.rglob("*") if not path.is_dir()]
    assert not left, left
    assert t.agents(project) == {}


def test_workspace_none_shows_nothing_of_the_directory(t):
    project = t.repository()
    result = t.cloche("run", "--profile", "shell", "--workspace", "none", "--", "sh", "-c", "pwd; ls -A", cwd=project)
    assert "README.md" not in result.out


def test_workspace_read_only(t):
    project = t.repository()
    words = ("run", "--profile", "shell", "--ro", "--", "sh", "-c", "cat README.md; echo x > y")
    result = t.cloche(*words, cwd=project, check=None)
    assert result.code != 0 and result.out == "# Project\n" and "Read-only" in result.err, result
    assert not (project / "y").exists()


def test_twenty_in_a_row_are_quick(t):
    began = time.monotonic()
    for _ in range(20):
        t.cloche(*WITHOUT, "true")
    # Generous: a slow machine takes 20 ms each; a leak or a wait for a timeout takes seconds.
    assert time.monotonic() - began < 10


@case.timeout(30)
def test_two_at_once_do_not_meet(t):
    one = t.spawn(*WITHOUT, "sh", "-c", "echo mine > /tmp/file; echo ready; read line; cat /tmp/file", stdin=subprocess.PIPE)
    assert one.stdout.readline() == b"ready\n"
    two = t.run_shell("ls /tmp; ps -e -o args= | grep -c '[r]ead line'", check=None)
    assert two.out == "0\n", two
    out, _ = one.communicate(b"\n", timeout=10)
    assert out == b"mine\n"


def test_closed_standard_streams(t):
    """What the caller left closed is /dev/null, and no socket of ours."""
    for closed, out in (("<&-", "out\n"), (">&-", ""), ("2>&-", "out\n"), ("<&- >&- 2>&-", "")):
        words = [t.program, *WITHOUT, "sh", "-c", "echo out; cat; ls -l /proc/self/fd >&2; exit 7"]
        result = t.command("sh", "-c", f'exec "$@" {closed}', "sh", *words, check=7, timeout=20)
        assert result.out == out and "socket" not in result.err, (closed, result)


def test_a_caller_that_ignores_sigchld(t):
    script = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    result = t.command("/usr/bin/python3", "-c", script, t.program, *WITHOUT, "sh", "-c", "true; echo hi", timeout=20)
    assert result.out == "hi\n"


def test_the_program_in_a_private_directory(t):
    """Started by root: somebody else's, which root's child in its user namespace may not search."""
    directory = t.dir / "private"
    directory.mkdir()
    program = directory / "cloche"
    program.write_bytes(pathlib.Path(t.program).read_bytes())
    program.chmod(0o700)
    directory.chmod(0o700)
    if os.geteuid() == 0:
        for path in (program, directory):
            os.chown(path, 65534, 65534)
    assert t.command(program, *WITHOUT, "echo", "hi").out == "hi\n"
