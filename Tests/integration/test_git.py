"""Worktrees, diff, sync and merge, on ordinary and on odd repositories."""

import pathlib
import re
import subprocess

import case

COMMIT = "git add -A && git commit -qm"


def head(t, project, ref="HEAD"):
    return t.git("rev-parse", ref, cwd=project).out.strip()


def test_each_agent_has_a_true_worktree(t):
    project = t.repository()
    t.start("a", "sleep 1000", cwd=project)
    listing = t.git("worktree", "list", "--porcelain", cwd=project).out
    assert f"worktree {t.workspace('a', project)}" in listing and "branch refs/heads/cloche/a" in listing, listing


def test_merge_brings_commits(t):
    project = t.repository()
    t.run_task("a", f"echo one > one && {COMMIT} One && echo two > two && {COMMIT} Two", cwd=project)
    assert not (project / "one").exists()
    t.cloche("merge", "a", cwd=project)
    assert (project / "one").read_text() == "one\n" and (project / "two").read_text() == "two\n"
    log = t.git("log", "--format=%s", cwd=project).out.splitlines()
    assert "One" in log and "Two" in log, log
    t.git("fsck", "--full", "--strict", cwd=project)
    assert t.git("status", "--porcelain", cwd=project).out == ""
    t.cloche("delete", "a", cwd=project)


def test_merge_takes_uncommitted_changes_along(t):
    project = t.repository()
    t.run_task("a", "echo new > loose && echo more >> README.md", cwd=project)
    t.cloche("merge", "a", cwd=project)
    assert (project / "loose").read_text() == "new\n" and (project / "README.md").read_text() == "# Project\nmore\n"
    assert t.git("status", "--porcelain", cwd=project).out == ""


def test_merge_twice_and_of_nothing(t):
    project = t.repository()
    t.run_task("a", f"echo one > one && {COMMIT} One", cwd=project)
    t.cloche("merge", "a", cwd=project)
    before = head(t, project)
    t.cloche("merge", "a", cwd=project)
    assert head(t, project) == before


def test_merge_of_a_running_agent_and_again(t):
    project = t.repository()
    t.start("a", f"echo one > one && {COMMIT} One; touch up; until [ -e go ]; do sleep 0.02; done; echo two > two && {COMMIT} Two", cwd=project)
    workspace = t.workspace("a", project)
    t.wait_until(lambda: (workspace / "up").exists(), "the first commit")
    t.cloche("sync", "a", cwd=project)
    assert "One" in t.git("log", "--format=%s", "cloche/a", cwd=project).out
    (workspace / "go").touch()
    t.wait_ended("a", project)
    t.cloche("merge", "a", cwd=project)
    assert (project / "two").exists()


def test_diff_shows_commits_and_loose_changes(t):
    project = t.repository()
    t.run_task("a", f"echo committed > c && {COMMIT} C; echo changed >> README.md; echo new > n", cwd=project)
    out = t.cloche("diff", "a", cwd=project).out
    assert "+committed" in out and "+changed" in out and "+new" in out, out
    assert re.search(r"\bc +\| +1 \+", t.cloche("diff", "a", "--stat", cwd=project).out)
    assert t.cloche("diff", "a", "--name-only", cwd=project).out.split() == ["README.md", "c", "n"]
    # It is a patch that git can apply.
    patch = t.cloche("diff", "a", cwd=project).out
    t.git("apply", "--check", cwd=project, input=patch)


def test_diff_escapes_what_an_agent_wrote_only_on_a_terminal(t):
    project = t.repository()
    t.run_task("a", r"printf 'x\033]0;title\007y\n' > evil", cwd=project)
    terminal = t.terminal("diff", "a", cwd=project, env={"GIT_PAGER": "cat", "PAGER": "cat", "NO_COLOR": "1"})
    terminal.wait()
    assert b"\x1b]0;" not in terminal.seen, terminal.seen
    terminal.close()


