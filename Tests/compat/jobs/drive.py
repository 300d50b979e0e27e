"""Types at an interactive bash on a pty and shows what it answers."""

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time

child, master = pty.fork()
if child == 0:
    os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], os.environ | {"PS1": "<ready>", "TERM": "dumb"})
fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 90, 0, 0))
seen = ""


def until(pattern):
    """Reads until the pattern comes, and forgets what was before its end."""
    global seen
    deadline = time.monotonic() + 30
    while not (match := re.search(pattern, seen)):
        if not select.select([master], [], [], max(0, deadline - time.monotonic()))[0]:
            raise SystemExit(f"{pattern!r} did not come, but {seen!r}")
        seen += os.read(master, 4096).decode()
    seen = seen[match.end() :]
    return match.group()


def until_foreground(name):
    """Waits until the terminal is the program's and the program is no longer the shell that forked for it."""
    deadline = time.monotonic() + 30
    while True:
        try:
            state = open(f"/proc/{os.tcgetpgrp(master)}/stat").read()
            if f"({name})" in state and ") T " not in state:
                return
        except FileNotFoundError:
            pass  # it ended in between
        if time.monotonic() > deadline:
            raise SystemExit(f"{name} is not in the foreground")
        time.sleep(0.01)


def send(text):
    os.write(master, text.encode())


until("<ready>")
send("stty size\n")
print(until(r"\d+ \d+\r\n").strip())
send("sleep 1000\n")
until("sleep 1000\r\n")
until_foreground("sleep")
send("\x1a")
print(until("Stopped"))
until("<ready>")
send("bg\n")
until("<ready>")
send("jobs\n")
print(until("Running"))
until("<ready>")
send("fg\n")
until("fg\r\nsleep 1000\r\n")
until_foreground("sleep")
send("\x03")
until("<ready>")
send("echo code $?\n")
print(until(r"code \d+"))
send("exit 5\n")
print("exit", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
