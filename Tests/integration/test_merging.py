"""Merging the work of several agents: order, conflicts, checks in a sandbox, another branch, and back again."""

import json
import os
import signal

import case
from test_git import COMMIT, head


def agent(t, project, name, script):
    t.run_task(name, script, cwd=project)


def three(t):
    """Three agents that go together: two commit, one does not."""
    project = t.repository(files={"README.md": "# Project\n"})
    agent(t, project, "one", f"echo one > one && {COMMIT} One")
    agent(t, project, "two", f"echo two > two && {COMMIT} Two")
    agent(t, project, "loose", "echo loose > loose")
    return project


def files(t, project, ref="HEAD"):
    return sorted(t.git("ls-tree", "-r", "--name-only", ref, cwd=project).out.split())


def test_several_agents_are_merged_in_their_order(t):
    project = three(t)
    before = head(t, project)
    out = t.cloche("merge", "two", "one", "loose", cwd=project).out
    assert "merged two, one, loose into main: 3 files changed" in out and "uncommitted changes included" in out, out
    assert (project / "one").read_text() == "one\n" and (project / "loose").read_text() == "loose\n"
    assert t.git("status", "--porcelain", cwd=project).out == ""
    subjects = t.git("log", "--first-parent", "--format=%s", f"{before}..", cwd=project).out.splitlines()
    assert [subject.split(":")[0] for subject in subjects] == ["Merge agent loose", "Merge agent one", "Merge agent two"], subjects
    t.git("fsck", "--full", "--strict", cwd=project)
    assert "has nothing new" in t.cloche("merge", "--all", cwd=project).out
    for name in ("one", "two", "loose"):
        (merge,) = [json.loads(line) for line in t.cloche("audit", name, "--json", "--kind", "merge", cwd=project).out.splitlines()]
        assert merge["into"] == "main" and merge["commit"] == head(t, project), merge
        t.cloche("delete", name, cwd=project)


def test_an_octopus_has_one_commit(t):
    project = three(t)
    before = head(t, project)
    t.cloche("merge", "--all", "--strategy", "octopus", "-m", "All of it", cwd=project)
    parents = t.git("log", "-1", "--format=%P", cwd=project).out.split()
    assert len(parents) == 4 and parents[0] == before and files(t, project) == ["README.md", "loose", "one", "two"]
    assert t.git("log", "-1", "--format=%B", cwd=project).out.strip() == "All of it"
    told = t.cloche("merge", "one", "two", "-m", "x", cwd=project, check=2).err
    assert "--strategy octopus" in told, told


def test_the_last_merge_is_taken_back(t):
    project = three(t)
    before = head(t, project)
    t.cloche("merge", "one", cwd=project)
    middle = head(t, project)
    t.cloche("merge", "two", "loose", cwd=project)
    assert f"main is at {middle[:12]} again" in t.cloche("merge", "--undo", cwd=project).out
    assert head(t, project) == middle and not (project / "two").exists() and (project / "one").exists()
    assert t.git("status", "--porcelain", cwd=project).out == ""
    assert "no merge to take back" in t.cloche("merge", "--undo", cwd=project, check=125).err
    # What was taken back can be merged again; and one agent's merge is taken back, too.
    t.cloche("merge", "two", "loose", cwd=project)
    assert files(t, project) == ["README.md", "loose", "one", "two"]
    t.cloche("merge", "--undo", cwd=project)
    t.git("reset", "-q", "--hard", before, cwd=project)
    t.cloche("merge", "one", cwd=project)
    # Not over changes of the user's, nor what came later.
    (project / "one").write_text("mine\n")
    assert "not committed" in t.cloche("merge", "--undo", cwd=project, check=125).err and (project / "one").read_text() == "mine\n"
    t.git("commit", "-qam", "Mine", cwd=project)
    assert "git revert -m 1" in t.cloche("merge", "--undo", cwd=project, check=125).err
    t.git("reset", "-q", "--hard", "HEAD^", cwd=project)
    t.cloche("merge", "--undo", cwd=project)
    assert head(t, project) == before and files(t, project) == ["README.md"]


