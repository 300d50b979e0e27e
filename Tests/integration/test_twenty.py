"""Done-when 2: twenty agents at once on one repository of 5,000 files, each committing twice while others do."""

import time

import case

AGENTS, FILES = 20, 5_000


@case.once
@case.serial
@case.timeout(900)
def test_twenty_agents_on_five_thousand_files(t):
    files = {f"dir{index // 100}/sub{index // 10 % 10}/file{index}.txt": f"{index}\n" for index in range(FILES)}
    project = t.repository(files=files)
    began, names = time.monotonic(), [f"agent{index:02}" for index in range(AGENTS)]
    for index, name in enumerate(names):
        # A file of its own and one line of a shared directory, a wait until all are at work, then again.
        task = f"""set -e
            echo {name} > dir{index}/sub0/file{index * 100}.txt; echo canary-{name} > ~/private; git add -A; git commit -qm '{name} first'
            touch first; until [ -e go ]; do sleep 0.05; done
            echo {name} > new-{name}.txt; git add new-{name}.txt; git commit -qm '{name} second'; rm first"""
        t.start(name, task, cwd=project, timeout=60)
    print(f"# {AGENTS} starts took {time.monotonic() - began:.1f} s")
    workspaces = {name: t.workspace(name, project) for name in names}
    t.wait_until(lambda: all((place / "first").exists() for place in workspaces.values()), "all committed once", 120)
    entries = t.agents(project)
    assert [entries[name]["state"] for name in names] == ["running"] * AGENTS, entries
    for place in workspaces.values():
        (place / "go").touch()
    began = time.monotonic()
    for name in names:
        entry = t.wait_ended(name, project)
        assert entry["exit-code"] == 0, (entry, t.cloche("logs", name, cwd=project).out)
    print(f"# their second commits took {time.monotonic() - began:.1f} s")
    began = time.monotonic()
    for index, name in enumerate(names):
        seen = workspaces[name] / f"new-{names[(index + 1) % AGENTS]}.txt"
        assert not seen.exists(), f"{name} has a file of its neighbour"
        (workspaces[name] / "go").unlink()
        t.cloche("merge", name, cwd=project, timeout=60)
    print(f"# {AGENTS} merges took {time.monotonic() - began:.1f} s")
    log = t.git("log", "--format=%s", cwd=project).out.splitlines()
    missing = [f"{name} {which}" for name in names for which in ("first", "second") if f"{name} {which}" not in log]
    assert not missing, missing
    assert len([line for line in log if line.endswith((" first", " second"))]) == 2 * AGENTS
    for index, name in enumerate(names):
        assert (project / f"dir{index}/sub0/file{index * 100}.txt").read_text() == f"{name}\n"
    answer = t.git("fsck", "--full", "--strict", cwd=project)
    assert "error" not in answer.err and "missing" not in answer.out, answer
    assert t.git("status", "--porcelain", cwd=project).out == ""
    for name in names:
        t.cloche("delete", name, cwd=project, timeout=60)
    assert t.agents(project) == {} and t.git("branch", "--list", "cloche/*", cwd=project).out == ""