def test_conflicts_are_told_and_nothing_is_touched(t):
    project = t.repository()
    t.run_task("a", f"echo theirs > README.md && {COMMIT} Theirs", cwd=project)
    (project / "README.md").write_text("ours\n")
    t.git("commit", "-qam", "Ours", cwd=project)
    before = head(t, project)
    refused = t.cloche("merge", "a", cwd=project, check=1)
    assert "README.md" in refused.err and "nothing was merged" in refused.err, refused
    assert head(t, project) == before and t.git("status", "--porcelain", cwd=project).out == ""
    assert (project / "README.md").read_text() == "ours\n"
    assert not (project / ".git/MERGE_HEAD").exists()


def test_dry_run_changes_nothing(t):
    project = t.repository()
    t.run_task("a", f"echo one > one && {COMMIT} One", cwd=project)
    before = head(t, project)
    t.cloche("merge", "a", "--dry-run", cwd=project)
    assert head(t, project) == before and not (project / "one").exists()


def test_a_dirty_checkout_is_never_touched(t):
    project = t.repository(files={"a.txt": "a\n", "b.txt": "b\n"})
    t.run_task("a", f"echo theirs > a.txt && echo new > c.txt && {COMMIT} Theirs", cwd=project)
    (project / "b.txt").write_text("my unsaved work\n")
    (project / "untracked").write_text("mine\n")
    refused = t.cloche("merge", "a", cwd=project, check=125)
    assert "b.txt" in refused.err and "stash" in refused.err, refused
    assert (project / "b.txt").read_text() == "my unsaved work\n" and (project / "a.txt").read_text() == "a\n"
    t.git("stash", cwd=project)
    t.cloche("merge", "a", cwd=project)
    assert (project / "a.txt").read_text() == "theirs\n" and (project / "untracked").read_text() == "mine\n"
    (project / "b.txt").write_text("my unsaved work\n")
    t.run_task("b", f"echo theirs > b.txt && echo theirs > untracked && {COMMIT} Clash", cwd=project)
    refused = t.cloche("merge", "b", cwd=project, check=None)
    assert refused.code in (1, 125) and "b.txt" in refused.err or "untracked" in refused.err, refused
    assert (project / "b.txt").read_text() == "my unsaved work\n" and (project / "untracked").read_text() == "mine\n"


def test_an_agent_cannot_reach_the_repositorys_git(t):
    project = t.repository()
    script = """
        dir=$(git rev-parse --absolute-git-dir); common=$(git rev-parse --path-format=absolute --git-common-dir)
        echo "$dir $common"; ls -la / /workspace
        git config user.name Evil; git branch -f main HEAD~0; git update-ref refs/heads/planted HEAD; git gc --quiet --prune=now
    """
    t.run_task("a", f"({script}) > log 2>&1", cwd=project)
    log = (t.workspace("a", project) / "log").read_text()
    assert str(project) not in log, log
    assert "planted" not in t.git("branch", "--all", cwd=project).out
    assert t.git("config", "user.name", cwd=project).out == "Tester\n"
    t.git("fsck", cwd=project)


def test_the_agent_has_its_history_and_commits_as_the_user(t):
    project = t.repository()
    (project / "README.md").write_text("second\n")
    t.git("commit", "-qam", "Second", cwd=project)
    t.run_task("a", f"git log --format=%s > ~/log; git status --porcelain > ~/status; echo x > x; {COMMIT} X; git log -1 --format='%an %ae' > author", cwd=project)
    workspace = t.workspace("a", project)
    home = pathlib.Path(t.cloche("path", "a", "home", cwd=project).out.strip())
    assert (home / "log").read_text() == "Second\nFirst\n"
    assert (workspace / "author").read_text() == "Tester tester@example.org\n"
    assert (home / "status").read_text() == ""


