"""snapshot, rollback, fork: everything of an agent comes back, nothing of it is followed, and no crash loses anything."""

import json
import os
import pathlib
import signal
import stat
import time

# What an agent has at the time of the snapshot: commits, staged, changed, removed and untracked files, modes, times, links,
# its home, and what it installed over the system's directories and in /var.
MADE = r"""
set -e
echo committed > made && git add made && git commit -qm Made
echo dirty >> README.md && rm src/main.c
mkdir -p deep/a/b && echo x > deep/a/b/c && git add deep
echo loose > loose && chmod 600 loose && touch -d @1000000000 loose
ln -s /etc/passwd link && ln loose second && touch -d @1100000000 deep/a
printf '\0\1\2' > bytes && : > empty && touch "$(printf 'no\377utf8')"
truncate -s 9M sparse && echo end >> sparse
mkdir -p ~/.config/tool && echo kept > ~/.config/tool/state && chmod 700 ~/.config/tool
echo tool > /usr/local/bin/tool && chmod 755 /usr/local/bin/tool && echo old > /usr/local/bin/other
echo mine > /etc/mine
mkdir -p /var/lib/thing && echo database > /var/lib/thing/data
"""

# What it does afterwards: all of that changed, removed, replaced by another kind of thing.
WRECKED = r"""
set -e
git commit -qam Later && git checkout -q -b elsewhere
rm -rf deep loose made second && echo other > README.md && mkdir made && echo in > made/in
rm link && echo file > link && echo new > new && chmod 000 bytes && ln -sf / empty
rm sparse && echo small > sparse
rm -rf ~/.config && echo file > ~/.config
rm /usr/local/bin/tool && echo new > /usr/local/bin/other && echo third > /usr/local/bin/third
echo changed > /etc/mine
rm -r /var/lib/thing && echo file > /var/lib/thing
"""

# What an agent sees of itself.
LOOK = r"""
git log --format=%s --all; git status --porcelain --branch; git stash list; cat .git
ls -la --time-style=+%s ~/.config/tool; cat ~/.config/tool/state
ls /usr/local/bin; cd /usr/local/bin; cat tool other third; cat /etc/mine; find /var -type f | xargs cat
"""


def listing(root, skipping=b".git"):
    """Everything below a directory: kinds, modes, times, contents, which names are of one file."""
    found, firsts = {}, {}
    for folder, names, files in os.walk(os.fsencode(root)):
        for name in names + files:
            path = os.path.join(folder, name)
            short = os.path.relpath(path, os.fsencode(root))
            if short == skipping:
                continue
            status = os.lstat(path)
            facts = [stat.S_IFMT(status.st_mode), stat.S_IMODE(status.st_mode)]
            if stat.S_ISLNK(status.st_mode):
                facts = [facts[0], os.readlink(path)]
            elif stat.S_ISREG(status.st_mode):
                data = status.st_size if status.st_size > 1 << 20 else pathlib.Path(os.fsdecode(path)).read_bytes() if facts[1] & 0o400 else "closed"
                facts += [status.st_mtime_ns, data]
                if status.st_nlink > 1:
                    facts.append(firsts.setdefault(status.st_ino, short))
            else:
                facts.append(status.st_mtime_ns)
            found[short] = facts
    found.pop(b".", None)
    return found


def places(t, name, project):
    state = pathlib.Path(t.agents(project)[name]["directory"])
    return {"workspace": t.workspace(name, project), "home": state / "home", "git": state / "git/private"}


def everything(t, name, project):
    return {kind: listing(place) for kind, place in places(t, name, project).items()}


def differences(one, other):
    return {
        (kind, path): (one[kind].get(path), other[kind].get(path))
        for kind in one
        for path in one[kind].keys() | other[kind].keys()
        if one[kind].get(path) != other[kind].get(path)
    }


def same(one, other, *about):
    found = differences(one, other)
    assert not found, (about, {key: found[key] for key in list(found)[:8]})


