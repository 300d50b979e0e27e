"""The part `snapshots` of scripts/bench: a snapshot and a rollback beside `cp -a` of the same agent, in one run.

On the file system of TMPDIR; as root also on new ones of ext4, btrfs and xfs in files (loop devices in a mount namespace that ends with the measurement),
where mkfs.btrfs and mkfs.xfs are installed. The others share blocks, so that `cp -a` writes no contents there either."""

import shutil
import statistics
import subprocess
import sys

GOAL = 0.2
MAKERS = {"ext4": ["mkfs.ext4", "-q"], "btrfs": ["mkfs.btrfs", "-q"], "xfs": ["mkfs.xfs", "-q", "-m", "reflink=1"]}
# The rest of the words runs with the image mounted at $2, as the user $3. The loop device goes with the mount, and that with the namespace.
MOUNTED = 'mount -o loop "$1" "$2" && chown "$3" "$2" && shift 3 && "$@"'


def rounds(bench, words):
    """Milliseconds of each round: cp -a, snapshot, rollback."""
    answer = subprocess.run([str(word) for word in words], text=True, capture_output=True, cwd=bench.dir)
    if answer.returncode:
        raise SystemExit(f"bench: a snapshot, a rollback or cp -a failed: {answer.stderr.strip()}")
    return [tuple(map(float, line.split())) for line in answer.stdout.splitlines()]


def measured(bench, kind, count):
    """The rounds on one file system, nil where it cannot be made."""
    place = bench.dir / f"snapshots-{kind}"
    place.mkdir()
    shutil.chown(place, bench.user)
    program = bench.dir / "snapshot_rounds.py"
    shutil.copy(bench.root / "scripts/bench-tools/snapshot_rounds.py", program)
    program.chmod(0o644)
    words = bench.words_as_user([sys.executable, "-B", program, bench.cloche, place, count])
    if kind == "here":
        return rounds(bench, words)
    image = bench.dir / f"{kind}.img"
    with image.open("wb") as file:
        file.truncate(4 << 30)
    subprocess.run([*MAKERS[kind], image], check=True, capture_output=True)
    mounted = ["unshare", "--mount", "--propagation", "private", "sh", "-c", MOUNTED, "sh", image, place, bench.user]
    try:
        return rounds(bench, [*mounted, *words])
    finally:
        image.unlink()


def part(bench):
    """Prints the table; whether the goal is met on each file system."""
    count = 3 if bench.runs < 100 else 7
    here = subprocess.run(["stat", "-f", "-c", "%T", bench.dir], text=True, capture_output=True, check=True).stdout.strip()
    kinds = {"here": f"TMPDIR ({here})"}
    if bench.is_root:
        kinds |= {kind: kind for kind, maker in MAKERS.items() if shutil.which(maker[0])}
    print(f"\n### Snapshot and rollback of an agent with 5,000 files and 500 MB of upper layer, milliseconds, {count} rounds\n")
    print("| file system | `cp -a` | snapshot | rollback | both x `cp -a` |\n|---|---:|---:|---:|---:|")
    worst = 0
    for kind, name in kinds.items():
        found = measured(bench, kind, count)
        middle = [statistics.median(values) for values in zip(*found)]
        ratio = statistics.median((made + back) / copied for copied, made, back in found)
        worst = max(worst, ratio)
        print(f"| {name} | {middle[0]:.0f} | {middle[1]:.0f} | {middle[2]:.0f} | {ratio:.2f} |", flush=True)
    for kind, maker in MAKERS.items():
        if kind not in kinds:
            print(f"\n{kind} was left out: " + (f"there is no {maker[0]}." if bench.is_root else "only root can mount it."))
    print(f"\nGoal: at most {GOAL:.2f} x `cp -a` on each: {'met' if worst <= GOAL else 'MISSED'} ({worst:.2f}).", flush=True)
    return worst <= GOAL
