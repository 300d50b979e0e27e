"""Merging the work of several agents: order, conflicts, checks in a sandbox, another branch, and back again."""

import json

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
