"""Plans of tasks: `up` and `graph`. Their order, what becomes of failures, checks, judges and gates; going on after kills."""

import json
import os
import pathlib
import random
import signal
import subprocess
import time
import xml.etree.ElementTree

import case

FOLDER = pathlib.Path(__file__).resolve().parent
# In the repository it is beside Tests, in the place that scripts/test copies everything to beside the folders of it.
MANUAL = next(path for up in (2, 1) if (path := FOLDER.parents[up - 1] / "docs/graphs.md").exists())

# For more than CI has time for: rounds of kills, each with a seed of its own.
ROUNDS = int(os.environ.get("CLOCHE_GRAPH_ROUNDS", "1"))


def plan(t, project, text, name="plan.yaml"):
    """A plan's file; `shell` runs each prompt."""
    file = project.parent / name
    file.write_text("defaults: {profile: shell}\n" + text)
    return file


def up(t, project, file, *options, **more):
    """Carries a plan out; returns its events."""
    more.setdefault("timeout", 110)
    out = t.cloche("up", file, "--json", *options, cwd=project, **more).out
    return [json.loads(line) for line in out.splitlines()]


def status(t, project, file):
    """Each task's state, by name."""
    return {task["name"]: task for task in t.json("graph", "--status", file, cwd=project)["tasks"]}


def show(t, project, path, ref="cloche/plan"):
    return t.git("show", f"{ref}:{path}", cwd=project).out


def files(t, project, ref="cloche/plan"):
    return sorted(t.git("ls-tree", "-r", "--name-only", ref, cwd=project).out.split())


def kinds(events, *wanted):
    return [(event["event"], event.get("task")) for event in events if event["event"] in wanted]


def test_a_plan_is_carried_out_in_its_order(t):
    project = t.repository()
    head = t.git("rev-parse", "HEAD", cwd=project).out
    file = plan(
        t,
        project,
        """
parallel: 3
tasks:
  outline:
    prompt: echo 'three parts' > outline; git add -A; git commit -qm Outline
    outputs: {outline: outline}
  part:
    needs: outline
    matrix: {n: [1, 2]}
    prompt: |
      cat > told-{matrix.n} <<'END'
      {tasks.outline.outputs.outline}
      END
      cp outline seen-{matrix.n}
    check: test -s told-{matrix.n}
  best:
    needs: [part]
    best_of: 3
    prompt: 'echo ${CLOCHE_AGENT##*-} > size; test $CLOCHE_AGENT != plan-best-3'
    judge: 'ls; grep -l . */size | cut -d/ -f1 | sort -n | tail -1'
  alone:
    prompt: echo alone > alone
""",
    )
    events = up(t, project, file)
    assert events[0]["event"] == "run" and not events[0]["resumes"], events[0]
    assert events[-1]["outcome"] == "succeeded" and events[-1]["into"] == "cloche/plan", events[-1]
    # What is needed is done before; who needs nothing of each other is not held up.
    order = [(event["event"], event.get("task")) for event in events]
    assert order.index(("result", "outline")) < order.index(("begin", "part-1")), order
    assert order.index(("checked", "part-2")) < order.index(("begin", "best")), order
    assert files(t, project) == sorted(
        ["README.md", "src/main.c", "outline", "told-1", "told-2", "seen-1", "seen-2", "size", "alone"]
    ), files(t, project)
    # What another agent wrote came into the prompt, and its files into the workspace.
    assert show(t, project, "told-2").split("\n")[0] == "three parts" and show(t, project, "seen-1") == "three parts\n"
    # Of three, one failed, and the judge took the last of the others.
    assert show(t, project, "size") == "2\n" and [e["candidate"] for e in events if e["event"] == "chosen"] == [2]
    # The user's checkout is as it was, and no agent is left.
    assert t.git("rev-parse", "HEAD", cwd=project).out == head and t.git("status", "--porcelain", cwd=project).out == ""
    assert not t.agents(project), t.agents(project)
    t.git("fsck", "--full", "--strict", cwd=project)
    again = t.cloche("up", file, cwd=project)
    assert "done already" in again.out, again


def test_the_example_of_the_manual(t):
    project = t.repository()
    file = t.dir / "release.yaml"
    file.write_text(MANUAL.read_text().split("```yaml\n")[1].split("```")[0])
    t.cloche("up", file, "--approve", "publish", cwd=project)
    events = up(t, project, file)
    assert kinds(events, "chosen", "gate") == [("chosen", "summary"), ("gate", "publish")], events
    assert t.git("show", "release/next:docs/second.md", cwd=project).out.startswith("The second of: Two parts")
    # The longest of the summaries is that of the third.
    assert len(show(t, project, "SUMMARY.md", "release/next").splitlines()) == 4 and not t.agents(project)


