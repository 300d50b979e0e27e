"""What an agent puts into its git costs the host no more memory and disk than its limits allow: a few kilobytes of objects can
stand for millions of paths, or for gigabytes of one file. Each attack has a control beside it that is let through."""

from test_subagents import PARENT, end, inside, parent, shell

import case


def bomb(levels):
    """A commit of 12 files, in 12 directories of each of so many levels: 12^(levels + 1) paths of a dozen objects."""
    names = "a b c d e f g h i j k l"
    return f"""
        blob=$(echo x | git hash-object -w --stdin)
        tree=$(for n in {names}; do printf '100644 blob %s\\t%s\\n' $blob $n; done | git mktree)
        for level in $(seq {levels}); do
            tree=$(for n in {names}; do printf '040000 tree %s\\t%s\\n' $tree $n; done | git mktree)
        done
        commit=$(git commit-tree -p HEAD -m Evil $tree) && git update-ref HEAD $commit && echo made
    """


def of_zeros(size):
    """A commit with a file of zeros, which takes a thousandth of that on disk: there is none in the workspace."""
    return f"""
        blob=$(head -c {size} /dev/zero | git hash-object -w --stdin)
        tree=$({{ git ls-tree HEAD | grep -v big$; printf '100644 blob %s\\tbig\\n' $blob; }} | git mktree)
        commit=$(git commit-tree -p HEAD -m Big $tree) && git update-ref HEAD $commit && git read-tree HEAD
        git update-index --skip-worktree big && echo made
    """


def peak(t, *words, cwd):
    """A command of the host's, and the most memory in MB that one of its processes had, down to those in sandboxes."""
    program = (
        "import resource, subprocess, sys; code = subprocess.call(sys.argv[1:]); "
        "print('peak', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024); sys.exit(code)"
    )
    result = t.command("python3", "-c", program, t.program, *words, cwd=cwd, check=None, timeout=200)
    return result, int(result.out.rsplit("peak ", 1)[1])


def index_size(project):
    return max(file.stat().st_size for file in (project / ".git/worktrees").glob("*/index"))


def test_a_tree_of_more_paths_than_its_agent_may_have(t):
    project = parent(t, "--set", "limits.disk-files=1000")
    before = t.git("rev-parse", "cloche/boss", cwd=project).out
    # The control: 144 of them are let through.
    assert "made" in shell(t, project, bomb(1)).out
    t.cloche("sync", "boss", cwd=project)
    after = t.git("rev-parse", "cloche/boss", cwd=project).out
    assert before != after and t.git("ls-tree", "-r", "--name-only", "cloche/boss", cwd=project).out.count("\n") == 144
    assert "made" in shell(t, project, bomb(2)).out
    for words in (["sync", "boss"], ["diff", "boss"], ["merge", "boss"]):
        told = t.cloche(*words, cwd=project, check=None)
        assert told.code != 0 and "too large" in told.err and "paths" in told.err and "limits.disk" in told.err, told
    for words in (["request-merge", "x"], ["merge", "boss"], ["start", "kid", PARENT]):
        told = inside(t, project, *words, check=None)
        assert told.code != 0 and "too large" in told.err, told
    assert "kid" not in t.agents(project)
    assert t.git("rev-parse", "cloche/boss", cwd=project).out == after and index_size(project) < 100_000
    assert "fetched/head" not in t.git("for-each-ref", cwd=project).out
    # It is not held against what comes later.
    shell(t, project, "git reset -q --hard HEAD~; echo good > good; git add good; git commit -qm Good")
    t.cloche("sync", "boss", cwd=project)
    assert t.git("show", "cloche/boss:good", cwd=project).out == "good\n"


@case.once
@case.once
@case.timeout(240)
def test_a_tree_of_millions_of_paths(t):
    """No limit of the profile's says how many, and nobody's memory is filled."""
    project = parent(t)
    assert "made" in shell(t, project, bomb(5)).out
    told, most = peak(t, "sync", "boss", cwd=project)
    assert told.code != 0 and "more than 1000000 paths" in told.err, told
    assert most < 1100, f"{most} MB"
    assert index_size(project) < 100_000
    t.cloche("delete", "--force", "boss", cwd=project, timeout=200)