def go_on(t, name, task, project, code=0):
    """Lets an agent do something more, to its end."""
    t.cloche("resume", name, task, cwd=project)
    entry = t.wait_ended(name, project)
    assert entry["exit-code"] == code, (entry, t.cloche("logs", name, cwd=project).out)


def look(t, name, project, script=LOOK):
    """What the agent sees, asked by itself; nothing of it stays but in a file of /tmp."""
    t.cloche("resume", name, "sleep 1000", cwd=project)
    out = t.cloche("exec", name, "--", "sh", "-c", script + "\n2>&1", cwd=project, check=None)
    t.cloche("stop", name, "--kill", cwd=project)
    return out.out + out.err


def names(t, name, project):
    return [snapshot["name"] for snapshot in t.json("snapshot", name, "--list", cwd=project)]


def test_everything_comes_back(t):
    project = t.repository()
    entry = t.run_task("a", MADE, cwd=project)
    assert entry["exit-code"] == 0, t.cloche("logs", "a", cwd=project).out
    seen = look(t, "a", project)
    for word in ("Made", "tool", "old", "mine", "database", "kept"):
        assert word in seen, (word, seen)
    before = everything(t, "a", project)
    assert "snap-1" in t.cloche("snapshot", "a", cwd=project).out
    same(before, everything(t, "a", project), "a snapshot changes nothing")
    assert look(t, "a", project) == seen, "an agent does not see that there was a snapshot"

    go_on(t, "a", WRECKED, project)
    wrecked, wrecked_seen = everything(t, "a", project), look(t, "a", project)
    assert differences(before, wrecked) and wrecked_seen != seen
    wrecked = everything(t, "a", project)
    told = t.cloche("rollback", "a", "snap-1", cwd=project)
    assert "before-rollback-1" in told.out + told.err, told
    same(before, everything(t, "a", project))
    assert look(t, "a", project) == seen

    # And forward again: what a rollback replaced is kept.
    t.cloche("rollback", "a", "before-rollback-1", cwd=project)
    same(wrecked, everything(t, "a", project))
    assert look(t, "a", project) == wrecked_seen
    assert (t.workspace("a", project) / ".git").read_text().startswith("gitdir: "), "the worktree is the host's as before"
    t.cloche("sync", "a", cwd=project)
    t.git("fsck", "--strict", cwd=project)


def test_snapshots_are_listed_and_deleted_with_what_only_they_have(t):
    project = t.repository()
    t.run_task("a", "echo one > one; head -c 300000 /dev/urandom > big; echo 1 > /usr/local/bin/x", cwd=project)
    state = pathlib.Path(t.agents(project)["a"]["directory"])
    first = t.json("snapshot", "a", "first", cwd=project)
    assert first["name"] == "first" and first["copied-bytes"] >= 300000, first
    taken = t.cloche("snapshot", "a", "first", cwd=project, check=None)
    assert taken.code != 0 and "has a snapshot first already" in taken.err, taken
    for bad in ("..", "a/b", "before-rollback-9", "-", "../x"):
        refused = t.cloche("snapshot", "a", "--", bad, cwd=project, check=None)
        assert refused.code != 0 and "not a name for a snapshot" in refused.err, refused
    again = t.json("snapshot", "a", cwd=project)
    assert again["copied-bytes"] < 300000, "what is kept is not kept again: %s" % again
    assert names(t, "a", project) == ["first", "snap-1"] == [s["name"] for s in t.json("snapshot", "a", "-l", cwd=project)]
    assert "first" in t.cloche("snapshot", "a", "--list", cwd=project).out
    assert t.agents(project)["a"]["snapshots"] == 2
    pool = state.parent / ".layers"
    assert len(list(pool.glob("layer-*"))) == 1
    assert "shows all" in t.cloche("snapshot", "a", "first", "--list", cwd=project, check=2).err
    assert "has one name" in t.cloche("snapshot", "a", "one", "two", cwd=project, check=2).err
    t.cloche("snapshot", "a", "--delete", "first", cwd=project)
    stored = list((state / "snapshots/store").iterdir())
    assert any(file.stat().st_size == 300000 for file in stored), "snap-1 has it as well"
    # All that are named.
    for name in ("two", "three", "four"):
        t.cloche("snapshot", "a", name, cwd=project)
    t.cloche("snapshot", "a", "--delete", "two", "three", "--delete", "four", cwd=project)
    assert names(t, "a", project) == ["snap-1"]
    t.cloche("snapshot", "a", "--delete", "snap-1", cwd=project)
    assert list((state / "snapshots/store").iterdir()) == [] and names(t, "a", project) == []
    assert len(list(pool.glob("layer-*"))) == 1, "the agent itself has what it installed"
    assert "1" in look(t, "a", project, "cat /usr/local/bin/x")
    for words in (("snapshot", "a", "--delete", "first"), ("rollback", "a", "first"), ("fork", "a", "b", "--from", "first")):
        gone = t.cloche(*words, cwd=project, check=None)
        assert gone.code != 0 and "no snapshot" in gone.err, gone
    t.cloche("delete", "a", "--force", cwd=project)
    assert list(pool.glob("layer-*")) == []


