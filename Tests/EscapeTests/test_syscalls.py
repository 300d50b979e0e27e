"""What the kernel answers inside, call by call, against the table that `cloche profile syscalls` prints: all calls, all
families of sockets, all requests to a terminal, and the same with bits set that the kernel does not look at. Without
the filter the same attempts have other answers (the controls)."""

import errno
import re

import case

NUMBERS = range(601)
# The kernel's, written again, so that a number that is wrong in the program is not wrong here as well.
CONSTANTS = {
    "AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16, "SOCK_STREAM": 1, "SOCK_DGRAM": 2,
    "IPPROTO_ICMP": 1, "IPPROTO_TCP": 6, "IPPROTO_UDP": 17, "IPPROTO_ICMPV6": 58, "NETLINK_ROUTE": 0,
    "MSG_OOB": 1, "SOL_TCP": 6, "TCP_ULP": 31, "TIOCSTI": 0x5412, "TIOCLINUX": 0x541C, "TIOCSETD": 0x5423,
    "O_CREAT": 0o100, "O_TMPFILE": 0o20000000, "S_ISUID": 0o4000, "S_ISGID": 0o2000, "S_IFMT": 0o170000,
    "S_IFCHR": 0o020000, "S_IFBLK": 0o060000, "F_SETLEASE": 1024, "F_SETDELEG": 1040,
    "UNAME26": 0x20000, "ADDR_NO_RANDOMIZE": 0x40000,
    "CLONE_NEWNS": 0x20000, "CLONE_NEWCGROUP": 0x2000000, "CLONE_NEWUTS": 0x4000000, "CLONE_NEWIPC": 0x8000000,
    "CLONE_NEWUSER": 0x10000000, "CLONE_NEWPID": 0x20000000, "CLONE_NEWNET": 0x40000000,
}  # fmt: skip
PRCTL_OPTIONS = {
    "PR_SET_PDEATHSIG": 1, "PR_GET_PDEATHSIG": 2, "PR_GET_DUMPABLE": 3, "PR_SET_DUMPABLE": 4, "PR_GET_KEEPCAPS": 7,
    "PR_SET_KEEPCAPS": 8, "PR_GET_TIMING": 13, "PR_SET_TIMING": 14, "PR_SET_NAME": 15, "PR_GET_NAME": 16,
    "PR_GET_SECCOMP": 21, "PR_SET_SECCOMP": 22, "PR_CAPBSET_READ": 23, "PR_CAPBSET_DROP": 24, "PR_GET_TSC": 25,
    "PR_SET_TSC": 26, "PR_GET_SECUREBITS": 27, "PR_SET_SECUREBITS": 28, "PR_SET_TIMERSLACK": 29,
    "PR_GET_TIMERSLACK": 30, "PR_SET_CHILD_SUBREAPER": 36, "PR_GET_CHILD_SUBREAPER": 37, "PR_SET_NO_NEW_PRIVS": 38,
    "PR_GET_NO_NEW_PRIVS": 39, "PR_SET_THP_DISABLE": 41, "PR_GET_THP_DISABLE": 42, "PR_CAP_AMBIENT": 47,
    "PR_SVE_SET_VL": 50, "PR_SVE_GET_VL": 51, "PR_GET_SPECULATION_CTRL": 52, "PR_SET_SPECULATION_CTRL": 53,
    "PR_PAC_RESET_KEYS": 54, "PR_SET_TAGGED_ADDR_CTRL": 55, "PR_GET_TAGGED_ADDR_CTRL": 56,
    "PR_PAC_SET_ENABLED_KEYS": 60, "PR_PAC_GET_ENABLED_KEYS": 61, "PR_SME_SET_VL": 63, "PR_SME_GET_VL": 64,
    "PR_SET_MDWE": 65, "PR_GET_MDWE": 66, "PR_GET_SHADOW_STACK_STATUS": 74, "PR_SET_SHADOW_STACK_STATUS": 75,
    "PR_LOCK_SHADOW_STACK_STATUS": 76, "PR_SET_VMA": 0x53564D41,
}  # fmt: skip
CONSTANTS |= PRCTL_OPTIONS
SOCKET, SOCKETPAIR, IOCTL, CLONE, PRCTL = 41, 53, 16, 56, 157
TIOCSTI, TIOCLINUX, TIOCCONS, TIOCSETD, TIOCVHANGUP, TIOCSLCKTRMIOS = 0x5412, 0x541C, 0x541D, 0x5423, 0x5437, 0x5457
GARBAGE = 0xDEADBEEF << 32