def test_a_conflict_names_both_sides_and_moves_nothing(t):
    project = t.repository(files={"README.md": "# Project\n"})
    agent(t, project, "left", f"echo left > README.md && echo l > l && {COMMIT} Left")
    agent(t, project, "right", f"echo right > README.md && echo r > r && {COMMIT} Right")
    agent(t, project, "apart", f"echo a > a && {COMMIT} Apart")
    before = head(t, project)
    refused = t.cloche("merge", "left", "right", "apart", cwd=project, check=1).err
    assert "README.md: agent right and agent left" in refused and "nothing was merged" in refused, refused
    assert head(t, project) == before and files(t, project) == ["README.md"]
    assert t.git("status", "--porcelain", cwd=project).out == ""
    # Left out, the others are merged, and the exit code says that somebody is missing.
    merged = json.loads(t.cloche("merge", "left", "right", "apart", "--keep-going", "--json", cwd=project, check=1).out)
    outcomes = {one["name"]: one["outcome"] for one in merged["agents"]}
    assert outcomes == {"left": "merged", "right": "conflict", "apart": "merged"}, merged
    (right,) = [one for one in merged["agents"] if one["name"] == "right"]
    assert right["conflicts"] == [{"path": "README.md", "others": ["agent left"]}], right
    assert files(t, project) == ["README.md", "a", "l"] and (project / "README.md").read_text() == "left\n"
    # Of the user's own change, the user is named.
    (project / "README.md").write_text("mine\n")
    t.git("commit", "-qam", "Mine", cwd=project)
    name = t.git("log", "-1", "--format=%an", cwd=project).out.strip()
    refused = t.cloche("merge", "right", "--into", "main", cwd=project, check=1).err
    assert f"agent right and {name} on main" in refused, refused


def test_a_check_decides_in_a_sandbox(t):
    project = three(t)
    agent(t, project, "bad", f"printf 'touch {project}/escaped; exit 3\\n' > check && {COMMIT} Check")
    before = head(t, project)
    result = t.cloche("merge", "one", "bad", "--check", "cat one; sh check", cwd=project, check=1)
    assert "exit code 3" in result.err and "one\n" in result.err and "nothing was merged" in result.err, result
    assert head(t, project) == before and not (project / "one").exists()
    # It ran on the merged files, and no file of the host could be made by what an agent wrote.
    assert not (project / "escaped").exists()
    t.cloche("merge", "one", "two", "--check", "test -e one -a -e two && ! test -e loose", cwd=project)
    assert files(t, project) == ["README.md", "one", "two"]
    left = [path.name for path in (t.dir / "tmp").glob("cloche-merge-*")] if (t.dir / "tmp").exists() else []
    assert not left, left
    # The control: the same line, outside, makes its file.
    t.command("sh", "-c", f"touch {project}/escaped", cwd=project)
    assert (project / "escaped").exists()


def test_another_branch_is_made_and_moved(t):
    project = three(t)
    before = head(t, project)
    (project / "README.md").write_text("in the middle of something\n")
    out = t.cloche("merge", "one", "--into", "evening", cwd=project).out
    assert "merged one into evening" in out and head(t, project) == before and not (project / "one").exists()
    assert files(t, project, "evening") == ["README.md", "one"]
    t.cloche("merge", "two", "--into", "evening", cwd=project)
    assert files(t, project, "evening") == ["README.md", "one", "two"]
    t.cloche("merge", "--undo", cwd=project)
    assert files(t, project, "evening") == ["README.md", "one"]
    assert (project / "README.md").read_text() == "in the middle of something\n"
    # One that the merge made goes again; one that is checked out elsewhere does not move.
    t.cloche("merge", "two", "--into", "other", cwd=project)
    t.cloche("merge", "--undo", cwd=project)
    assert t.git("branch", "--list", "other", cwd=project).out == ""
    assert "checked out in another worktree" in t.cloche("merge", "one", "--into", "cloche/two", cwd=project, check=125).err
    for name in ("a..b", "HEAD", "@", "refs/heads/main", "-x", "@{-1}"):
        assert "cannot name a branch" in t.cloche("merge", "one", f"--into={name}", cwd=project, check=2).err, name
    # A dry run makes nothing.
    assert "would merge cleanly into dry" in t.cloche("merge", "one", "two", "--into", "dry", "--dry-run", cwd=project).out
    assert t.git("branch", "--list", "dry", cwd=project).out == ""