def test_rebase_amend_branches_and_stash(t):
    project = t.repository()
    script = f"""set -e
        echo 1 > f1; {COMMIT} F1; git checkout -q -b side; echo 2 > f2; {COMMIT} F2; git checkout -q cloche/a
        echo 3 > f3; {COMMIT} F3; git rebase -q side; git commit -q --amend -m F3-amended; echo 4 > f4; git add f4; git stash -q; git stash pop -q
        {COMMIT} F4; git tag here; git gc -q; touch done"""
    entry = t.run_task("a", script, cwd=project)
    assert (t.workspace("a", project) / "done").exists(), t.cloche("logs", "a", cwd=project).out
    assert entry["exit-code"] == 0
    t.cloche("merge", "a", cwd=project)
    assert [(project / f"f{i}").read_text() for i in range(1, 5)] == ["1\n", "2\n", "3\n", "4\n"]
    t.git("fsck", "--full", cwd=project)


def test_start_from_another_commit(t):
    project = t.repository()
    t.git("tag", "v1", cwd=project)
    (project / "later").write_text("x")
    t.git("add", "-A", cwd=project)
    t.git("commit", "-qm", "Later", cwd=project)
    t.start("a", "sleep 1000", "--base", "v1", cwd=project)
    assert not (t.workspace("a", project) / "later").exists()
    refused = t.start("b", "true", "--base", "no-such-ref", cwd=project, check=125)
    assert "no-such-ref" in refused.err


# Odd repositories: the same work must go through on each.

WORK = f"echo work > work.txt && {COMMIT} Work && git log --oneline | wc -l > ~/count && test -z \"$(git status --porcelain)\""


def work_goes_through(t, project, merged=True):
    entry = t.run_task("odd", WORK, cwd=project)
    assert entry["exit-code"] == 0, t.cloche("logs", "odd", cwd=project).out
    assert "work.txt" in t.cloche("diff", "odd", "--name-only", cwd=project).out
    t.cloche("merge", "odd", cwd=project)
    assert (project / "work.txt").read_text() == "work\n" or not merged
    t.git("fsck", cwd=project)
    t.cloche("delete", "odd", cwd=project)


def test_a_path_with_spaces_and_unicode(t):
    work_goes_through(t, t.repository("ein Pfad mit ü, 日本 und 'quotes\" $x;"))


def test_sha256_objects(t):
    work_goes_through(t, t.repository(format="sha256"))


def test_packed_refs_and_objects(t):
    project = t.repository()
    for index in range(20):
        t.git("branch", f"feature/{index}", cwd=project)
    t.git("gc", "--quiet", cwd=project)
    assert (project / ".git/packed-refs").exists()
    work_goes_through(t, project)


def test_a_shallow_clone(t):
    origin = t.repository("origin")
    for index in range(5):
        (origin / "n").write_text(str(index))
        t.git("add", "-A", cwd=origin)
        t.git("commit", "-qm", f"Commit {index}", cwd=origin)
    shallow = t.dir / "shallow"
    t.git("clone", "--quiet", "--depth", "2", f"file://{origin}", shallow, cwd=t.dir)
    t.projects.add(shallow)
    work_goes_through(t, shallow)


def test_a_repository_that_is_a_linked_worktree(t):
    main = t.repository("main-checkout")
    linked = t.dir / "linked"
    t.git("worktree", "add", "--quiet", "-b", "topic", linked, cwd=main)
    t.projects.add(linked)
    work_goes_through(t, linked)
    assert not (main / "work.txt").exists()


def test_submodules(t):
    inner = t.repository("inner")
    project = t.repository("outer")
    t.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "lib", cwd=project)
    t.git("commit", "-qm", "Submodule", cwd=project)
    work_goes_through(t, project)
    assert (project / "lib/README.md").exists()


