"""Runs the integration tests: the built program, as its users meet it.

    harness.py --program PATH [--weakened PATH] [--label NAME] [--jobs N] [--repeated] [--list] [FILTER...]
    harness.py --folder LimitsTests --delegated --patience N --programs PATH ...     as scripts/vm-test does
    harness.py --folder real-agents ...     as `scripts/test real-agents` does, after scripts/install-real-agents
    harness.py --build-programs PATH     the attack programs, for a machine that has no compiler

A test is a function `test_...(t)` in a file `test_*.py` beside this one, in `../EscapeTests`, `../LimitsTests` or `../NetworkTests`; `t` is a `Case`
(case.py), which gives it a home, a state directory and a temporary directory of its own. What is in `test_delegated*.py` of LimitsTests needs
controllers that this machine may not have: it is taken with `--delegated` alone. Each test runs in a forked process with a
deadline. Afterwards its agents are deleted through the program, and whatever is still there (a process, a
mount, a file that cannot be removed) fails the test. Output is TAP: `ok 1 - FILE.TEST@LABEL`, with
diagnostics as `#` lines, the plan `1..N` last.

Of a whole run at most three tests that were late are tried once more at the end, alone: a shared machine stands still at times, and what
fails for that reason alone says nothing. A wrong answer is a failure at once: it is how a race shows. A test that passes only then is told
with what it said first, as `passes on its second try`.
"""

import argparse
import importlib
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time
import traceback

import case
import leaks

HERE = pathlib.Path(__file__).resolve().parent
FOLDERS = ("integration", "EscapeTests", "LimitsTests", "NetworkTests")
# Only by its name: it wants programs that are not in Debian (scripts/install-real-agents).
BY_NAME = ("real-agents",)
SKIPPED = 77
SECOND_TRIES = 3
# How a deadline is told of by `wait_until`, by subprocess, and here.
LATE = ("AssertionError: not within ", "subprocess.TimeoutExpired: ", "\ntimed out after ")


class Running:
    """One test in its own process: where its output goes, and when it has had enough time."""

    def __init__(self, number, name, function, options, alone=False):
        self.number, self.name, self.function = number, name, function
        # Short, because a socket's path may have only 107 bytes; unique, because leaks are found by it.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="ct-", dir=options.directory))
        # Without a name: processes of other tests inherit it, and must not look like this test's.
        self.output = tempfile.TemporaryFile("w+", encoding="utf-8", errors="backslashreplace")
        self.began = time.monotonic()
        self.deadline = self.began + getattr(function, "timeout", 120) * options.patience
        self.serial = alone or getattr(function, "serial", False)
        self.timed_out = False
        self.pid = os.fork()
        if self.pid == 0:
            os._exit(self.child(function, options))

    def child(self, function, options):
        os.setpgid(0, 0)
        os.dup2(self.output.fileno(), 1)
        os.dup2(self.output.fileno(), 2)
        sys.stdout = sys.stderr = self.output
        status = 1
        try:
            t = case.Case(self.directory, options.program, options.weakened, options.programs)
            try:
                function(t)
                status = 0
            except case.Skip as reason:
                print(f"SKIP {reason}")
                status = SKIPPED
            except BaseException:
                traceback.print_exc()
                print("\n".join(leaks.describe(pid) for pid in t.processes()))
            try:
                t.tear_down()
            except BaseException:
                traceback.print_exc()
                status = 1
        finally:
            self.output.flush()
            return status

    def stop(self):
        self.timed_out = True
        os.killpg(self.pid, signal.SIGKILL)

    def finish(self, status):
        """(passed, skip reason or None, diagnostics)"""
        problems = leaks.find(self.directory.name, 3 * case.patience)
        leaks.kill(self.directory.name)
        removal = remove(self.directory)
        self.output.seek(0)
        text = self.output.read()
        self.output.close()
        if self.timed_out:
            text += f"\ntimed out after {time.monotonic() - self.began:.0f} s\n"
        text += "".join(f"left behind: {problem}\n" for problem in problems + removal)
        code = os.waitstatus_to_exitcode(status)
        clean = not self.timed_out and not problems and not removal
        if code == SKIPPED and clean:
            return True, text.split("SKIP ", 1)[1].split("\n")[0], ""
        return code == 0 and clean, None, text


def remove(directory):
    """Removes what the test wrote; a file that its owner cannot remove is the program's fault."""
    failures, seen = [], set()

    def retry(function, path, _):
        # Directories without permissions are the tests' own doing; they are opened and tried once more. Nothing
        # outside the test's own directory is touched.
        path = pathlib.Path(path)
        try:
            for place in (path.parent, path):
                if directory in (place, *place.parents) and not place.is_symlink() and place.is_dir():
                    place.chmod(0o700)
            if path in seen:
                raise
            seen.add(path)
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, onerror=retry)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            failures.append(f"{path}: {error.strerror}")

    shutil.rmtree(directory, onerror=retry)
    return failures[:5]


