"""The machine stays responsive: while an agent does its worst within its limits, a neighbour's own loop keeps nine tenths of its pace.
Run by scripts/vm-test alone.

There is a processor for each of the two: attacks have `cpu: 0.5`, and the small `cpu-weight` of something that may wait, because the
kernel may put some of many processes beside the neighbour. All the time, alone or not, a filler with the least weight there is keeps both
processors busy: an emulated processor becomes slower when the other one has to be emulated, too, which is not the attack's doing.

An emulated machine is disturbed by whatever its host does, mostly for seconds. So the attack is frozen and let go in turns, three tenths of
a second each, and what the neighbour did beside it is compared with what it did in the turns between, two attacks together.
If that is not enough, the host was busy or the attack is to blame: it is tried five times more, and counts if it is enough then. An attack that
really takes from the neighbour takes it each time."""

import bisect
import struct
import time

import case
import delegation
from limited import agent, cgroup, go, has_ended, nothing_left, number

ATTACKS, TRIES, TURN, KEPT = 2, 6, 0.3, 0.9
# Seconds before another try: what disturbs the host is mostly gone by then.
PAUSE = 3
# How many turns an attack gets: one that is held, and one that is to reach its limit meanwhile.
HOLDING, ENDING = 6, 12
HELD = {"cpu": 0.5, "cpu-weight": 20}


class Pace:
    """The table that the neighbour writes."""

    def __init__(self, path):
        data = path.read_bytes()
        rows = list(struct.iter_unpack("qq", data[16 : 16 * (struct.unpack_from("q", data)[0] + 1)]))
        self.times, self.rounds = [row[0] / 1e9 for row in rows], [row[1] for row in rows]

    def at(self, when):
        """How many rounds it had done, in between as if it were steady."""
        row = min(max(bisect.bisect(self.times, when), 1), len(self.times) - 1)
        part = (when - self.times[row - 1]) / (self.times[row] - self.times[row - 1])
        return self.rounds[row - 1] + part * (self.rounds[row] - self.rounds[row - 1])

    def mean(self, turns):
        """Rounds a second in all of these turns."""
        return sum(self.at(end) - self.at(begin) for begin, end in turns) / sum(end - begin for begin, end in turns)


def in_turns(t, name, project, attack, task, limits, reason):
    """One attack: when it was frozen, and when it was let go."""
    directory = agent(t, name, f"read _ <go; {task}", limits, *attack, project=project)
    group, frozen, free = cgroup(t, name, project), [], []
    go(directory)
    try:
        for _ in range(ENDING if reason else HOLDING):
            for turns, state in ((frozen, "1"), (free, "0")):
                (group / "cgroup.freeze").write_text(state)
                begun = time.monotonic()
                time.sleep(TURN)
                turns.append((begun, time.monotonic()))
    except OSError:
        assert reason and not group.exists(), "only one that ends by a limit is gone before it is stopped"
    if group.exists():
        # What needs longer to reach its limit is let go until it does.
        (group / "cgroup.freeze").write_text("0")
        if not reason:
            t.cloche("stop", "--kill", name, cwd=project)
    if reason:
        has_ended(t, name, project, reason, 137)
    return frozen[: len(free)], free


def kept(t, attack, task, limits, reason=None, tries=TRIES):
    """Which part of its pace the neighbour keeps beside this attack."""
    delegation.needs_delegation(t)
    project, best = t.repository(), 0
    agent(t, "filler", "exec ./spin 2", {"cpu-weight": 1}, "spin", project=project)
    table = agent(t, "neighbour", "exec ./pace", {"memory": "64MiB"}, "pace", project=project) / "table"
    t.wait_until(lambda: number(table) > 10, "the neighbour works")
    for turn in range(tries):
        time.sleep(PAUSE if turn else 0)
        frozen, free = [], []
        for one in range(ATTACKS):
            more = in_turns(t, f"a{turn}{one}", project, attack, task, limits, reason)
            frozen, free = frozen + more[0], free + more[1]
        pace = Pace(table)
        alone, beside = pace.mean(frozen), pace.mean(free)
        best = max(best, beside / alone)
        print(f"# alone {alone:.0f}, beside the attack {beside:.0f} rounds a second: {100 * beside / alone:.0f} %, {len(free)} turns")
        if best >= KEPT:
            break
    nothing_left(t, project)
    return best


@case.serial
def test_a_neighbour_of_a_memory_bomb(t):
    task = "exec ./memory anonymous 96 0"
    assert kept(t, ["memory"], task, HELD | {"memory": "48MiB"}, "memory") >= KEPT


@case.serial
def test_a_neighbour_of_a_bomb_in_tmp(t):
    task = "exec ./memory file:/tmp/bomb 96 0"
    assert kept(t, ["memory"], task, HELD | {"memory": "48MiB"}, "memory") >= KEPT


@case.serial
def test_a_neighbour_of_a_memfd_bomb(t):
    task = "exec ./memory memfd 96 0"
    assert kept(t, ["memory"], task, HELD | {"memory": "48MiB"}, "memory") >= KEPT


@case.serial
def test_a_neighbour_of_dirty_page_cache(t):
    task = "exec ./memory cache:big 100000 0"
    assert kept(t, ["memory"], task, HELD | {"memory": "64MiB", "io-write": "20MiB/s"}) >= KEPT


@case.serial
def test_a_neighbour_of_a_fork_bomb(t):
    assert kept(t, ["breed"], "exec ./breed 1000 spin", HELD | {"processes": 60}) >= KEPT


@case.serial
def test_a_neighbour_of_spinning_processes(t):
    assert kept(t, ["spin"], "exec ./spin 8", HELD) >= KEPT


@case.serial
def test_a_neighbour_of_a_disk_filler(t):
    limits = HELD | {"disk": "32MiB", "io-write": "20MiB/s", "memory": "128MiB"}
    assert kept(t, ["fill"], "exec ./fill bytes . 2000", limits, "disk") >= KEPT


@case.serial
def test_a_neighbour_of_a_terminal_flood(t):
    assert kept(t, ["flood"], "exec ./flood 200000", HELD | {"output": "16MiB"}, "output") >= KEPT


@case.serial
def test_a_neighbour_of_many_starts(t):
    # Part of what a process costs is paid after its end, by the kernel's own threads, and counted for nobody; in an emulated machine
    # that is much. What holds it is `limits.process-starts`.
    assert kept(t, ["respawn"], "exec ./respawn 1000000", HELD | {"cpu": 0.25}) >= 0.7


@case.serial
def test_without_a_limit_a_neighbour_falls_behind(t):
    """The control: what is measured is the attack's doing."""
    assert kept(t, ["spin"], "exec ./spin 8", {"cpu-weight": 1000}, tries=1) < 0.8