def test_lfs_pointer_files(t):
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 12345\n"
    files = {".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "big.bin": pointer}
    project = t.repository(files=files)
    # The user has git-lfs set up, with filters that would run: here they would leave a trace.
    t.git("config", "filter.lfs.smudge", f"touch {t.dir}/smudged; cat", cwd=project)
    t.git("config", "filter.lfs.clean", f"touch {t.dir}/cleaned; cat", cwd=project)
    work_goes_through(t, project)
    assert (project / "big.bin").read_text() == pointer
    assert not (t.dir / "cleaned").exists(), "a filter ran on an agent's material"


def test_an_empty_repository(t):
    project = t.dir / "empty"
    project.mkdir()
    t.git("init", "--quiet", cwd=project)
    result = t.start("a", "true", cwd=project, check=None)
    assert result.code == 0 or (result.code == 125 and "commit" in result.err), result
    t.projects.add(project)


def test_detached_head_and_bare(t):
    project = t.repository()
    t.git("checkout", "--quiet", "--detach", cwd=project)
    t.run_task("a", WORK, cwd=project)
    t.cloche("diff", "a", cwd=project)
    bare = t.dir / "bare.git"
    t.git("clone", "--quiet", "--bare", project, bare, cwd=t.dir)
    result = t.start("b", "true", cwd=bare, check=None)
    assert result.code == 0 or (result.code == 125 and result.err.strip()), result
    t.projects.add(bare)


def test_symlinks_modes_and_odd_names(t):
    project = t.repository()
    script = f"""set -e
        ln -s README.md link; printf '#!/bin/sh\\n' > tool; chmod +x tool; mkdir 'a b'; echo x > 'a b/ü 日本'
        echo x > "$(printf 'new\\nline')"; echo x > "$(printf '%0255d' 0)"; echo x > '-dash'; {COMMIT} Odd"""
    entry = t.run_task("a", script, cwd=project)
    assert entry["exit-code"] == 0, t.cloche("logs", "a", cwd=project).out
    t.cloche("merge", "a", cwd=project)
    assert (project / "link").is_symlink() and (project / "tool").stat().st_mode & 0o111
    assert (project / "a b/ü 日本").exists() and (project / "new\nline").exists() and (project / "-dash").exists()
    assert t.git("status", "--porcelain", cwd=project).out == ""


def test_line_endings_and_ignored_files(t):
    files = {".gitattributes": "*.txt text eol=crlf\n", ".gitignore": "*.o\n", "a.txt": "one\ntwo\n"}
    project = t.repository(files=files)
    t.run_task("a", f"echo three >> a.txt; echo x > a.o; {COMMIT} Three", cwd=project)
    t.cloche("merge", "a", cwd=project)
    assert t.git("show", "HEAD:a.txt", cwd=project).out.replace("\r", "") == "one\ntwo\nthree\n"
    assert not (project / "a.o").exists()


def test_the_index_of_the_main_checkout_stays(t):
    project = t.repository(files={"a": "a\n", "b": "b\n"})
    (project / "a").write_text("staged\n")
    t.git("add", "a", cwd=project)
    t.start("x", "sleep 1000", cwd=project)
    t.cloche("list", cwd=project)
    t.cloche("diff", "x", cwd=project)
    assert t.git("status", "--porcelain", cwd=project).out == "M  a\n"


def test_git_finds_no_lock_after_stop(t):
    project = t.repository()
    t.start("a", "while :; do echo x >> f; git add f; git commit -qm x; done", cwd=project)
    workspace = t.workspace("a", project)
    t.wait_until(lambda: (workspace / "f").exists(), "it commits")
    t.cloche("stop", "a", "--kill", cwd=project)
    t.cloche("resume", "a", "git status > state 2>&1 || rm -f $(git rev-parse --git-dir)/index.lock; git add -A && git commit -qm After", cwd=project)
    t.wait_ended("a", project)
    t.cloche("merge", "a", cwd=project)
    subprocess.run(["git", "fsck"], cwd=pathlib.Path(project), check=True, env=t.env, capture_output=True)


@case.timeout(90)
def test_three_agents_change_one_repository(t):
    project = t.repository(files={f"file{i}": f"{i}\n" for i in range(30)})
    for index, name in enumerate(("one", "two", "three")):
        t.start(name, f"for i in 0 3 6 9; do echo {name} >> file$((i + {index})); {COMMIT} {name}-$i; done", cwd=project)
    for name in ("one", "two", "three"):
        assert t.wait_ended(name, project)["exit-code"] == 0
        t.cloche("merge", name, cwd=project)
    log = t.git("log", "--format=%s", cwd=project).out
    assert all(f"{name}-{i}" in log for name in ("one", "two", "three") for i in (0, 3, 6, 9)), log
    t.git("fsck", "--full", "--strict", cwd=project)
