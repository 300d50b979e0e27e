"""What the kernel counts of a user as a whole, inside a sandbox and outside: a program that takes all it can get leaves
the user, other agents and Cloche enough. Root's sandboxes have a user of their own, and yet some of it counts for root."""

import os
import pathlib

# Takes what it can get, says how much, and holds it.
GREEDY = """
import array, ctypes, os, resource, signal, socket, sys, time
libc = ctypes.CDLL(None, use_errno=True)
taken = 0
if sys.argv[1] == "inotify":
    while libc.inotify_init() >= 0: taken += 1
elif sys.argv[1] == "signals":
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN + 1])
    while libc.sigqueue(os.getpid(), signal.SIGRTMIN + 1, None) == 0: taken += 1
elif sys.argv[1] == "queues":
    for i in range(200): libc.mq_open(b"/q%d" % i, os.O_CREAT | os.O_RDWR, 0o600, None)
elif sys.argv[1] == "descriptors":
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    held = []
    try:
        while taken < 100000:
            held.append(socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
            held[-1][0].sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [1] * 250))])
            taken += 250
    except OSError as error:
        print(error)
open("taken", "w").write(str(taken))
time.sleep(1000)
"""


# One of each, as any program of the user's takes it.
MODEST = """
import ctypes, os, signal
libc = ctypes.CDLL(None, use_errno=True)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN + 1])
assert libc.inotify_init() >= 0, "inotify"
assert libc.sigqueue(os.getpid(), signal.SIGRTMIN + 1, None) == 0, "signals"
assert libc.mq_open(b"/cloche-test-%d" % os.getpid(), os.O_CREAT | os.O_RDWR, 0o600, None) >= 0, "queues"
assert libc.mq_unlink(b"/cloche-test-%d" % os.getpid()) == 0
"""


def greedy(t, name, what, project):
    directory = t.dir / name
    directory.mkdir()
    (directory / "greedy.py").write_text(GREEDY)
    t.start(name, f"exec python3 greedy.py {what}", "--workspace", f"dir:{directory}", cwd=project)
    taken = directory / "taken"
    return int(t.wait_until(lambda: taken.exists() and taken.read_text(), f"{what} are taken", deadline=60))


def test_one_sandbox_leaves_enough_of_what_is_counted_by_user(t):
    project = t.repository()
    modest = t.dir / "modest.py"
    modest.write_text(MODEST)
    most = int(pathlib.Path("/proc/sys/user/max_inotify_instances").read_text())
    assert 0 < greedy(t, "a", "inotify", project) <= most // 4
    assert greedy(t, "b", "signals", project) > 0
    greedy(t, "c", "queues", project)
    t.command("/usr/bin/python3", str(modest))


def test_descriptors_in_flight_do_not_keep_cloche_from_passing_its_own(t):
    """The kernel lets a user have as many descriptors on their way as the one who sends may have open: with more of them
    than the user's soft limit, no command could be started in any sandbox of that user."""
    project = t.repository()
    t.start("other", "sleep 1000", cwd=project)
    assert greedy(t, "flood", "descriptors", project) > 1024
    limited = ["/bin/sh", "-c", 'ulimit -Sn 1024; exec "$0" "$@"']
    if os.getuid() != 0:
        # The control: a program that passes one with the usual limit cannot.
        code = "import socket; a, b = socket.socketpair(); socket.send_fds(a, [b'x'], [0])"
        refused = t.command(*limited, "/usr/bin/python3", "-c", code, check=None)
        assert "Too many references" in refused.err, refused
    for words in (["exec", "other", "--", "true"], ["exec", "flood", "--", "true"], ["run", "--workspace", "none", "--", "true"]):
        t.command(*limited, str(t.program), *words, cwd=project)