# The kernel itself lets these past every filter: they are for its own trampolines, and refuse other callers.
PAST_EVERY_FILTER = {335: "signal 4", 336: f"errno {errno.ENXIO}"}
# What the sandbox answers by other means than the filter.
EXPLAINED = {
    "setuid": (errno.EINVAL, "user 0 is no user of the sandbox"),
    "setgid": (errno.EINVAL, "group 0 is no group of the sandbox"),
    "setreuid": (errno.EINVAL, "the same"),
    "setregid": (errno.EINVAL, "the same"),
    "setresuid": (errno.EINVAL, "the same"),
    "setresgid": (errno.EINVAL, "the same"),
    "setgroups": (errno.EPERM, "no capability"),
    "landlock_restrict_self": (errno.EBADF, "inside, every process has no_new_privs, which is asked for first"),
    "seccomp": (errno.EINVAL, "operation 0 is the strict mode, which a process with a filter cannot have"),
}


def table(t):
    """The rows by number, and the answer to every other number."""
    answer = t.json("profile", "syscalls", "shell")
    return {row["number"]: row for row in answer["calls"]}, answer["others"]


def value(text):
    """A number or constants of a condition."""
    return sum(CONSTANTS[word] if word in CONSTANTS else int(word, 0) for word in text.split("|"))


def holds(condition, arguments):
    """Whether a condition of the table holds; a reading of its own, and not the program's."""
    for test in condition.split(" and "):
        match = re.fullmatch(r"(low32\()?arg(\d)\)?(?: & (\S+))?(?: (==|<|>|in) (.*))?", test)
        low, index, mask, relation, right = match.groups()
        left = arguments[int(index)] if int(index) < len(arguments) else 0
        left &= 0xFFFFFFFF if low else 0xFFFFFFFFFFFFFFFF
        left &= value(mask) if mask else left
        values = [value(word.strip()) for word in right.strip("()").split(",")] if right else []
        if not {
            None: left != 0,
            "==": [left] == values,
            "in": left in values,
            "<": bool(values) and left < values[0],
            ">": bool(values) and left > values[0],
        }[relation]:
            return False
    return True


def name(error):
    return f"errno {getattr(errno, error)}"


def declared(row, arguments):
    """What the table says of a call: an answer, or None where the filter lets it through."""
    if row["answer"] != "allow" and not any(holds(when, arguments) for when in row.get("allow-when", [])):
        return name(row["answer"])
    for refusal in row["refuse-when"]:
        if holds(refusal["when"], arguments):
            return name(refusal["answer"])
    return None


def requests(calls):
    return "".join(" ".join(f"{word:x}" for word in call) + "\n" for call in calls)


def outside(t, attack, mode, calls):
    calls = list(calls)
    answers = t.command(attack, mode, input=requests(calls)).out.splitlines()
    assert len(answers) == len(calls), answers[-3:]
    return dict(zip(calls, answers))


def inside(t, attack, mode, calls, *options):
    calls = list(calls)
    bind = f"filesystem.binds=[{{source: {attack}, target: /attack}}]"
    words = ("run", "--profile", "shell", "--workspace", "none", "--set", bind, *options, "--", "/attack", mode)
    answers = t.cloche(*words, input=requests(calls), timeout=100).out.splitlines()
    assert len(answers) == len(calls), answers[-3:]
    return dict(zip(calls, answers))


def same(found, wanted, rows=None):
    """Every difference at once, with the names of the calls."""
    names = {number: row["name"] for number, row in (rows or {}).items()}
    wrong = {
        f"{names.get(call[0], '')} {' '.join(map(hex, call))}": (found[call], wanted[call])
        for call in wanted
        if found[call] != wanted[call]
    }
    assert not wrong, f"{len(wrong)} calls: (answered, wanted) {dict(list(wrong.items())[:20])}"