def test_mistakes_of_merge(t):
    project = three(t)
    assert "needs the names" in t.cloche("merge", cwd=project, check=2).err
    assert "exclude each other" in t.cloche("merge", "--all", "one", cwd=project, check=2).err
    assert "named twice" in t.cloche("merge", "one", "two", "one", cwd=project, check=2).err
    assert "without names" in t.cloche("merge", "--undo", "one", cwd=project, check=2).err
    assert "nobody" in t.cloche("merge", "one", "nobody", cwd=project, check=125).err
    assert files(t, project) == ["README.md"]


def two_in_conflict(t):
    """Two agents that change the same line."""
    project = t.repository(files={"README.md": "# Project\n"})
    agent(t, project, "left", f"echo left > README.md && echo l > l && {COMMIT} Left")
    agent(t, project, "right", f"echo right > README.md && echo r > r && {COMMIT} Right")
    return project


def resolver(t, name, script):
    """A profile whose program runs a script; the task is its first argument."""
    harness = {"command": ["/bin/sh", "-c", script, "sh"], "task": ["{task}"]}
    return t.profile(name, json.dumps({"extends": "shell", "harness": harness}))


GOOD = "sed -i '/^[<=>]\\{7\\}/d' README.md && git commit -qam Resolved"


def untouched(t, project, before):
    return head(t, project) == before and t.git("status", "--porcelain", cwd=project).out == ""


def test_an_agent_resolves_a_conflict(t):
    project = two_in_conflict(t)
    before = head(t, project)
    # Its task names files, agents and what they were asked for; what it commits brings no filter of the user's to run.
    t.git("config", "filter.evil.smudge", f"touch {t.dir}/escaped; cat", cwd=project)
    asked = " && ".join(f"case $1 in *{words}*) ;; *) exit 9;; esac" for words in ("'README.md: agent right and agent left'", "'agent left: echo left'"))
    profile = resolver(t, "good", f"{asked} && echo '* filter=evil' > .gitattributes && git add . && {GOOD}")
    merged = json.loads(t.cloche("merge", "left", "right", "--resolve-with", profile, "--json", cwd=project).out)
    assert {one["name"]: (one["outcome"], one["resolved-by"]) for one in merged["agents"]} == {
        "left": ("merged", None), "right": ("merged", "resolve-right")
    }, merged
    assert (project / "README.md").read_text() == "left\nright\n" and files(t, project) == [".gitattributes", "README.md", "l", "r"]
    assert not (t.dir / "escaped").exists()
    # The merge is ours, of both sides; what the agent began with and committed is not in it.
    parents = t.git("log", "-1", "--format=%P", cwd=project).out.split()
    assert parents[1] == head(t, project, "cloche/right") and t.git("rev-parse", "HEAD^^1", cwd=project).out.strip() == before
    log = t.git("log", "--format=%B", cwd=project).out
    assert "Conflicts-resolved-by: agent resolve-right" in log and "with conflicts" not in log and "Resolved\n" not in log, log
    kinds = [json.loads(line)["event"] for line in t.cloche("audit", "resolve-right", "--json", cwd=project).out.splitlines()]
    assert "create" in kinds and "merge" in kinds, kinds
    (event,) = [json.loads(line) for line in t.cloche("audit", "right", "--json", "--kind", "merge", cwd=project).out.splitlines()]
    assert event["resolved-by"] == "resolve-right" and event["commit"] == head(t, project), event
    # It is there to be looked at, is none of those that --all merges, and nothing is lost with it.
    assert "has nothing new" in t.cloche("merge", "--all", cwd=project).out and head(t, project) == merged["commit"]
    t.cloche("delete", "resolve-right", cwd=project)
    t.cloche("merge", "--undo", cwd=project)
    assert head(t, project) == before
    # The control: the filter does run where the user's own git does.
    (project / "README.md").unlink()
    t.git("checkout", merged["commit"], "--", ".gitattributes", "README.md", cwd=project)
    assert (t.dir / "escaped").exists()