def test_a_failure_stops_only_what_needs_it(t):
    project = t.repository()
    text = """
tasks:
  bad: {prompt: exit 3}
  after: {needs: bad, prompt: echo after > after}
  good: {prompt: echo good > good}
  both: {needs: [good, after], prompt: echo both > both}
  last: {needs: good, prompt: echo last > last}
"""
    file = plan(t, project, text)
    events = up(t, project, file, check=1)
    states = {name: task["state"] for name, task in status(t, project, file).items()}
    assert states == {"bad": "failed", "after": "skipped", "good": "done", "both": "skipped", "last": "done"}, states
    assert "exit code 3" in status(t, project, file)["bad"]["failure"] and events[-1]["outcome"] == "failed"
    assert t.git("branch", "--list", "cloche/plan", cwd=project).out == ""
    # Only what has failed is tried again.
    events = up(t, project, file, check=1)
    assert kinds(events, "begin") == [("begin", "bad")], events
    told = t.cloche("up", file, cwd=project, check=1)
    assert "`cloche logs plan-bad`" in told.out, told
    # A plan that changed where something is done is refused, by name; elsewhere it goes on.
    plan(t, project, text.replace("echo good > good", "echo better > good"))
    refused = t.cloche("up", file, cwd=project, check=125).err
    assert "are done: good" in refused and f"cloche up --restart --force {file}" in refused, refused
    plan(t, project, text.replace("echo after > after", "echo changed > after"))
    assert kinds(up(t, project, file, check=1), "plan") == [("plan", None)]
    # Beginning anew drops what is done, and says so first.
    refused = t.cloche("up", file, "--restart", cwd=project, check=1).err
    assert "2 tasks are done" in refused and f"--restart --force {file}" in refused, refused
    # What has failed may be mended, and what is done stays so.
    plan(t, project, text.replace("exit 3", "echo bad > bad"))
    events = up(t, project, file)
    assert kinds(events, "begin") == [("begin", "bad"), ("begin", "after"), ("begin", "both")], events
    assert files(t, project) == ["README.md", "after", "bad", "both", "good", "last", "src/main.c"]
    assert not t.agents(project)
    up(t, project, file, "--restart", "--force")
    assert files(t, project) == ["README.md", "after", "bad", "both", "good", "last", "src/main.c"]


def test_a_branch_that_is_gone_is_made_again(t):
    project = t.repository()
    file = plan(t, project, "tasks: {a: {prompt: echo a > a}}\n")
    up(t, project, file)
    result = t.git("rev-parse", "cloche/plan", cwd=project).out
    assert "cloche/plan has the result" in t.cloche("graph", "--status", file, cwd=project).out
    t.git("branch", "-D", "cloche/plan", cwd=project)
    told = t.cloche("graph", "--status", file, cwd=project).out
    assert "cloche/plan is gone" in told and "has the result" not in told, told
    assert t.json("graph", "--status", file, cwd=project)["branch"] == "gone"
    assert "is made again" in t.cloche("up", file, cwd=project).out
    assert t.git("rev-parse", "cloche/plan", cwd=project).out == result
    t.cloche("merge", "--undo", cwd=project)
    assert t.git("branch", "--list", "cloche/plan", cwd=project).out == ""
    assert kinds(up(t, project, file), "begin", "gone", "landed") == [("gone", None), ("landed", None)]
    assert t.git("rev-parse", "cloche/plan", cwd=project).out == result
    # One that a person moved elsewhere is let be.
    t.git("branch", "-f", "cloche/plan", "HEAD", cwd=project)
    assert "moved" in t.cloche("up", file, cwd=project).out
    assert t.json("graph", "--status", file, cwd=project)["branch"] == "moved"
    assert t.git("rev-parse", "cloche/plan", cwd=project).out == t.git("rev-parse", "HEAD", cwd=project).out