def other_numbers(t, attack, rows, others):
    """Calls whose answer is the table's, whatever the sandbox is otherwise."""
    wanted = {}
    for number in NUMBERS:
        row = rows.get(number)
        answer = declared(row, []) if row else name(others)
        if answer is not None:
            wanted[(number,)] = PAST_EVERY_FILTER.get(number, answer)
    return wanted


def test_every_call_has_the_declared_answer(t):
    attack = t.attack("sweep")
    rows, others = table(t)
    wanted = other_numbers(t, attack, rows, others)
    assert len(wanted) > 250, "the table refuses too little for this test to be about it"
    allowed = [(number,) for number in NUMBERS if (number,) not in wanted]
    wanted |= outside(t, attack, "process", allowed)
    for number, row in rows.items():
        if row["name"] in EXPLAINED and (number,) in allowed:
            wanted[(number,)] = f"errno {EXPLAINED[row['name']][0]}"
    found = inside(t, attack, "process", [(number,) for number in NUMBERS])
    same(found, wanted, rows)


def test_the_numbers_upper_half_changes_nothing(t):
    attack = t.attack("sweep")
    rows, others = table(t)
    wanted = other_numbers(t, attack, rows, others)
    found = inside(t, attack, "process", [(number | GARBAGE,) for (number,) in wanted])
    same({(number,): found[(number | GARBAGE,)] for (number,) in wanted}, wanted, rows)


def test_without_the_filter_refused_calls_have_other_answers(t):
    attack = t.attack("sweep")
    rows, others = table(t)
    wanted = other_numbers(t, attack, rows, others)
    t.without("seccomp", "self-check")
    found = inside(t, attack, "process", wanted)
    changed = {rows[call[0]]["name"] for call in wanted if call[0] in rows and found[call] != wanted[call]}
    needed = {"ptrace", "unshare", "io_uring_setup", "clone3", "openat2", "adjtimex", "keyctl", "process_vm_readv"}
    assert needed <= changed, f"the same without the filter: {needed - changed}"


def test_x32_and_foreign_numbers_end_the_process(t):
    attack = t.attack("sweep")
    calls = [(0x40000000 | number,) for number in range(0, 601, 7)] + [(0x7FFFFFFF,), (0x80000000,), (0xFFFFFFFE,)]
    found = inside(t, attack, "process", [*calls, (0xFFFFFFFF,)])
    same(found, dict.fromkeys(calls, "signal 31") | {(0xFFFFFFFF,): name("ENOSYS")})
    t.without("seccomp", "self-check")
    assert "signal 31" not in inside(t, attack, "process", calls).values()


def socket_calls():
    """All families, types and the protocols of netlink; of the internet those that have code, and some more."""
    protocols = [0, 1, 2, 6, 17, 33, 41, 47, 50, 58, 115, 132, 136, 255, 262, 263]
    for family in range(65):
        for kind in [*range(16), 0x80801, 0x80803]:
            for protocol in range(32) if family == 16 else protocols:
                yield (SOCKET, family, kind, protocol)


@case.timeout(240)
def test_every_family_of_sockets(t):
    attack = t.attack("sweep")
    rows, _ = table(t)
    calls = list(socket_calls())
    wanted = {call: declared(rows[SOCKET], call[1:]) for call in calls}
    allowed = [call for call in calls if wanted[call] is None]
    assert {call[1] for call in allowed} == {1, 2, 10, 16}
    assert {call[3] for call in allowed if call[1] == 16} == {0}
    wanted |= outside(t, attack, "here", allowed)
    found = inside(t, attack, "here", calls)
    # A ping socket is for the groups of a sysctl, which is the network namespace's.
    pings = [call for call in allowed if call[1] in (2, 10) and call[3] in (1, 58)]
    assert all(found[call] in ("ok", name("EACCES")) for call in pings)
    same(found, wanted | {call: found[call] for call in pings})
    # The kernel takes int: no bit above changes an answer.
    filled = [(SOCKET, *(word | GARBAGE for word in call[1:])) for call in calls]
    above = inside(t, attack, "here", filled)
    same({call: above[full] for call, full in zip(calls, filled)}, found)
    pairs = [(SOCKETPAIR, family | high, 1, 0, 0) for family in range(65) for high in (0, GARBAGE)]
    found = inside(t, attack, "here", pairs)
    assert {call[1] & 0xFFFFFFFF for call in pairs if found[call] != name("EAFNOSUPPORT")} == {1}
    t.without("seccomp", "self-check")
    found = inside(t, attack, "here", calls)
    # Netfilter's netlink, a packet socket's refusal by capability, a pair of internet sockets.
    assert found[(SOCKET, 16, 3, 9)] == "ok"
    assert found[(SOCKET, 2, 3, 1)] == name("EPERM")
    # It would have written the descriptors.
    assert inside(t, attack, "here", [(SOCKETPAIR, 2, 1)])[(SOCKETPAIR, 2, 1)] == name("EFAULT")