def test_a_fork_has_all_and_neither_sees_the_other(t):
    project = t.repository()
    t.run_task("a", MADE, cwd=project)
    seen, was = look(t, "a", project), everything(t, "a", project)
    t.cloche("snapshot", "a", "point", cwd=project)
    go_on(t, "a", "echo later > later; echo later > /usr/local/bin/tool; rm /var/lib/thing/data", project)
    told = t.cloche("fork", "a", "b", "--from", "point", cwd=project)
    assert "cloche/b" in told.out, told
    assert t.agents(project)["b"]["branch"] == "cloche/b" and names(t, "b", project) == []
    here = everything(t, "b", project)
    for kind in ("workspace", "home"):
        same({kind: was[kind]}, {kind: here[kind]}, kind)
    assert look(t, "b", project).replace("cloche/b", "cloche/a") == seen, (look(t, "b", project), seen)
    t.cloche("sync", "b", cwd=project)
    subjects = t.git("log", "--format=%s", "cloche/b", cwd=project).out.split()
    assert subjects == ["Made", "First"], subjects

    # Independent in both directions: files, layers, commits.
    go_on(t, "b", "echo b > README.md; git commit -qam OfB; echo b > /usr/local/bin/tool; echo b > ~/.config/tool/state", project)
    go_on(t, "a", "echo a > README.md; git commit -qam OfA; echo a > /usr/local/bin/other; echo a > ~/.config/tool/state", project)
    for name, other in (("a", "b"), ("b", "a")):
        out = look(t, name, project, "cat README.md ~/.config/tool/state /usr/local/bin/tool /usr/local/bin/other; git log --all --format=%s")
        assert f"Of{name.upper()}" in out and f"Of{other.upper()}" not in out, out
        assert out.splitlines()[:2] == [name, name], out
        assert ("later" in out) == (name == "a"), out
    # The one goes, and the other still has what they had in common.
    t.cloche("delete", "a", "--force", cwd=project)
    assert "old" in look(t, "b", project, "cat /usr/local/bin/other /var/lib/thing/data")
    log = [json.loads(line) for line in t.cloche("audit", "b", "--json", cwd=project).out.splitlines()]
    made = [event for event in log if event["event"] == "create"]
    assert made[0]["forked-from"] == "a" and made[0]["snapshot"] == "point", made
    t.cloche("audit", "verify", "b", cwd=project)


def test_a_fork_of_the_present_leaves_no_snapshot(t):
    project = t.repository()
    t.run_task("a", "echo x > x; echo y > /usr/local/bin/y", cwd=project)
    t.cloche("fork", "a", "b", cwd=project)
    assert names(t, "a", project) == [] and (t.workspace("b", project) / "x").read_text() == "x\n"
    assert "y" in look(t, "b", project, "cat /usr/local/bin/y") and "y" in look(t, "a", project, "cat /usr/local/bin/y")
    t.git("branch", "cloche/c", cwd=project)
    for taken in ("b", "c"):
        refused = t.cloche("fork", "a", taken, cwd=project, check=None)
        assert refused.code != 0 and "exists already" in refused.err, refused
    assert "c" not in t.agents(project)


