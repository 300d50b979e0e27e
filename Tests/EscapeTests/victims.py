"""What the attacks of this directory aim at, and the ways to bring them into a sandbox."""

import os
import pathlib
import pwd
import shutil
import subprocess


def place(t, *attacks):
    """A workspace with attack programs in it."""
    directory = t.dir / "w"
    directory.mkdir(exist_ok=True)
    for name in attacks:
        shutil.copy(t.attack(name), directory / name)
    return directory


def run(t, directory, *words, options=(), **more):
    """One program in a sandbox on this directory."""
    where = ("--workspace", f"dir:{directory}")
    return t.cloche("run", "--profile", "shell", *where, *options, "--", *words, **{"check": None} | more)


def answers(text):
    """Lines `WAY TARGET ANSWER` as {(WAY, TARGET): ANSWER}."""
    found = {}
    for line in text.replace("\r", "").splitlines():
        words = line.split()
        if len(words) == 3:
            found[words[0], words[1]] = words[2]
    return found


class Sandbox:
    """A sandbox that waits, and what the host sees of it."""

    def __init__(self, t, directory, *options):
        self.script = directory / "wait.sh"
        self.script.write_text("echo ready\nexec sleep 1000\n")
        words = ("run", "--profile", "shell", "--workspace", f"dir:{directory}", *options, "--", "sh", "wait.sh")
        self.process = t.spawn(*words)
        assert self.process.stdout.readline() == b"ready\n", self.process.stderr.read()
        # Init; the user's process waits for it.
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        self.init = max(map(int, children))
        self.user = os.stat(f"/proc/{self.init}").st_uid if os.getuid() == 0 else os.getuid()

    def end(self):
        self.process.kill()
        self.process.communicate(timeout=10)


def agents_user(t, directory):
    """The host uid that a sandbox on this directory has: root's agents have one of their own."""
    if os.getuid() != 0:
        return os.getuid()
    sandbox = Sandbox(t, directory)
    children = pathlib.Path(f"/proc/{sandbox.init}/task/{sandbox.init}/children").read_text().split()
    lines = pathlib.Path(f"/proc/{children[0]}/status").read_text().splitlines()
    user = next(int(line.split()[1]) for line in lines if line.startswith("Uid:"))
    sandbox.end()
    return user


class Canary:
    """A process of the host that an attack must not reach, with the same uid as the agent."""

    def __init__(self, user=None):
        change = {} if user in (None, os.getuid()) else {"user": user, "extra_groups": []}
        self.process = subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True, cwd="/", **change)
        self.pid = self.process.pid

    def lives(self):
        return self.process.poll() is None

    def end(self):
        self.process.kill()
        self.process.wait()


def descendants(pid):
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child)] + descendants(int(child))
    return found


def is_gone(pid):
    """No such process, or only what is left of it until its parent asks."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def as_nobody(*words):
    """The words that run a program as a second user; only root can."""
    return ["setpriv", f"--reuid={pwd.getpwnam('nobody').pw_uid}", "--regid=65534", "--clear-groups", *map(str, words)]


def loosen(path, stop):
    """Opens the way to a path for everybody, from below the directory `stop`, which is opened too."""
    path = pathlib.Path(path)
    for directory in [path, *path.parents]:
        directory.chmod(0o777 if directory.is_dir() else 0o666)
        if directory == stop:
            return


def control_socket(t, project, name):
    """The path of an agent's socket on the host."""
    return pathlib.Path(t.cloche("path", name, "state", cwd=project).out.strip()) / "control.sock"