def test_a_conflict_without_markers_wants_a_commit(t):
    project = t.repository(files={"README.md": "# Project\n"})
    agent(t, project, "gone", f"git rm -q README.md && {COMMIT} Gone")
    agent(t, project, "more", f"echo more >> README.md && {COMMIT} More")
    before = head(t, project)
    refused = t.cloche("merge", "gone", "more", "--resolve-with", resolver(t, "idle", "true"), cwd=project, check=1).err
    assert "resolve-more did not resolve it: it changed and committed nothing" in refused and untouched(t, project, before), refused
    out = t.cloche("merge", "gone", "more", "--resolve-with", resolver(t, "keeper", "git commit -q --allow-empty -m Keep"), cwd=project).out
    assert "its conflicts resolved by resolve-more-2" in out and (project / "README.md").read_text() == "# Project\nmore\n", out


def test_what_is_not_resolved_is_refused(t):
    project = two_in_conflict(t)
    before = head(t, project)
    bad = {
        "half": ("sed -i '/^<<<<<<< /d' README.md && git commit -qam Half", "README.md still has"),
        "moved": ("git mv README.md notes && git commit -qm Moved", "notes still has"),
        "other": ("git reset -q --hard HEAD^ && echo both > README.md && git commit -qam Other", "do not go on from"),
        "fails": (GOOD + "; exit 3", "exit code 3"),
    }
    for number, (name, (script, words)) in enumerate(bad.items(), 1):
        own = "resolve-right" + (f"-{number}" if number > 1 else "")
        refused = t.cloche("merge", "left", "right", "--resolve-with", resolver(t, name, script), cwd=project, check=1).err
        assert "README.md: agent right and agent left" in refused and f"cloche logs {own}" in refused, refused
        assert f"{own} did not resolve it" in refused and words in refused and untouched(t, project, before), (name, refused)
    # Left out with --keep-going; and a person can finish what an agent began.
    merged = json.loads(t.cloche("merge", "left", "right", "--keep-going", "--resolve-with", "half", "--into", "evening", "--json", cwd=project, check=1).out)
    assert [(one["outcome"], one["resolved-by"]) for one in merged["agents"]] == [("merged", None), ("conflict", None)], merged
    (t.workspace("resolve-right", project) / "README.md").write_text("by hand\n")
    t.cloche("merge", "resolve-right", cwd=project)
    assert (project / "README.md").read_text() == "by hand\n" and files(t, project) == ["README.md", "l", "r"]
    assert "--resolve-with" in t.cloche("merge", "left", "--timeout", "5s", cwd=project, check=2).err


def test_a_resolving_agent_that_ends_early(t):
    project = two_in_conflict(t)
    before = head(t, project)
    endless = resolver(t, "endless", f"{GOOD}; touch up; sleep 1000")
    refused = t.cloche("merge", "left", "right", "--resolve-with", endless, "--timeout", "1s", cwd=project, check=1).err
    assert "limits.wall-clock" in refused and untouched(t, project, before), refused
    # A killed one has resolved nothing, though what it committed would do.
    process = t.spawn("merge", "left", "right", "--resolve-with", endless, cwd=project)
    t.wait_until(lambda: t.agents(project).get("resolve-right-2", {}).get("state") == "running", "it runs", 60)
    t.wait_until(lambda: (t.workspace("resolve-right-2", project) / "up").exists(), "it has committed", 60)
    for pid in set(t.supervisors()) - {process.pid}:
        os.kill(pid, signal.SIGKILL)
    out, err = process.communicate(timeout=60 * case.patience)
    assert process.returncode == 1 and b"resolve-right-2 did not resolve it" in err and untouched(t, project, before), (out, err)
    # A person ends it all: the agent goes, too.
    process = t.spawn("merge", "left", "right", "--resolve-with", endless, cwd=project)
    t.wait_until(lambda: t.agents(project).get("resolve-right-3", {}).get("state") == "running", "it runs", 60)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60 * case.patience)
    assert process.returncode == 130 and b"nothing was merged" in err and untouched(t, project, before), (out, err)
    assert sorted(t.agents(project)) == ["left", "resolve-right", "resolve-right-2", "right"]
    assert t.git("branch", "--list", "cloche/resolve-right-3", cwd=project).out == ""
    # The control: the same agents, resolved, are merged.
    t.cloche("merge", "left", "right", "--resolve-with", resolver(t, "good", GOOD), cwd=project)
    assert (project / "README.md").read_text() == "left\nright\n"