def test_what_is_refused(t):
    project = t.repository()
    t.start("a", "sleep 1000", cwd=project)
    for command in (("snapshot", "a"), ("rollback", "a", "x"), ("fork", "a", "b")):
        refused = t.cloche(*command, cwd=project, check=None)
        assert refused.code != 0 and "running" in refused.err and "cloche stop a" in refused.err, refused
    t.cloche("stop", "a", "--kill", cwd=project)
    missing = t.cloche("rollback", "a", "x", cwd=project, check=None)
    assert missing.code != 0 and "no snapshot" in missing.err, missing
    t.cloche("snapshot", "nobody", cwd=project, check=missing.code)
    # A directory of the user's is not the agent's to put back.
    mine = t.dir / "mine"
    mine.mkdir()
    (mine / "file").write_text("one")
    t.run_task("d", "echo two > file; echo x > ~/x", "--workspace", f"dir:{mine}", cwd=project)
    t.cloche("snapshot", "d", cwd=project)
    (mine / "file").write_text("three")
    go_on(t, "d", "rm ~/x", project)
    t.cloche("rollback", "d", "snap-1", cwd=project)
    assert (mine / "file").read_text() == "three", "the user's directory is as the user left it"
    assert (places(t, "d", project)["home"] / "x").read_text() == "x\n"
    refused = t.cloche("fork", "d", "e", cwd=project, check=None)
    assert refused.code != 0 and "directory of yours" in refused.err, refused


def test_deleting_tells_what_only_snapshots_have(t):
    project = t.repository()
    t.run_task("a", "echo work > work", cwd=project)
    t.cloche("snapshot", "a", "good", cwd=project)
    go_on(t, "a", "rm work", project)
    refused = t.cloche("delete", "a", cwd=project, check=None)
    assert refused.code != 0 and "good" in refused.err, refused
    t.cloche("snapshot", "a", "--delete", "good", cwd=project)
    t.cloche("delete", "a", cwd=project)
    assert "a" not in t.agents(project)


HOSTILE = r"""
ln -s / root; ln -s ../../../../../../../../etc etc; ln -s loop loop; mkfifo fifo ~/fifo
mknod zero c 0 0; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("sock")'
mkdir -p closed/in && echo secret > closed/in/file && chmod 000 closed/in/file closed/in closed
mkdir bare && echo x > bare/x && chmod 500 bare
echo shared > one && ln one two && ln one ~/nope; truncate -s 8T huge 2>/dev/null || truncate -s 1G huge
touch -- "-rf" "$(printf 'a\nb')" "$(printf '\033[31mred')" "$(printf '\377\376')" ' '
touch -d @-5 ancient; touch -d '2400-01-01' future
mkdir -p .git.d/.git && echo evil > .git.d/.git/config; mkdir CON; touch 'con/' NUL; chmod 1777 CON
p=x; for i in $(seq 60); do p=$p/dddddddddddddddddddd; done; mkdir -p $p && echo deep > $p/file
rm -rf ~/.cache; ln -s /proc/self ~/.cache; chmod 000 ~
ln -s /etc /run/cloche/git/objects/etc; mkfifo /run/cloche/git/fifo; chmod 000 /run/cloche/git/hooks
"""


