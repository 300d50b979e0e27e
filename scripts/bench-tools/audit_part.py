"""The part `audit` of scripts/bench: what it costs that an agent's executions and refused calls are on record.

One agent for each level of `audit.level`, all else the same. At `minimal` nothing is handed to the supervisor: that is the base. Each
work is timed inside, in turns that rotate."""

import shutil
import statistics
import subprocess
import time

LEVELS = ("minimal", "standard", "full")
FILES, SOURCES = 5000, 24
# Microseconds of one work, by a shell inside.
TIMED = "s=$(date +%s%N); {work} >/dev/null || exit 1; e=$(date +%s%N); echo $(( (e - s) / 1000 ))"
WORKS = {
    "1000 x `true`, one after another": (1.10, 1.25, "./denials storm 1000 /bin/true"),
    f"`make` of a C project of {SOURCES} files": (None, None, TIMED.format(work="make -s -B -C project")),
    f"`git status` on {FILES:,} files, 5 times": (None, None, TIMED.format(work="for i in 1 2 3 4 5; do git -C files status; done")),
    "100,000 refused calls": (None, None, TIMED.format(work="./denials count 100000 1")),
}


def prepare(bench, place):
    """The programs and files that are worked on."""
    for folder in ("project", "files"):
        (place / folder).mkdir(parents=True)
    source = bench.root / "Tests/EscapeTests/attacks/denials.c"
    subprocess.run(["gcc", "-O2", "-static", "-pthread", "-D_GNU_SOURCE", "-o", place / "denials", source], check=True)
    for number in range(SOURCES):
        (place / f"project/part{number}.c").write_text(f"#include <stdio.h>\nint part{number}(void) {{ return printf(\"%d\\n\", {number}); }}\n")
    objects = " ".join(f"part{number}.o" for number in range(SOURCES))
    (place / "project/Makefile").write_text(f"all: {objects}\n\tar rcs libparts.a {objects}\n")
    for number in range(FILES):
        folder = place / f"files/{number // 100:02}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.txt").write_text(f"{number}\n")


def start(bench, level):
    place = bench.home / f"work-{level}"
    shutil.copytree(bench.home / "work", place)
    if bench.is_root:
        subprocess.run(["chown", "-R", f"{bench.user}:", place], check=True)
    repository = f"cd {place}/files && git init -q && git add . && git -c user.name=b -c user.email=b@b commit -qm one"
    bench.as_user(["sh", "-c", repository], check=True)
    words = ["start", f"level-{level}", "--profile", "idle", "--set", f"audit.level={level}", "--workspace", f"dir:{place}"]
    answer = bench.as_user([bench.cloche, *words])
    if answer.returncode:
        raise SystemExit(f"bench: cloche start failed: {answer.stderr.strip()}")


def once(bench, level, work):
    """Microseconds, as the program inside says."""
    answer = bench.as_user([bench.cloche, "exec", f"level-{level}", "--", "sh", "-c", work], stdin=subprocess.DEVNULL)
    if answer.returncode:
        raise SystemExit(f"bench: at level {level}: {work}: {answer.stderr.strip()}")
    return float(answer.stdout)


def part(bench):
    """Prints the table; whether the goals are met."""
    prepare(bench, bench.home / "work")
    for level in LEVELS:
        start(bench, level)
    rounds, is_met = (5 if bench.runs < 100 else 15), True
    print("\n### Work while it is recorded, as ratio to `audit.level: minimal`\n")
    print("| work | minimal, ms | standard | full | goals |\n|---|---:|---:|---:|---|")
    for name, (standard, full, work) in WORKS.items():
        found = {level: [] for level in LEVELS}
        for turn in range(rounds + 1):
            for index in range(len(LEVELS)):
                level = LEVELS[(turn + index) % len(LEVELS)]
                elapsed = once(bench, level, work)
                if turn:
                    found[level].append(elapsed)
            time.sleep(0.05)
        middle = {level: statistics.median(values) for level, values in found.items()}
        scale = 1 if "denials storm" in work else 1000
        ratios = [middle[level] / middle["minimal"] for level in LEVELS[1:]]
        goals = [goal for goal in (standard, full) if goal]
        is_met = is_met and all(ratio <= goal for ratio, goal in zip(ratios, goals))
        wanted = ", ".join(f"{goal:.2f}" for goal in goals)
        print(f"| {name} | {middle['minimal'] / scale:.0f} | {ratios[0]:.2f} | {ratios[1]:.2f} | {wanted} |", flush=True)
    print(f"\nGoals: {'met' if is_met else 'MISSED'}.", flush=True)
    for level in LEVELS:
        bench.as_user([bench.cloche, "delete", f"level-{level}", "--force"])
    return is_met
