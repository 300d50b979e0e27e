"""Runs a command where something of the host is different: a full disk, a read-only place, a program missing.

Everything happens in a mount namespace of its own, so that the machine itself is never changed. Root makes
one directly; an ordinary user makes it together with a user namespace that maps only that user, and gives the
capabilities up again before the command starts.
"""

import ctypes
import os
import sys

CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_REC, MS_PRIVATE = 0x4000, 0x40000


def words(t, prepare, *command, user_namespace=False):
    """The words to run: the shell script `prepare`, then the command in the same place."""
    mode = "user" if user_namespace or os.getuid() != 0 else "mount"
    return [sys.executable, "-B", __file__, mode, prepare, *map(str, command)]


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def enter(mode):
    libc = ctypes.CDLL(None, use_errno=True)
    flags = CLONE_NEWNS | (CLONE_NEWUSER if mode == "user" else 0)
    uid, gid = os.getuid(), os.getgid()
    ready_read, ready_write = os.pipe()
    done_read, done_write = os.pipe()
    helper = 0
    if mode == "user":
        # A process outside writes the maps: root then maps every id, and not only its own.
        helper, target = os.fork(), os.getppid()
        if helper == 0:
            target = os.getppid()
            os.read(ready_read, 1)
            write(f"/proc/{target}/setgroups", "deny") if uid != 0 else None
            write(f"/proc/{target}/uid_map", "0 0 4294967295" if uid == 0 else f"{uid} {uid} 1")
            write(f"/proc/{target}/gid_map", "0 0 4294967295" if uid == 0 else f"{gid} {gid} 1")
            os.write(done_write, b".")
            os._exit(0)
    if libc.unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    if helper:
        os.write(ready_write, b".")
        os.read(done_read, 1)
        os.waitpid(helper, 0)
    if libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) != 0:
        raise OSError(ctypes.get_errno(), "mount / private")


def main():
    mode, prepare, *command = sys.argv[1:]
    enter(mode)
    if mode == "mount" or os.getuid() == 0:
        script = f"{prepare}\nexec \"$@\""
    else:
        # Ambient capabilities let an ordinary user's shell mount here; the command starts without them.
        keep_capabilities()
        script = f"{prepare}\nexec setpriv --ambient-caps -all --inh-caps -all -- \"$@\""
    os.execvp("sh", ["sh", "-ec", script, "sh", *command])


def keep_capabilities():
    """Makes the capabilities of the new namespace inheritable and ambient (capset(2), prctl(2))."""
    libc = ctypes.CDLL(None, use_errno=True)

    class Header(ctypes.Structure):
        _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]

    class Data(ctypes.Structure):
        _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]

    header, data = Header(0x20080522, 0), (Data * 2)()
    if libc.capget(ctypes.byref(header), data) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    for half in data:
        half.inheritable = half.permitted
    if libc.capset(ctypes.byref(header), data) != 0:
        raise OSError(ctypes.get_errno(), "capset")
    for capability in range(64):
        libc.prctl(47, 2, capability, 0, 0)  # PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE; unknown ones are refused


if __name__ == "__main__":
    main()
