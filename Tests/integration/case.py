"""What a test is given: places of its own, the program, git, a terminal, and ways to wait without sleeping."""

import fcntl
import json
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import leaks

TESTS = pathlib.Path(__file__).resolve().parent.parent
# How many times longer than on an ordinary machine everything may take; set by `harness.py --patience`.
patience = 1.0
# Whether this machine must have delegated controllers; set by `harness.py --delegated`.
delegated = False
# States in which an agent still has processes.
LIVING = {"starting", "running", "paused", "stopping"}


class Skip(Exception):
    """Raised by a test that cannot be run here; its text is the reason and must be on the list."""


def timeout(seconds):
    """Gives a test more (or less) than two minutes. Generous: a passing test never waits for it."""

    def mark(function):
        function.timeout = seconds
        return function

    return mark


def attacks():
    """The sources of the attack programs, by name; those of one folder may be used by the tests of another."""
    return {file.stem: file for kind in ("attacks", "clients") for file in TESTS.glob(f"*/{kind}/*.c")}


def build_attack(source, built):
    """Builds an attack program, static, so that it runs in any root."""
    words = ["cc", "-O1", "-static", "-pthread", "-D_GNU_SOURCE", "-Wall", "-Werror", "-o", str(built), str(source)]
    subprocess.run(words, check=True)


def serial(function):
    """Marks a test that must have the machine for itself, because it measures time."""
    function.serial = True
    return function


def once(function):
    """Marks a long test of what does not depend on who one is: where an ordinary user and root both run the tests, the user alone runs it."""
    function.once = True
    return function


class Result:
    """A finished command: its exit code and what it wrote."""

    def __init__(self, arguments, code, out, err):
        self.arguments, self.code, self.out, self.err = arguments, code, out, err

    def __repr__(self):
        return f"{' '.join(map(str, self.arguments))} -> {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