def discover(filters, folders, delegated, repeated=False):
    tests, files = [], []
    sys.path += [str(HERE.parent / folder) for folder in FOLDERS + BY_NAME]
    for folder in folders:
        files += sorted((HERE.parent / folder).glob("test_*.py"))
    for file in files:
        if file.stem.startswith("test_delegated") and not delegated:
            continue
        module = importlib.import_module(file.stem)
        for name, function in vars(module).items():
            full = f"{file.stem.removeprefix('test_')}.{name.removeprefix('test_')}"
            if name.startswith("test_") and callable(function) and function.__module__ == file.stem:
                if repeated and getattr(function, "once", False):
                    continue
                if not filters or any(part in full for part in filters):
                    tests.append((full, function))
    # The longest first, so that the last minute is not one test alone; those that must be alone at the end.
    tests.sort(key=lambda test: (getattr(test[1], "serial", False), -getattr(test[1], "timeout", 120)))
    return tests


def diagnose(text, passed=False):
    for line in text.strip().split("\n")[-60:]:
        # Of a test that passed, only the remarks that it made on purpose.
        if not passed or line.startswith("# "):
            print(f"#   {line.removeprefix('# ')}")
    sys.stdout.flush()


def report(running, outcome, label, remark=""):
    passed, skip, text = outcome
    line = f"{'ok' if passed else 'not ok'} {running.number} - {running.name}@{label}"
    line += f" # SKIP {skip}" if skip is not None else f" ({time.monotonic() - running.began:.2f} s)"
    print(line + remark)
    diagnose(text, passed)


def run_all(tests, options, ended, alone=False):
    """Runs tests, as many at once as there are jobs; calls `ended` with each and its outcome."""
    waiting, active = list(tests), {}
    while waiting or active:
        while waiting and len(active) < options.jobs:
            number, name, function = waiting[0]
            serial = alone or getattr(function, "serial", False) or any(one.serial for one in active.values())
            if active and serial:
                break
            waiting.pop(0)
            started = Running(number, name, function, options, alone)
            active[started.pid] = started
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid in active:
            running = active.pop(pid)
            ended(running, running.finish(status))
            continue
        for one in active.values():
            if time.monotonic() > one.deadline and not one.timed_out:
                one.stop()
        time.sleep(0.005)


def run(tests, options):
    again, failed, only_then = [], [], []

    def first(running, outcome):
        late = any(word in outcome[2] for word in LATE)
        if outcome[0] or not late or options.filter or len(again) == SECOND_TRIES:
            report(running, outcome, options.label)
            failed.extend([] if outcome[0] else [running.name])
            return
        print(f"# {running.name}@{options.label} failed after {time.monotonic() - running.began:.2f} s and will be tried again, alone:")
        diagnose(outcome[2])
        again.append((running.number, running.name, running.function))

    def second(running, outcome):
        report(running, outcome, options.label, " passes on its second try" if outcome[0] else "")
        (only_then if outcome[0] else failed).append(running.name)

    run_all([(number, *test) for number, test in enumerate(tests, 1)], options, first)
    run_all(again, options, second, alone=True)
    print(f"1..{len(tests)}")
    print(f"# {len(tests) - len(failed)} of {len(tests)} tests did not fail as {options.label}")
    if only_then:
        print(f"# on their second try alone passed: {', '.join(only_then)}")
    return 1 if failed or not tests else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, default=HERE.parent.parent / ".build/release/cloche")
    parser.add_argument("--weakened", type=pathlib.Path, default=HERE.parent.parent / ".build/weakened/release/cloche")
    parser.add_argument("--label", default="root" if os.getuid() == 0 else "user")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--directory", default=tempfile.gettempdir(), help="where the tests' directories are made")
    parser.add_argument("--folder", choices=FOLDERS + BY_NAME, action="append", help="only the tests of this folder; may be repeated")
    parser.add_argument("--delegated", action="store_true", help="test_delegated*.py, too")
    parser.add_argument("--repeated", action="store_true", help="another user runs them too: without those that are marked with @case.once")
    parser.add_argument("--patience", type=float, default=1.0, help="deadlines are so many times longer: for an emulated machine")
    parser.add_argument("--programs", type=pathlib.Path, help="where --build-programs put the attack programs")
    parser.add_argument("--build-programs", type=pathlib.Path, metavar="PATH", help="build the attack programs, and run nothing")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("filter", nargs="*")
    options = parser.parse_args()
    options.program, options.weakened = options.program.resolve(), options.weakened.resolve()
    case.patience, case.delegated = options.patience, options.delegated
    if options.build_programs:
        options.build_programs.mkdir(parents=True)
        for name, source in case.attacks().items():
            case.build_attack(source, options.build_programs / name)
        return 0
    tests = discover(options.filter, options.folder or FOLDERS, options.delegated, options.repeated)
    if options.list:
        print("\n".join(name for name, _ in tests))
        return 0
    programs = [(options.program, "release")]
    if options.folder != [*BY_NAME]:
        programs.append((options.weakened, "weakened"))
    for program, kind in programs:
        if not os.access(program, os.X_OK):
            sys.exit(f"harness.py: {program} is not an executable; run `scripts/build {kind}` first")
    return run(tests, options)


if __name__ == "__main__":
    sys.exit(main())