def test_a_check_decides_and_attempts_are_counted(t):
    project = t.repository()
    # The mark of an agent ends with the number of its beginning: the second attempt does better.
    file = plan(
        t,
        project,
        f"""
tasks:
  second: {{prompt: 'echo ${{CLOCHE_TASK##*/}} > n', check: 'cat n; grep -q 2 n', retries: 1}}
  never: {{prompt: 'touch x', check: 'touch {project}/escaped; echo it is bad >&2; exit 4', retries: 1}}
  none: {{prompt: 'true', outputs: {{report: report.md}}}}
""",
    )
    events = up(t, project, file, check=1)
    tasks = status(t, project, file)
    assert tasks["second"]["state"] == "done" and tasks["second"]["attempts"] == 2, tasks
    assert tasks["never"]["state"] == "failed" and tasks["never"]["attempts"] == 2, tasks
    assert "exit code 4: it is bad" in tasks["never"]["failure"], tasks
    assert "output report is missing" in tasks["none"]["failure"], tasks
    assert kinds(events, "begin").count(("begin", "second")) == 2
    # A check runs in a sandbox: what is told to make a file on the host makes none.
    assert not (project / "escaped").exists()
    result = tasks["second"]["commit"]
    assert show(t, project, "n", result) == "2\n"


def test_a_program_that_says_done_is_taken_and_ended(t):
    project = t.repository()
    file = plan(t, project, "tasks: {a: {prompt: 'echo a > a; echo done > $CLOCHE_STATE; sleep 1000'}}\n")
    up(t, project, file)
    assert show(t, project, "a") == "a\n" and not t.agents(project)


def test_an_agent_judges(t):
    project = t.repository()
    file = plan(
        t,
        project,
        """
tasks:
  a:
    best_of: 2
    prompt: echo ${CLOCHE_AGENT##*-} > n
    judge: {prompt: 'grep -l 2 */n | cut -d/ -f1 > winner'}
""",
    )
    events = up(t, project, file)
    assert show(t, project, "n") == "2\n" and kinds(events, "chosen") == [("chosen", "a")] and not t.agents(project)


def test_a_gate_waits_for_a_person(t):
    project = t.repository()
    file = plan(
        t,
        project,
        """
tasks:
  draft: {prompt: echo draft > draft}
  publish: {needs: draft, gate: human, prompt: echo out > out}
  other: {needs: draft, gate: human, prompt: echo other > other}
""",
    )
    process = t.spawn("up", file, "--json", cwd=project, stderr=None)
    seen = []
    while ("waiting", "other") not in seen:
        event = json.loads(process.stdout.readline())
        seen.append((event["event"], event.get("task")))
    assert ("begin", "publish") not in seen, seen
    assert status(t, project, file)["publish"]["state"] == "waits for a person"
    assert "carried out already" in t.cloche("up", file, cwd=project, check=125).err
    assert "no task 'draft'" in t.cloche("up", file, "--approve", "draft", cwd=project, check=125).err.replace('"', "'")
    t.cloche("up", file, "--approve", "publish", cwd=project)
    t.cloche("up", file, "--deny", "other", cwd=project)
    assert process.wait(60 * case.patience) == 1
    tasks = status(t, project, file)
    assert tasks["publish"]["state"] == "done" and tasks["other"]["state"] == "failed", tasks
    # An answer that nobody waits for yet is kept; what was denied is asked again.
    told = t.cloche("up", file, "--approve", "publish", cwd=project, check=None)
    assert told.code == 125 and "does not wait" in told.err, told
    process = t.spawn("up", file, "--json", cwd=project, stderr=None)
    while json.loads(process.stdout.readline())["event"] != "waiting":
        pass
    process.send_signal(signal.SIGINT)
    assert process.wait(60 * case.patience) == 130
    t.cloche("up", file, "--deny", "other", cwd=project)
    up(t, project, file, check=1)
    assert "nobody is at it" in t.cloche("up", file, "--approve", "other", cwd=project).err
    up(t, project, file)
    assert "other" in files(t, project) and "out" in files(t, project)


def test_it_goes_on_after_an_interrupt(t):
    project = t.repository()
    (t.dir / "go").mkdir()
    profile = t.profile("gated", f"extends: shell\nfilesystem:\n  binds:\n    - {{source: {t.dir}/go, target: /go}}\n")
    text = f"""
tasks:
  first: {{prompt: echo first >> first}}
  slow: {{needs: first, profile: {profile}, prompt: 'echo slow >> slow; while ! test -e /go/on; do sleep 0.05; done'}}
"""
    file = plan(t, project, text)
    # As by nohup: a hang-up is not for it. Were it obeyed, the code would be 129.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    process = t.spawn("up", file, cwd=project)
    t.wait_until(lambda: t.agents(project).get("plan-slow", {}).get("state") == "running", "slow runs", 60)
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60 * case.patience)
    assert process.returncode == 130 and b"goes on" in err, (out, err)
    assert not [a for a in t.agents(project).values() if a["state"] in case.LIVING]
    told = t.cloche("graph", "--status", file, cwd=project).out
    assert "1 stopped" in told and "goes on" in told and status(t, project, file)["slow"]["state"] == "stopped", told
    (t.dir / "go/on").touch()
    out = t.cloche("up", file, cwd=project).out
    assert "goes on where it stopped: 1 of 2 tasks done" in out and "first begins" not in out, out
    assert show(t, project, "first") == "first\n" and show(t, project, "slow") == "slow\n"