def test_a_hostile_tree_comes_back_and_nothing_is_followed(t):
    project = t.repository()
    outside = t.dir / "outside"
    outside.mkdir()
    (outside / "file").write_text("untouched")
    t.run_task("a", f"ln -s {outside} out; ln -s {outside}/file outfile; {HOSTILE} true", cwd=project)
    where = places(t, "a", project)
    # Names that lead nowhere good must be there, or the test shows nothing.
    assert (where["workspace"] / "fifo").is_fifo() and (where["workspace"] / "root").is_symlink()
    assert stat.S_IMODE((where["workspace"] / "closed").stat().st_mode) == 0
    was = everything(t, "a", project)
    t.cloche("snapshot", "a", cwd=project, timeout=60)
    same(was, everything(t, "a", project))
    os.chmod(where["home"], 0o700)
    # Everything goes, and in place of directories there are links that lead out.
    wreck = f"chmod -R u+rwx . ; rm -rf -- * ; ln -s {outside} closed; ln -s {outside} bare; ln -s {outside} x; ln -s {outside}/file one; rm -rf ~/* /run/cloche/git/hooks; ln -s {outside} /run/cloche/git/hooks"
    go_on(t, "a", wreck, project)
    assert os.listdir(where["workspace"]) != [] and (where["workspace"] / "x").is_symlink()
    # The control: whoever follows the names of the snapshot does get out.
    (where["workspace"] / "closed/probe").write_text("out")
    assert (outside / "probe").read_text() == "out"
    (outside / "probe").unlink()
    t.cloche("rollback", "a", "snap-1", cwd=project, timeout=60)
    same(was, everything(t, "a", project))
    assert sorted(os.listdir(outside)) == ["file"] and (outside / "file").read_text() == "untouched"
    assert stat.S_IMODE(outside.stat().st_mode) & 0o700 == 0o700
    if os.getuid() != 0:
        assert "secret" not in t.cloche("logs", "a", cwd=project).out
    os.chmod(where["home"], 0o700)
    # Back to the hostile state a second time, out of what is kept, as a fork.
    t.cloche("fork", "a", "b", "--from", "snap-1", cwd=project, timeout=60)
    fork = everything(t, "b", project)
    same({"workspace": was["workspace"]}, {"workspace": fork["workspace"]})
    assert sorted(os.listdir(outside)) == ["file"]


def test_a_tree_too_deep_is_refused_in_words(t):
    project = t.repository()
    script = "cd /workspace; for i in $(seq 30); do n=$(printf 'd%.0s' $(seq 200)); mkdir $n && cd $n; done; true"
    t.run_task("a", script, cwd=project)
    refused = t.cloche("snapshot", "a", cwd=project, check=None)
    assert refused.code != 0 and "deeper" in refused.err, refused
    assert names(t, "a", project) == []


def test_kill_in_the_middle(t):
    """Killed at any moment, the next command finishes or takes back what was begun."""
    files = {f"f{number}": "text %d\n" % number for number in range(150)}
    project = t.repository(files=files)
    t.run_task("a", "for f in f*; do echo changed >> $f; done; echo x > /usr/local/bin/x; seq 3000 > ~/seq", cwd=project)
    was = everything(t, "a", project)
    spent = timed(t, ("snapshot", "a", "whole"), project)
    for step in range(4):
        kill_after(t, ("snapshot", "a", f"cut-{step}"), project, spent * step / 3)
        same(was, everything(t, "a", project), step)
    listed = names(t, "a", project)
    assert "whole" in listed
    go_on(t, "a", "rm f*; echo new > new; rm /usr/local/bin/x; rm ~/seq", project)
    spent = timed(t, ("rollback", "a", "whole"), project)
    for step in range(4):
        t.cloche("rollback", "a", "before-rollback-%d" % last_automatic(t, project), cwd=project, check=None)
        go_on(t, "a", "rm -f f*; echo new > new; rm -f /usr/local/bin/x; rm -f ~/seq", project)
        kill_after(t, ("rollback", "a", "whole"), project, spent * step / 3)
        # The next command finishes it, or it had not begun.
        t.cloche("snapshot", "a", f"after-{step}", cwd=project)
        now = everything(t, "a", project)
        wanted = was["workspace"].keys() if (b"f0" in now["workspace"]) else {b"new"}
        assert now["workspace"].keys() == wanted, step
        assert (b"seq" in now["home"]) == (b"f0" in now["workspace"]), step
        t.cloche("rollback", "a", "whole", cwd=project)
        same(was, everything(t, "a", project), step)
        assert "x" in look(t, "a", project, "cat /usr/local/bin/x")
        was = everything(t, "a", project)
        t.cloche("snapshot", "a", "--delete", f"after-{step}", cwd=project)
    # A fork that is cut off can be deleted and made again.
    kill_after(t, ("fork", "a", "b"), project, spent)
    if "b" in t.agents(project):
        t.cloche("delete", "--force", "b", cwd=project)
    t.git("worktree", "prune", cwd=project)
    t.git("branch", "-D", "cloche/b", cwd=project, check=None)
    t.cloche("fork", "a", "b", cwd=project)
    assert (t.workspace("b", project) / "f0").read_text() == "text 0\nchanged\n"