class Case:
    """The surroundings of one test. Nothing in it touches the tester's own home or state."""

    def __init__(self, directory, program, weakened=None, programs=None):
        self.dir, self.program, self.weakened, self.programs = pathlib.Path(directory), program, weakened, programs
        self.home, self.state, self.config, self.run = (
            self.dir / "home",
            self.dir / "state",
            self.dir / "config",
            self.dir / "run",
        )
        for place in (self.home, self.state, self.config, self.run):
            place.mkdir(mode=0o700)
        self.projects = set()
        self.env = {
            "HOME": str(self.home),
            "XDG_STATE_HOME": str(self.state),
            "XDG_CONFIG_HOME": str(self.config),
            "XDG_RUNTIME_DIR": str(self.run),
            "XDG_CACHE_HOME": str(self.dir / "cache"),
            "PATH": f"{program.parent}:/usr/local/bin:/usr/bin:/bin",
            "USER": os.environ.get("USER", "tester"),
            "LOGNAME": os.environ.get("LOGNAME", "tester"),
            "SHELL": "/bin/bash",
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "GIT_CONFIG_NOSYSTEM": "1",
            "CLOCHE_TEST_ID": self.dir.name,
        }
        (self.home / ".gitconfig").write_text(
            "[user]\n\tname = Tester\n\temail = tester@example.org\n[init]\n\tdefaultBranch = main\n"
        )
        # A variable in every sandbox, by which leaks.py finds processes that outlived their supervisor.
        (self.config / "cloche").mkdir()
        (self.config / "cloche/config.yaml").write_text(
            f"overrides:\n  environment:\n    set:\n      CLOCHE_TEST_ID: {self.dir.name}\n"
        )
        os.chdir(self.dir)

    # Commands.

    def command(self, *arguments, check=True, input=None, timeout=60, cwd=None, env=None):
        """Runs any program; `check` wants exit code 0, a number wants that code, None takes any."""
        wanted = {True: 0, False: None}.get(check, check) if isinstance(check, bool) else check
        arguments = [str(argument) for argument in arguments]
        data = input.encode() if isinstance(input, str) else input
        answer = subprocess.run(
            arguments,
            input=data,
            stdin=subprocess.DEVNULL if data is None else None,
            capture_output=True,
            timeout=timeout * patience,
            cwd=cwd or self.dir,
            env=self.env | (env or {}),
        )
        decode = lambda data: data.decode("utf-8", "surrogateescape")  # noqa: E731
        result = Result(arguments, answer.returncode, decode(answer.stdout), decode(answer.stderr))
        assert wanted is None or result.code == wanted, f"wanted exit code {wanted}: {result!r}"
        return result

    def cloche(self, *arguments, cwd=None, **options):
        if cwd is not None:
            self.projects.add(pathlib.Path(cwd))
        return self.command(self.program, *arguments, cwd=cwd, **options)

    def without(self, *layers):
        """The negative control: this test's program from now on is a build for tests that leaves these layers out
        (`seccomp`, `landlock`, `mounts`, `pid-namespace`, `net-namespace`, `capabilities`, `self-check` ...)."""
        self.program = self.weakened
        self.env = self.env | {"CLOCHE_WITHOUT": ",".join(layers)}

    def attack(self, name):
        """An attack program of `Tests/*/attacks`, or a client of `Tests/*/clients`, built."""
        if self.programs:
            return self.programs / name
        built = self.dir / f"attack-{name}"
        build_attack(attacks()[name], built)
        return built

    def json(self, *arguments, **options):
        return json.loads(self.cloche(*arguments, "--json", **options).out)

    def run_shell(self, script, *options, cwd=None, **more):
        """`cloche run` of a shell script in a one-shot sandbox on `cwd` (no workspace when there is none)."""
        workspace = [] if cwd else ["--workspace", "none"]
        return self.cloche("run", "--profile", "shell", *workspace, *options, "--", "sh", "-c", script, cwd=cwd, **more)

    def spawn(self, *arguments, cwd=None, **options):
        """Starts the program and does not wait; the caller waits or kills."""
        if cwd is not None:
            self.projects.add(pathlib.Path(cwd))
        return subprocess.Popen(
            [str(self.program), *map(str, arguments)],
            cwd=cwd or self.dir,
            env=self.env,
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options,
        )

    def terminal(self, *arguments, cwd=None, columns=80, rows=24, env=None):
        """Starts the program on a terminal of its own."""
        if cwd is not None:
            self.projects.add(pathlib.Path(cwd))
        words = [str(self.program), *map(str, arguments)]
        return Terminal(words, str(cwd or self.dir), self.env | (env or {}), columns, rows)

    # Git.

    def git(self, *arguments, cwd, **options):
        return self.command("git", *arguments, cwd=cwd, **options)

    def repository(self, name="project", files=None, format="sha1"):
        """A git repository with one commit on `main`; returns its path."""
        path = self.dir / name
        path.mkdir(parents=True)
        self.git("init", "--quiet", f"--object-format={format}", cwd=path)
        for file, text in (files or {"README.md": "# Project\n", "src/main.c": "int main(void) { return 0; }\n"}).items():
            (path / file).parent.mkdir(parents=True, exist_ok=True)
            (path / file).write_text(text)
        self.git("add", "-A", cwd=path)
        self.git("commit", "--quiet", "-m", "First", cwd=path)
        self.projects.add(path)
        return path

    # Agents.

    def start(self, name, task, *options, cwd, profile="shell", **more):
        return self.cloche("start", name, "--profile", profile, *options, task, cwd=cwd, **more)

    def agents(self, cwd):
        """Every agent of the project, by name, as `list --all --json` tells."""
        listing = self.json("list", "--all", cwd=cwd)
        entries = listing["agents"] if isinstance(listing, dict) else listing
        return {entry["name"]: entry for entry in entries}

    def wait_ended(self, name, cwd, deadline=60):
        """Waits until the agent's task is over; returns its entry in the listing."""
        self.wait_until(lambda: self.agents(cwd)[name]["state"] not in LIVING, f"{name} ended", deadline)
        return self.agents(cwd)[name]

    def run_task(self, name, task, *options, cwd, **more):
        """Starts an agent and waits until its task is over; returns its entry in the listing."""
        self.start(name, task, *options, cwd=cwd, **more)
        return self.wait_ended(name, cwd)

    def workspace(self, name, cwd):
        return pathlib.Path(self.cloche("path", name, cwd=cwd).out.strip())

    def profile(self, name, text):
        """A profile in the user's own configuration."""
        file = self.config / "cloche/profiles" / f"{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return name

    # Waiting and cleaning up.

    def wait_until(self, condition, what, deadline=30):
        """Polls something the kernel or the program shows; returns its first true value."""
        end = time.monotonic() + deadline * patience
        while True:
            value = condition()
            if value:
                return value
            assert time.monotonic() < end, f"not within {deadline * patience:g} s: {what}"
            time.sleep(0.01)

    def processes(self):
        """Pids of the processes of this test other than the test itself and a tracer that it started."""
        return [pid for pid in leaks.processes(self.dir.name) if pid != os.getpid() and not is_tracer(pid)]

    def supervisors(self):
        """Pids of supervisors: processes of the program on the host's side of every sandbox."""
        found, here = [], os.readlink("/proc/self/ns/pid")
        for pid in self.processes():
            try:
                outside = os.readlink(f"/proc/{pid}/ns/pid") == here
                if outside and os.readlink(f"/proc/{pid}/exe") == str(self.program):
                    found.append(pid)
            except OSError:
                pass
        return found

    def tear_down(self):
        """Deletes every agent through the program: that it can be deleted is part of each test."""
        os.chdir("/")
        for project in self.projects:
            if not project.is_dir() or not any(self.state.iterdir()):
                continue
            listing = self.cloche("list", "--all", "--json", cwd=project, check=None)
            if listing.code == 0:
                for name in self.agents(project):
                    self.cloche("delete", name, "--force", cwd=project)


def is_tracer(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe").endswith("/strace")
    except OSError:
        return False


class Terminal:
    """The program on a pseudo-terminal: what a person sees and types."""

    def __init__(self, words, cwd, env, columns, rows):
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            try:
                # Here, or the program may ask for it before it is set.
                self.master = 0
                self.resize(columns, rows)
                os.chdir(cwd)
                os.execve(words[0], words, env)
            finally:
                os._exit(127)
        self.seen, self.code = b"", None

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def send(self, text):
        os.write(self.master, text.encode() if isinstance(text, str) else text)

    def expect(self, pattern, deadline=30):
        """Waits for a regular expression in what was shown since the last match; returns the match."""
        end = time.monotonic() + deadline * patience
        while True:
            match = re.search(pattern.encode() if isinstance(pattern, str) else pattern, self.seen, re.S)
            if match:
                self.seen = self.seen[match.end() :]
                return match
            left = end - time.monotonic()
            assert left > 0 and self.read(left), f"no {pattern!r} in {self.seen[-2000:]!r}"

    def read(self, seconds):
        """One read of what the terminal shows; False when it is closed or silent that long."""
        if not select.select([self.master], [], [], max(seconds, 0))[0]:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:  # EIO: the last process of the terminal is gone
            return False
        self.seen += data
        return bool(data)

    def wait(self, deadline=30):
        """The exit code, as a shell gives it."""
        end = time.monotonic() + deadline * patience
        while self.code is None:
            self.read(0.01)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                self.code = code if code >= 0 else 128 - code
            assert time.monotonic() < end, f"still running, showing {self.seen[-2000:]!r}"
        while self.read(0):
            pass
        return self.code

    def close(self):
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.master)
