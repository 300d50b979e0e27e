"""What a snapshot and a rollback cost beside `cp -a` of the same agent, on the machine's own ext4 and on btrfs, whose files share blocks. The figures are
printed; what must be true is that everything is back. `scripts/bench snapshots` measures the full size, where nothing is emulated."""

import hashlib
import json
import os
import pathlib
import shutil
import time

import case

# An empty file system that the virtual machine has for this.
BTRFS = pathlib.Path("/srv/btrfs")
FILES, MEGABYTES = 300, 60
INSTALLED = f"cd /usr/local/lib && head -c {MEGABYTES}M /dev/zero | tr '\\0' x | split -a 3 -b 1M - file && echo mine >/workspace/mine && echo 1 >~/state"
CHANGED = "set -e; for f in d1/*; do echo more >>$f; done; rm -r d2 mine; echo new >new; echo 2 >~/state; rm /usr/local/lib/fileaaa; echo x >/usr/local/lib/x"


def contents(*trees):
    """Every file below these directories with its mode, time and a checksum."""
    found = {}
    for tree in trees:
        for folder, _, names in os.walk(tree):
            for path in (pathlib.Path(folder) / name for name in names if not (folder == str(tree) and name == ".git")):
                status = path.lstat()
                found[str(path)] = (status.st_mode, status.st_mtime_ns, hashlib.sha256(path.read_bytes()).digest())
    return found


def timed(t, *words, cwd, check=True):
    os.sync()
    began = time.monotonic()
    t.command(*words, cwd=cwd, check=check)
    return time.monotonic() - began


def measure(t, kind, place):
    t.env = t.env | {"XDG_STATE_HOME": str(place / "state")}
    project = t.repository(files={f"d{number % 20}/f{number}": f"file {number}\n" * 50 for number in range(FILES)})
    entry = t.run_task("a", INSTALLED, cwd=project)
    assert entry["exit-code"] == 0, t.cloche("logs", "a", cwd=project).out
    agent = pathlib.Path(t.agents(project)["a"]["directory"])
    assert place in agent.parents, agent
    was = contents(agent / "workspace", agent / "home")
    assert len(was) > FILES, len(was)
    # It fails on the overlay's own empty directory, which the kernel closes to everybody.
    copied = timed(t, "cp", "-a", agent, place / "copy", cwd=project, check=None)
    size = sum(path.stat().st_size for path in (place / "copy").rglob("file???"))
    assert size == MEGABYTES << 20, size
    made = timed(t, t.program, "snapshot", "a", "good", cwd=project)
    t.cloche("resume", "a", CHANGED, cwd=project)
    assert t.wait_ended("a", project)["exit-code"] == 0, t.cloche("logs", "a", cwd=project).out
    changed = contents(agent / "workspace", agent / "home")
    assert len(was.items() - changed.items()) > FILES // 20, "the run has changed what is to come back"
    back = timed(t, t.program, "rollback", "a", "good", cwd=project)
    now = contents(agent / "workspace", agent / "home")
    assert now == was, list(now.items() ^ was.items())[:8]
    # What was installed is the layer that the snapshot made, and what came later is gone.
    (layer,) = json.loads((agent / "layers.json").read_text())["layers"]
    installed = [path for path in (agent.parent / ".layers" / layer).rglob("*") if path.is_file()]
    assert len([path for path in installed if path.name.startswith("file")]) == MEGABYTES, installed
    assert not [path for place in (agent.parent / ".layers" / layer, agent / "upper") for path in place.rglob("x")]
    print(
        f"# {kind}, {FILES} files and {MEGABYTES} MB: cp -a {copied * 1000:.0f} ms, snapshot {made * 1000:.0f} and rollback {back * 1000:.0f} ms: "
        f"{(made + back) / copied:.2f} of it"
    )
    t.cloche("delete", "--force", "a", cwd=project)


@case.timeout(180)
@case.serial
def test_a_snapshot_and_a_rollback_beside_cp(t):
    measure(t, "ext4", t.dir)


@case.timeout(180)
@case.serial
def test_a_snapshot_and_a_rollback_beside_cp_that_shares_blocks(t):
    assert os.path.ismount(BTRFS), f"nothing is mounted at {BTRFS}"
    place = BTRFS / t.dir.name
    place.mkdir()
    try:
        measure(t, "btrfs", place)
    finally:
        # What is left of a copy of an overlay is closed to its owner.
        for folder, names, _ in os.walk(place):
            for path in (pathlib.Path(folder) / name for name in names):
                if not path.is_symlink():
                    path.chmod(0o700)
        shutil.rmtree(place, ignore_errors=True)