def test_a_rollback_that_cannot_be_done_changes_nothing_and_bars_no_way(t):
    """What cannot be had is found before anything is touched; and one that was cut off and cannot be finished is not the only way."""
    project = t.repository(files={"f1": "one\n" * 30000, "f2": "two\n"} | {f"z{number}": "z\n" for number in range(800)})
    for _ in range(40):
        t.run_task("a", "echo mine > mine", cwd=project)
        if t.json("snapshot", "a", "s1", cwd=project)["copied-bytes"] < 100_000:
            break
        # What git had written just before it was looked at is kept.
        t.cloche("delete", "--force", "a", cwd=project)
    go_on(t, "a", "echo other > f1; rm f2; head -c 200000 /dev/urandom > large; echo second > mine", project)
    t.cloche("snapshot", "a", "s2", cwd=project)
    go_on(t, "a", "rm large mine; echo third > f1", project)
    was = everything(t, "a", project)
    # git would write other files now.
    t.git("config", "core.autocrlf", "true", cwd=project)
    told = t.cloche("rollback", "a", "s1", cwd=project, check=None)
    assert told.code != 0 and "core.autocrlf" in told.err, told
    same(was, everything(t, "a", project))
    assert names(t, "a", project) == ["s1", "s2"], "a rollback that was not done leaves nothing"
    # One that is cut off, here just before its end: whoever comes next cannot finish it, and is told what can be done.
    t.cloche("rollback", "a", "s2", cwd=project)
    state = pathlib.Path(t.agents(project)["a"]["directory"])
    (state / "snapshots/rollback").write_text("s1")
    last = f"before-rollback-{last_automatic(t, project)}"
    for words in (("resume", "a"), ("snapshot", "a"), ("fork", "a", "b"), ("snapshot", "a", "--delete", "s1"), ("snapshot", "a", "--delete", last)):
        told = t.cloche(*words, cwd=project, check=None)
        assert told.code != 0 and f"`cloche rollback a {last}`" in told.err, (words, told)
    t.git("config", "--unset", "core.autocrlf", cwd=project)
    t.cloche("fork", "a", "b", "--from", "s2", cwd=project)
    assert (t.workspace("b", project) / "mine").read_text() == "second\n"
    t.cloche("snapshot", "b", "of-b", cwd=project)
    told = t.cloche("rollback", "a", last, cwd=project)
    assert last in told.err and last == f"before-rollback-{last_automatic(t, project)}", told
    same(was, everything(t, "a", project))
    # Which it was, a power cut may have taken.
    (state / "snapshots/rollback").write_text("")
    assert "cannot be finished" in t.cloche("resume", "a", "true", cwd=project, check=None).err
    t.cloche("rollback", "a", "s2", cwd=project)
    assert (t.workspace("a", project) / "mine").read_text() == "second\n" and not (t.workspace("a", project) / "f2").exists()
    # Contents that are gone: the same, and they are kept anew where the agent still has them.
    t.cloche("snapshot", "a", "s3", cwd=project)
    go_on(t, "a", "rm mine", project)
    was = everything(t, "a", project)
    for file in (state / "snapshots/store").iterdir():
        os.truncate(file, 0)
    told = t.cloche("rollback", "a", "s3", cwd=project, check=None)
    assert told.code != 0 and "is not whole" in told.err and "nothing was changed" in told.err, told
    same(was, everything(t, "a", project))
    made = t.json("snapshot", "a", "s4", cwd=project)
    assert made["copied-bytes"] >= 200000, made
    go_on(t, "a", "rm -rf large f1", project)
    t.cloche("rollback", "a", "s4", cwd=project)
    same(was, everything(t, "a", project))