def test_it_is_as_wide_as_it_may(t):
    project = t.repository()
    tasks = "\n".join(f"  t{n}: {{prompt: 'sleep 0.5; echo {n} > f{n}'}}" for n in range(4))
    file = plan(t, project, f"parallel: 1\ntasks:\n{tasks}\n")
    for width, options in ((1, ()), (3, ("-j", "3", "--restart"))):
        running = most = 0
        for event in up(t, project, file, *options):
            running += {"begin": 1, "ended": -1, "lost": -1}.get(event["event"], 0)
            most = max(most, running)
        assert most == width, (most, width)
    assert len(files(t, project)) == 6


def test_results_in_conflict_are_told_by_file_and_task(t):
    project = t.repository()
    file = plan(
        t,
        project,
        """
tasks:
  one: {prompt: echo one > README.md}
  two: {prompt: echo two > README.md}
""",
    )
    refused = t.cloche("up", file, cwd=project, check=1).err
    assert "README.md: task two and task one" in refused, refused
    for task in ("one", "two"):
        assert f"`git merge refs/cloche-graphs/plan/result/{task}`" in refused, refused
    assert t.git("branch", "--list", "cloche/plan", cwd=project).out == ""
    told = t.cloche("graph", "--status", file, cwd=project).out
    assert "README.md: task two and task one" in told, told
    # As it says: merged by hand, and that as the base of a task that needs both.
    t.git("checkout", "-q", "-b", "mended", "refs/cloche-graphs/plan/result/one", cwd=project)
    t.git("merge", "-q", "-s", "ours", "-m", "By hand", "refs/cloche-graphs/plan/result/two", cwd=project)
    t.git("checkout", "-q", "main", cwd=project)
    file.write_text(file.read_text() + "  both: {needs: [one, two], base: mended, prompt: 'true'}\n")
    assert kinds(up(t, project, file), "begin") == [("begin", "both")]
    assert show(t, project, "README.md") == "one\n"
    assert t.json("graph", "--status", file, cwd=project)["conflict"] is None
    # The same before a task that needs both.
    file = plan(t, project, "name: both\ntasks:\n  a: {prompt: echo a > README.md}\n  b: {prompt: echo b > README.md}\n  c: {needs: [a, b], prompt: 'true'}\n")
    up(t, project, file, check=1)
    failure = status(t, project, file)["c"]["failure"]
    assert "README.md: task b and task a" in failure and "refs/cloche-graphs/both/result/a" in failure, failure
    told = t.cloche("graph", "--status", file, cwd=project).out
    assert "\\n" not in told and "result/b" in told, told