def terminal_calls():
    return [(IOCTL, 0, 0x5400 | low, 0) for low in range(256)]


@case.timeout(240)
def test_every_request_to_a_terminal(t):
    attack = t.attack("sweep")
    rows, _ = table(t)
    calls = terminal_calls()
    wanted = {call: declared(rows[IOCTL], call[1:]) for call in calls}
    refused = {call[2] for call in calls if wanted[call] is not None}
    assert refused == {TIOCSTI, TIOCLINUX, TIOCSETD}
    # These need a capability. Root has it outside, where they would take the machine's console.
    privileged = [(IOCTL, 0, request, 0) for request in (TIOCCONS, TIOCVHANGUP, TIOCSLCKTRMIOS)]
    wanted |= outside(t, attack, "terminal", [call for call in calls if wanted[call] is None and call not in privileged])
    wanted |= {call: name("EPERM") for call in privileged}
    found = inside(t, attack, "terminal", calls)
    same(found, wanted)
    filled = [(IOCTL, 0, call[2] | GARBAGE, 0) for call in calls]
    above = inside(t, attack, "terminal", filled)
    same({call: above[full] for call, full in zip(calls, filled)}, found)
    t.without("seccomp", "self-check")
    free = inside(t, attack, "terminal", calls + filled)
    for request in (TIOCSTI, TIOCSTI | GARBAGE, TIOCSETD):
        # EFAULT: it would have read what it is to type.
        assert free[(IOCTL, 0, request, 0)] != name("EPERM"), hex(request)


@case.timeout(240)
def test_flags_of_clone_with_every_bit_above(t):
    attack = t.attack("sweep")
    flags = [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000]
    calls = [(CLONE, flag | high) for flag in flags for high in (0x11, 0x11 | GARBAGE, 0x11 | 1 << 63)]
    same(inside(t, attack, "process", calls), dict.fromkeys(calls, name("EPERM")))
    nested = inside(t, attack, "process", calls, "--set", "syscalls.groups+=[nested-namespaces]")
    # A user namespace needs no privilege; whether there may be one is another layer's matter.
    assert nested[(CLONE, 0x10000011)] != name("EPERM")
    t.without("seccomp", "self-check")
    found = inside(t, attack, "process", calls)
    assert found[(CLONE, 0x10000011)] != name("EPERM"), found


def test_every_option_of_prctl(t):
    attack = t.attack("sweep")
    rows, _ = table(t)
    options = [*range(100), 0x53564D41, 0x59616D61]
    calls = [(PRCTL, option) for option in options]
    wanted = {call: declared(rows[PRCTL], call[1:]) for call in calls}
    allowed = [call for call in calls if wanted[call] is None]
    assert {call[1] for call in allowed} == set(PRCTL_OPTIONS.values())
    found = inside(t, attack, "process", calls)
    same(found, wanted | {call: found[call] for call in allowed})
    filled = [(PRCTL, option | GARBAGE) for option in options]
    above = inside(t, attack, "process", filled)
    same({call: above[full] for call, full in zip(calls, filled)}, found)
    # The kernel says EINVAL to zeros of some options itself; what the filter adds is seen in the others.
    assert found[(PRCTL, 16)] == name("EFAULT") and found[(PRCTL, 31)] == name("EINVAL")
    t.without("seccomp", "self-check")
    assert inside(t, attack, "process", [(PRCTL, 31)])[(PRCTL, 31)] == "ok"