def test_the_present_stays_when_the_clock_was_put_back(t):
    """The last of the snapshots that a rollback makes is not the one that goes, whatever their times say."""
    project = t.repository()
    t.run_task("a", "echo x > x", cwd=project)
    t.cloche("snapshot", "a", "s1", cwd=project)
    for _ in range(4):
        t.cloche("rollback", "a", "s1", cwd=project)
    folder = pathlib.Path(t.agents(project)["a"]["directory"]) / "snapshots"
    for file in folder.glob("before-rollback-*.json"):
        record = json.loads(file.read_text())
        file.write_text(json.dumps(record | {"created": record["created"] + 3_600_000}))
    go_on(t, "a", "echo precious > onlyhere", project)
    told = t.cloche("rollback", "a", "s1", cwd=project)
    assert "before-rollback-5" in told.err and sorted(names(t, "a", project))[:3] == [f"before-rollback-{number}" for number in (3, 4, 5)], told
    t.cloche("rollback", "a", "before-rollback-5", cwd=project)
    assert (t.workspace("a", project) / "onlyhere").read_text() == "precious\n"


def test_odd_files_of_an_agent(t):
    """Groups of names of empty files, which no content tells apart; a closed file, which is kept once; sizes without blocks."""
    project = t.repository()
    t.run_task("a", ": > e1; ln e1 e2; : > e3; ln e3 e4; head -c 50000000 /dev/urandom > z; chmod 0 z", cwd=project)
    first = t.json("snapshot", "a", "s1", cwd=project)
    assert first["copied-bytes"] >= 50_000_000
    # The time of its last change is that of the snapshot, which had to open it.
    assert t.json("snapshot", "a", "s2", cwd=project)["copied-bytes"] == 0
    go_on(t, "a", "ln -f e1 e3; ln -f e1 e4", project)
    t.cloche("rollback", "a", "s1", cwd=project)
    inodes = [(t.workspace("a", project) / name).stat().st_ino for name in ("e1", "e2", "e3", "e4")]
    assert inodes[0] == inodes[1] != inodes[2] == inodes[3], inodes


def test_a_deletion_that_is_cut_off_leaves_nothing(t):
    project = t.repository()
    t.run_task("a", "head -c 5000000 /dev/urandom > big", cwd=project)
    store = pathlib.Path(t.agents(project)["a"]["directory"]) / "snapshots/store"
    t.cloche("snapshot", "a", "s1", cwd=project)
    go_on(t, "a", "rm big", project)
    assert sum(file.stat().st_blocks for file in store.iterdir()) * 512 >= 5_000_000
    cut = 0
    for step in range(1, 9):
        trace = ["strace", "-qq", "-o", "/dev/null", "-e", f"inject=unlink,unlinkat:signal=KILL:when={step}", t.program]
        cut += t.command(*trace, "snapshot", "a", "--delete", "s1", cwd=project, check=None).code != 0
        if "s1" not in names(t, "a", project):
            break
    assert cut, "it was never killed"
    (store.parent / "known.4711.new").write_text("half")
    t.cloche("snapshot", "a", "s2", cwd=project)
    assert sum(file.stat().st_blocks for file in store.iterdir()) * 512 < 1_000_000
    assert not list(store.parent.glob("*.new"))


def last_automatic(t, project):
    return max(int(name.rsplit("-", 1)[1]) for name in names(t, "a", project) if name.startswith("before-rollback-"))


def timed(t, words, project):
    began = time.monotonic()
    t.cloche(*words, cwd=project)
    return time.monotonic() - began


def kill_after(t, words, project, seconds):
    process = t.spawn(*words, cwd=project)
    try:
        process.wait(seconds)
    except Exception:
        process.send_signal(signal.SIGKILL)
    process.communicate()