def test_the_end_goes_where_the_plan_says(t):
    project = t.repository()
    text = "into: main\ntasks: {a: {prompt: echo a > a}}\n"
    refused = t.cloche("up", plan(t, project, text), cwd=project, check=125).err
    assert "checked out" in refused and "`into`" in refused, refused
    # A branch that is there, and that moves meanwhile, keeps what it has.
    t.git("branch", "evening", cwd=project)
    file = plan(t, project, text.replace("main", "evening").replace("{a: {", "{a: {gate: human, "))
    t.cloche("up", file, "--approve", "a", cwd=project)
    other = t.command("git", "commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "Other", cwd=project).out.strip()
    t.git("branch", "-f", "evening", other, cwd=project)
    up(t, project, file)
    assert "a" in files(t, project, "evening")
    assert t.git("merge-base", "--is-ancestor", other, "evening", cwd=project).code == 0
    # Of a base that is named, the result begins there.
    file = plan(t, project, "name: based\nkeep: true\ntasks: {a: {base: evening, prompt: cp a b}, c: {base: '{tasks.a}', prompt: cp b c}}\n")
    up(t, project, file)
    assert "c" in files(t, project, "cloche/based") and set(t.agents(project)) == {"based-a", "based-c"}


def test_plans_are_drawn_and_tried_dry(t):
    project = t.repository()
    file = plan(t, project, "tasks:\n  a: {prompt: x, best_of: 2}\n  b: {prompt: x, needs: a, gate: human}\n  c: {prompt: x, needs: [a, b]}\n")
    drawn = t.cloche("graph", file, cwd=project).out
    assert "└─ b" in drawn and "best of 2" in drawn and max(map(len, drawn.splitlines())) <= 80, drawn
    picture = xml.etree.ElementTree.fromstring(t.cloche("graph", "--svg", file, cwd=project).out)
    assert "c" in {element.text for element in picture.iter()}, picture
    assert [task["name"] for task in t.json("graph", file, cwd=project)["tasks"]] == ["a", "b", "c"]
    assert "nothing was started" in t.cloche("up", "-n", file, cwd=project).out and not t.agents(project)
    assert "has not begun" in t.cloche("graph", "--status", file, cwd=project).out
    circle = plan(t, project, "tasks:\n  a: {prompt: x, needs: c}\n  b: {prompt: x, needs: a}\n  c: {prompt: x, needs: b}\n")
    for words in (("up", circle), ("up", "-n", circle), ("graph", circle)):
        refused = t.cloche(*words, cwd=project, check=125).err
        assert "plan.yaml:3:25" in refused and "a -> c -> b -> a" in refused, refused
    wrong = plan(t, project, "tasks:\n  a: {prompt: x, profile: nosuch}\n")
    assert "plan.yaml:3: task a: " in t.cloche("up", "-n", wrong, cwd=project, check=125).err
    # An agent of the user's own is not taken for one of a plan.
    t.run_task("plan-a", "true", cwd=project)
    taken = plan(t, project, "tasks: {a: {prompt: 'true'}}\n")
    for options in ((), ("-n",)):
        assert "plan-a exists already" in t.cloche("up", *options, taken, cwd=project, check=125).err
    t.run_task("other", "true", cwd=project)
    taken = plan(t, project, "name: other\ntasks: {a: {prompt: 'true'}}\n")
    assert "an agent has the plan's name" in t.cloche("up", "-n", taken, cwd=project, check=125).err
    both = t.cloche("up", taken, "--approve", "a", "--deny", "a", cwd=project, check=2).err
    assert "at once" in both, both


def test_a_terminal_shows_the_tree(t):
    project = t.repository()
    file = plan(t, project, "tasks:\n  first: {prompt: 'printf \"\\e]0;\\e[31mred\\a\"; true'}\n  second: {needs: first, prompt: 'true'}\n")
    terminal = t.terminal("up", file, cwd=project, columns=70, rows=20)
    terminal.expect("└─ second")
    terminal.expect("✓.*first.*done")
    terminal.expect("cloche/plan has the result of plan")
    assert terminal.wait() == 0
    terminal.close()


# MARK: kills


def forty(rng):
    """A graph of 40 tasks, and the files that its end has; each task adds a line to a file of its own, so that one that was
    done twice would show."""
    lines, expected = ["parallel: 6", "tasks:"], {}
    for number in range(40):
        name = f"t{number}"
        needs = sorted({f"t{rng.randrange(number)}" for _ in range(rng.randrange(3))}) if number > 4 else []
        work = f"mkdir -p done; sleep 0.0{rng.randrange(10)}; echo {name} >> done/{name}"
        if rng.random() < 0.5:
            work += f"; git add -A; git commit -qm {name}"
        keys = [f"prompt: '{work}'", f"needs: [{', '.join(needs)}]"]
        if number % 13 == 5:
            keys.append(f"check: 'test $(wc -l < done/{name}) = 1'")
        if number % 20 == 7:
            keys += ["best_of: 2", "judge: 'echo 2'"]
        lines.append(f"  {name}: {{{', '.join(keys)}}}")
        expected[f"done/{name}"] = f"{name}\n"
    return "\n".join(lines) + "\n", expected


def kill(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def reboot(t, project):
    """Nothing of the test runs any more, and what it left is older than the machine's start."""
    t.wait_until(lambda: not kill(t.processes()) and not t.processes(), "everything is dead", 60)
    for lock in (project / ".git").rglob("*.lock"):
        os.utime(lock, (1, 1))


def disturbed(t, project, file, rng, kills):
    """Carries a plan out through kills at random moments; returns what was killed."""
    done = []
    process = None
    end = time.monotonic() + 600 * case.patience
    while time.monotonic() < end:
        process = process or t.spawn("up", file, cwd=project, stdout=subprocess.DEVNULL, stderr=(t.dir / "errors").open("ab"))
        try:
            code = process.wait(rng.uniform(0.05, 1.2) if len(done) < kills else 500 * case.patience)
            errors = (t.dir / "errors").read_text()
            assert code == 0, (code, done, errors, t.cloche("graph", "--status", file, cwd=project).out)
            return done
        except subprocess.TimeoutExpired:
            pass
        kind = rng.choice(["supervisor", "supervisor", "up", "reboot"])
        if kind == "supervisor":
            others = [pid for pid in t.supervisors() if pid != process.pid]
            if not others:
                continue
            kill([rng.choice(others)])
        elif kind == "up":
            process.kill()
        else:
            process.kill()
            reboot(t, project)
        if kind != "supervisor":
            process.wait()
            process = None
        done.append(kind)
    raise AssertionError(f"not at its end after {done}")


@case.once
@case.timeout(100 + 400 * ROUNDS)
def test_kills_at_random_moments_change_nothing(t):
    first = int(os.environ.get("CLOCHE_GRAPH_SEED", random.randrange(1 << 30)))
    for seed in range(first, first + ROUNDS):
        print(f"seed {seed}: CLOCHE_GRAPH_SEED={seed} repeats it")
        rng = random.Random(seed)
        text, expected = forty(rng)
        project = t.repository(f"project-{seed}", files={"README.md": "# Project\n"})
        file = plan(t, project, text)
        killed = disturbed(t, project, file, rng, 8 if ROUNDS == 1 else 25)
        print(f"seed {seed}: {killed}")
        assert files(t, project) == sorted([*expected, "README.md"]), (seed, files(t, project))
        for path, content in expected.items():
            assert show(t, project, path) == content, (seed, path, show(t, project, path))
        if ROUNDS > 1:
            quiet = t.repository(f"quiet-{seed}", files={"README.md": "# Project\n"})
            up(t, quiet, file, timeout=300)
            trees = [t.git("rev-parse", "cloche/plan^{tree}", cwd=place).out for place in (project, quiet)]
            assert trees[0] == trees[1], (seed, trees)
        # Each result was taken once: no work of an attempt that was lost is anywhere in the history.
        for number in range(40):
            subjects = t.git("log", "--format=%s", "cloche/plan", "--", f"done/t{number}", cwd=project).out.splitlines()
            assert len([s for s in subjects if not s.startswith("Merge")]) == 1, (seed, number, subjects)
        t.git("fsck", "--full", "--strict", cwd=project)
        assert not t.agents(project), t.agents(project)
        left = [str(path) for path in t.state.glob("cloche/*/.graphs/plan/scratch/*")]
        assert not left, left
        file.unlink()


def test_a_check_prints_and_runs_no_more_than_is_kept(t):
    """What it prints is cut in the middle, and what counts is its end; no check runs for ever."""
    project = t.repository()
    file = plan(
        t,
        project,
        """
tasks:
  loud: {prompt: 'echo x > x', check: 'echo first; yes | head -c 50000000; echo the end; echo it is bad >&2; exit 4'}
  best: {prompt: 'touch y', best_of: 2, judge: 'yes | head -c 5000000; echo the best is 2'}
""",
    )
    up(t, project, file, check=1)
    tasks = status(t, project, file)
    assert "exit code 4: it is bad" in tasks["loud"]["failure"] and tasks["best"]["state"] == "done", tasks
    written = pathlib.Path(tasks["loud"]["failure"].split("(output in ")[1].split(".out")[0] + ".out")
    text = written.read_text()
    assert len(text) < 2_000_000 and text.startswith("first\ny\n") and text.endswith("y\nthe end\n"), len(text)
    assert "[cloche: 48" in text and "bytes are left out here]" in text, text[1 << 20 :][:100]
    slow = plan(t, project, "tasks: {slow: {prompt: 'echo x > x', check: 'exec sleep 1234'}}", "slow.yaml")
    process = t.spawn("up", slow, cwd=project, start_new_session=True)

    def words():
        files = (pathlib.Path("/proc") / str(pid) / "cmdline" for pid in t.processes())
        return [line for line in (file.read_bytes() for file in files if file.exists()) if b"run" in line and b"exec sleep 1234" in line]

    assert b"limits.wall-clock=3600s" in t.wait_until(words, "the check runs")[0]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
