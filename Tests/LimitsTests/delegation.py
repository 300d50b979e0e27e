"""Which controllers the kernel lets this user have, read without the program."""

import os
import pathlib

import case

HIERARCHY = pathlib.Path("/sys/fs/cgroup")


def mount():
    """Where the unified hierarchy is mounted, on a host that has the old ones, too."""
    rows = [line.split() for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
    return next((pathlib.Path(row[4]) for row in rows if row[row.index("-") + 1] == "cgroup2"), HIERARCHY)


# Without one of these, some limit is not the kernel's.
WANTED = {"memory", "pids", "cpu", "io"}


def user_manager():
    """The cgroup of this user's `systemd --user`, whether or not it is there."""
    user = os.getuid()
    return HIERARCHY / f"user.slice/user-{user}.slice/user@{user}.service"


def controllers():
    """The controllers of a cgroup that this user may divide: its manager's, or for root that of this process."""
    line = next((line for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::/")), "0::/")
    for place in [HIERARCHY / line[4:]] * (os.getuid() == 0) + [user_manager()]:
        try:
            found = (place / "cgroup.controllers").read_text().split()
        except OSError:
            continue
        if all(os.access(place / name, os.W_OK) for name in ("", "cgroup.procs", "cgroup.subtree_control")):
            return set(found)
    return set()


def needs_delegation(t, *wanted):
    """Skips the test where these controllers (all, when none is named) are not to be had; elsewhere connects it to the user's manager."""
    if missing := (set(wanted) or WANTED) - controllers():
        # A machine that promised them must not skip.
        assert not case.delegated, f"this machine should have delegated {missing}"
        raise case.Skip("no delegated controllers here")
    if address := os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        t.env = t.env | {"DBUS_SESSION_BUS_ADDRESS": address}