def test_files_put_back_are_known_again(t):
    """They are not kept a second time; and what an agent writes into one of them is, even where size and time are as before."""
    project = t.repository()
    t.run_task("a", "for i in $(seq 400); do echo was $i > f$i; done", cwd=project)
    first = t.json("snapshot", "a", "s1", cwd=project)
    go_on(t, "a", "for i in $(seq 400); do echo other > f$i; done; echo more >> README.md", project)
    t.cloche("rollback", "a", "s1", cwd=project)
    # What changed 20 ms before a snapshot is kept again by the next.
    time.sleep(0.1)
    second = t.json("snapshot", "a", "s2", cwd=project)
    assert first["copied-bytes"] > 2000 and second["copied-bytes"] < first["copied-bytes"] / 2, (first, second)
    assert t.json("snapshot", "a", "s3", cwd=project)["copied-bytes"] == 0, "nothing has changed"
    go_on(t, "a", "for f in f1 f200 f400; do touch -r $f ~/t; tr w W < $f > ~/c; cat ~/c > $f; touch -r ~/t $f; done", project)
    t.cloche("snapshot", "a", "s4", cwd=project)
    go_on(t, "a", "rm f*", project)
    t.cloche("rollback", "a", "s4", cwd=project)
    place = t.workspace("a", project)
    for number in (1, 200, 400):
        assert (place / f"f{number}").read_text() == f"Was {number}\n"
    assert (place / "f2").read_text() == "was 2\n"
    t.cloche("rollback", "a", "s2", cwd=project)
    assert all((place / f"f{number}").read_text() == f"was {number}\n" for number in range(1, 401))


def test_contents_of_a_deleted_snapshot_give_their_room_back(t):
    """Though they lie in one file with some that another snapshot has; and the agent's files are kept anew where they are."""
    project = t.repository()
    t.run_task("a", "for i in $(seq 200); do head -c 16384 /dev/urandom > f$i; done; mkdir ~/d; cp f1 f2 ~/d", cwd=project)
    t.cloche("snapshot", "a", "s1", cwd=project)
    place = t.workspace("a", project)
    store = place.parent / "snapshots/store"
    room = lambda: sum(file.stat().st_blocks * 512 for file in store.iterdir())
    assert room() > 200 * 16384
    others = lambda: [file.read_bytes() for file in sorted((place.parent / "home/d").iterdir())]
    kept, files = (place / "f7").read_bytes(), others()
    go_on(t, "a", "cp f7 f; rm f?*; mv f f7", project)
    t.cloche("snapshot", "a", "s2", cwd=project)
    t.cloche("snapshot", "a", "--delete", "s1", cwd=project)
    assert room() < 200000, room()
    go_on(t, "a", "rm f7; rm -r ~/d", project)
    t.cloche("rollback", "a", "s2", cwd=project)
    assert (place / "f7").read_bytes() == kept
    assert others() == files and len(files) == 2
    # What is gone is not taken for kept: the very same files, seen again.
    t.cloche("snapshot", "a", "s3", cwd=project)
    t.cloche("snapshot", "a", "--delete", "s2", cwd=project)
    go_on(t, "a", "echo other > f7; echo > ~/d/f1", project)
    t.cloche("rollback", "a", "s3", cwd=project)
    assert (place / "f7").read_bytes() == kept
    assert others() == files


def test_disk_use_counts_layers(t):
    project = t.repository()
    t.run_task("a", "head -c 5000000 /dev/urandom > /usr/local/bin/big", cwd=project)
    t.cloche("snapshot", "a", cwd=project)
    go_on(t, "a", "true", project)
    t.cloche("resume", "a", "sleep 1000", "--set", "limits.disk=1GiB", cwd=project)

    def used():
        limits = {limit["name"]: limit for limit in t.json("stats", "a", cwd=project)[0]["limits"]}
        return limits["disk"]["used"]

    t.wait_until(lambda: (used() or 0) > 5000000, "the layer was counted")