def test_a_file_larger_than_its_agent_may_have(t):
    project = parent(t, "--set", "limits.disk=60MiB")
    assert "made" in shell(t, project, of_zeros(200_000_000)).out
    told = inside(t, project, "start", "kid", PARENT, check=None)
    assert told.code != 0 and "too large" in told.err and "60M" in told.err, told
    told = inside(t, project, "merge", "boss", "--check", "true", check=None)
    assert told.code != 0 and "too large" in told.err, told
    assert "kid" not in t.agents(project)
    # What it may have itself may be more than a child of its has.
    assert "made" in shell(t, project, "git reset -q --soft HEAD~;" + of_zeros(40_000_000)).out
    t.cloche("sync", "boss", cwd=project)
    told = inside(t, project, "start", "kid", PARENT, "--set", "limits.disk=8MiB", check=None)
    assert told.code != 0 and "kid would be too large" in told.err and "8.0M" in told.err, told
    # The control.
    assert "made" in shell(t, project, "git reset -q --soft HEAD~;" + of_zeros(4_000_000)).out
    inside(t, project, "start", "kid", PARENT, "--set", "limits.disk=8MiB")
    assert (t.workspace("kid", project) / "big").stat().st_size == 4_000_000
    end(t, project)


def test_a_check_of_more_than_its_agent_may_have(t):
    """It has a part of that, as a child would."""
    project = parent(t, "--set", "limits.disk=60MiB", files={"base": "x\n" * 1_000_000})
    assert "made" in shell(t, project, of_zeros(30_000_000)).out
    t.cloche("sync", "boss", cwd=project)
    told = inside(t, project, "merge", "boss", "--check", "true", check=None)
    assert told.code != 0 and "too large to be checked" in told.err and "15M" in told.err, told
    # The control.
    assert "made" in shell(t, project, "git reset -q --soft HEAD~;" + of_zeros(4_000_000)).out
    inside(t, project, "merge", "boss", "--check", "test $(stat -c %s big) = 4000000")
    end(t, project)


@case.timeout(120)
def test_a_diff_of_a_file_that_is_all_line_ends(t):
    """60 KB of objects, of which git made 2.4 GB."""
    project = parent(t)
    shell(t, project, "yes '' | head -c 60000000 > f; git add f; git commit -qm Lines")
    told, most = peak(t, "diff", "boss", "--stat", cwd=project)
    assert told.code == 0 and "Bin 0 -> 60000000 bytes" in told.out and most < 600, (most, told)
    # The control: a smaller one is text.
    shell(t, project, "yes '' | head -c 4000000 > f; git add f; git commit -qm Fewer")
    assert "4000000 insertions" in t.cloche("diff", "boss", "--stat", cwd=project).out


@case.once
def test_what_is_fetched_again_and_again_is_counted(t):
    """What an agent drops stays in the user's repository: that is as much as it may have on disk, and then a person decides."""
    project = parent(t, "--set", "limits.disk=24MiB")
    once = """
        head -c 6000000 /dev/urandom > noise; git add -A; git commit -qm Noise; cloche merge boss --keep-going; code=$?
        git reset -q --hard HEAD~; git reflog expire --expire=now --all; git gc -q --prune=now; exit $code
    """
    for _ in range(5):
        shell(t, project, once)
    told = shell(t, project, once, check=None)
    assert told.code != 0 and "too much brought" in told.err and "limits.disk" in told.err, told
    # Nor by a child, and what is refused counts too.
    told = inside(t, project, "start", "kid", PARENT, check=None)
    assert told.code != 0 and "too much brought" in told.err, told
    size = int(t.command("du", "-sm", project / ".git/objects").out.split()[0])
    assert 20 < size < 40, size
    # The control: a person is not refused.
    shell(t, project, "echo good > good; git add good; git commit -qm Good")
    t.cloche("merge", "boss", cwd=project)
    assert (project / "good").read_text() == "good\n"
    end(t, project)


@case.once
def test_what_is_fetched_and_refused_is_counted(t):
    """git leaves the pack that it refuses."""
    project = parent(t, "--set", "limits.disk=24MiB")
    bad = """
        blob=$(head -c 6000000 /dev/urandom | git hash-object -w --stdin)
        bad=$(python3 -c 'import sys; sys.stdout.buffer.write(b"100644 .git\\0" + bytes.fromhex(sys.argv[1]))' $(echo x | git hash-object -w --stdin) |
            git hash-object -w -t tree --literally --stdin)
        for n in $(seq 120); do printf '100644 blob %s\\tf%s\\n' $(echo $n $blob | git hash-object -w --stdin) $n; done > list
        tree=$({ cat list; printf '100644 blob %s\\ta\\n' $blob; printf '040000 tree %s\\tzz\\n' $bad; } | git mktree); rm list
        git update-ref HEAD $(git commit-tree -p HEAD -m Evil $tree); cloche request-merge x; code=$?
        git update-ref HEAD HEAD~; git reflog expire --expire=now --all; git gc -q --prune=now; exit $code
    """
    for _ in range(5):
        told = shell(t, project, bad, check=None)
        assert told.code != 0 and "hasDotgit" in told.err, told
    told = shell(t, project, bad, check=None)
    left = t.command("ls", "-la", project / ".git/objects/pack").out
    assert told.code != 0 and "too much brought" in told.err, (told, left)
    end(t, project)
