"""Shared directories: what agents exchange by them, and what they cannot do to each other through them. Each attempt that
must fail has a control: outside a share, where it is allowed, or in a build without the layer that refuses it."""

import json
import os
import pathlib

from test_isolation import probe

# Tries everything that would make more of a share than content, in one sandbox. `/shared/notes` is writable.
ATTEMPTS = """
import socket
answer = {}
share, home = "/shared/notes", "/home/agent"
open(home + "/own", "w").write("own")
open(share + "/file", "w").write("shared")
def bound(path):
    return attempt(socket.socket(socket.AF_UNIX).bind, path)
def by_descriptor(source, target):
    # linkat(2) of what is open: AT_FDCWD, AT_SYMLINK_FOLLOW.
    fd = os.open(source, os.O_RDONLY)
    return call(265, -100, ctypes.c_char_p(b"/proc/self/fd/%d" % fd), -100, ctypes.c_char_p(target.encode()), 0x400)
for place in (share, home):
    name = place.split("/")[-1]
    answer["fifo " + name] = attempt(os.mkfifo, place + "/fifo")
    answer["socket " + name] = bound(place + "/socket")
    answer["link " + name] = attempt(os.symlink, home + "/own", place + "/made")
    answer["device " + name] = attempt(os.mknod, place + "/device", 0o020666, os.makedev(1, 3))
answer["set-id"] = attempt(os.chmod, share + "/file", 0o4755)
answer["hard link in"] = attempt(os.link, home + "/own", share + "/own")
answer["hard link out"] = attempt(os.link, share + "/file", home + "/file")
answer["hard link by descriptor"] = by_descriptor(home + "/own", share + "/opened")
answer["hard link out by descriptor"] = by_descriptor(share + "/file", home + "/opened")
answer["rename out"] = attempt(os.rename, share + "/file", home + "/moved")
answer["hard link within"] = attempt(os.link, share + "/file", share + "/second")
answer["hard link within by descriptor"] = by_descriptor(share + "/file", share + "/third")
"""

# Follows links that somebody has put into a share: as the last component, on the way, for writing.
FOLLOW = """
answer = {}
open("/home/agent/own", "w").write("own")
os.makedirs("/home/agent/below", exist_ok=True)
share = "/shared/notes"
answer["read"] = attempt(lambda: open(share + "/link").read())
answer["write"] = attempt(lambda: open(share + "/link", "w").write("changed"))
answer["on the way"] = attempt(lambda: open(share + "/way/new", "w").write("x"))
answer["list"] = attempt(os.listdir, share + "/way")
answer["text"] = os.readlink(share + "/link")
answer["own"] = open("/home/agent/own").read()
answer["same outside the share"] = attempt(lambda: (os.symlink("own", "/home/agent/link"), open("/home/agent/link").read()))
"""


def share(t, name, cwd):
    (found,) = [entry for entry in t.json("share", "list", cwd=cwd) if entry["name"] == name]
    return found


def place(t, name, cwd):
    return pathlib.Path(share(t, name, cwd)["path"])


def events(t, name, kind, cwd):
    lines = t.cloche("audit", name, "--json", "--kind", kind, cwd=cwd).out.splitlines()
    return [json.loads(line) for line in lines]


def test_agents_exchange_content(t):
    project = t.repository()
    t.cloche("share", "create", "notes", cwd=project)
    t.start("a", "echo found > /shared/notes/one; sleep 1000", "--share", "notes:rw", cwd=project)
    files = place(t, "notes", project)
    t.wait_until(lambda: (files / "one").exists() and (files / "one").read_text() == "found\n", "a wrote")
    task = "cat /shared/notes/one > seen; echo no > /shared/notes/two; echo no > /shared/notes/one; mkdir /shared/x; true"
    t.run_task("b", task, "--share", "notes", cwd=project)
    assert (t.workspace("b", project) / "seen").read_text() == "found\n"
    assert sorted(os.listdir(files)) == ["one"] and (files / "one").read_text() == "found\n"
    # Another that may write changes what the first made, and on disk all is its owner's.
    t.run_task("c", "echo more >> /shared/notes/one && mv /shared/notes/one /shared/notes/two", "--share", "notes:rw", cwd=project)
    assert (files / "two").read_text() == "found\nmore\n" and (files / "two").stat().st_uid == os.getuid()
    listed = share(t, "notes", project)
    assert listed["agents"] == {"a": "rw", "b": "ro", "c": "rw"} and listed["size-limit"] == 1 << 30, listed
    # An agent without it sees nothing of it.
    t.run_task("d", "ls /shared > seen 2>&1; true", cwd=project)
    assert "No such file" in (t.workspace("d", project) / "seen").read_text()


def test_a_share_is_kept_while_it_is_needed(t):
    project = t.repository()
    assert "no shared directory named notes" in t.start("a", "true", "--share", "notes", cwd=project, check=False).err
    assert t.agents(project) == {}
    t.cloche("share", "create", "notes", "--size", "1MiB", "--files", "5", cwd=project)
    assert "exists already" in t.cloche("share", "create", "notes", cwd=project, check=False).err
    for name in ("..", "a/b", "a.b", ""):
        assert "not a name" in t.cloche("share", "create", name, cwd=project, check=2).err
    assert "ro, append or rw" in t.start("a", "true", "--share", "notes:all", cwd=project, check=2).err
    # The name is no agent's, whatever agents are called.
    t.run_task("shares", "true", "--share", "notes", cwd=project)
    assert "agent shares has the shared directory" in t.cloche("share", "delete", "notes", cwd=project, check=False).err
    t.run_task("second", "true", "--share", "notes", cwd=project)
    assert "agents have the shared directory notes: second, shares" in t.cloche("share", "delete", "notes", cwd=project, check=False).err
    t.cloche("delete", "shares", "second", "--force", cwd=project)
    t.cloche("share", "add", "notes", "file", input="x", cwd=project)
    assert "has files in it" in t.cloche("share", "delete", "notes", cwd=project, check=False).err
    t.run_task("b", "true", "--share", "notes", cwd=project)
    t.cloche("share", "delete", "--force", "notes", cwd=project)
    assert t.json("share", "list", cwd=project) == []
    assert [event["action"] for event in events(t, "b", "share-grant", project)] == ["granted", "deleted"]
    assert "no shared directory named notes" in t.cloche("resume", "b", cwd=project, check=False).err
    t.cloche("audit", "verify", "b", cwd=project)


def test_adding_goes_to_the_end_and_through_no_link(t):
    project = t.repository()
    t.cloche("share", "create", "log", "--size", "64KiB", "--files", "20", cwd=project)
    files = place(t, "log", project)
    task = "echo no >> /shared/log/lines; mkdir /shared/log/x; touch ready; while ! grep -q two /shared/log/lines; do sleep 0.1; done; touch seen; sleep 1000"
    t.start("a", task, "--share", "log:append", cwd=project)
    t.wait_until(lambda: (t.workspace("a", project) / "ready").exists(), "it has tried")
    assert os.listdir(files) == []
    t.cloche("share", "add", "log", "lines", input="one\n", cwd=project)
    (t.dir / "more").write_text("two\n")
    t.cloche("share", "add", "log", "lines", "--from", t.dir / "more", cwd=project)
    t.wait_until(lambda: (t.workspace("a", project) / "seen").exists(), "it sees what was added")
    assert (files / "lines").read_text() == "one\ntwo\n"
    # A text is a line, as inside.
    t.cloche("share", "add", "log", "text", "two", "words", cwd=project)
    t.cloche("share", "add", "log", "text", "-", input="three\n", cwd=project)
    assert (files / "text").read_text() == "two words\nthree\n"
    (files / "text").unlink()
    assert t.json("share", "list", cwd=project)[0]["created"].startswith("20")
    (files / "link").symlink_to("/etc/hostname" if os.getuid() else t.dir / "more")
    (files / "way").symlink_to(t.dir)
    os.mkfifo(files / "pipe")
    for path in ("link", "way/more", "pipe", "../share.json", "/etc/passwd", "a/../b", "", "new\nline", "none/file"):
        t.cloche("share", "add", "log", path, input="x", cwd=project, check=2)
    assert (t.dir / "more").read_text() == "two\n" and sorted(os.listdir(files)) == ["lines", "link", "pipe", "way"]
    assert "is full" in t.cloche("share", "add", "log", "lines", input="x" * 65536, cwd=project, check=False).err
    assert (files / "lines").read_text() == "one\ntwo\n"


def test_nothing_but_content_goes_into_a_share(t):
    t.cloche("share", "create", "notes", cwd=t.dir)
    answer = probe(t, ATTEMPTS, "--share", "notes:rw", cwd=t.dir)
    refused = {"fifo", "socket", "link"}
    assert all(answer[f"{what} notes"] == "EACCES" for what in refused), answer
    # The control: in its own home, it makes each.
    assert all(answer[f"{what} agent"] == "ok" for what in refused), answer
    assert answer["device notes"] in ("EPERM", "EACCES") and answer["set-id"] == "EPERM", answer
    for what in ("hard link in", "hard link out", "hard link by descriptor", "hard link out by descriptor", "rename out"):
        assert answer[what] == "EXDEV", (what, answer)
    assert answer["hard link within"] == "ok" and answer["hard link within by descriptor"] == "ok", answer
    files = place(t, "notes", t.dir)
    assert sorted(os.listdir(files)) == ["file", "second", "third"], os.listdir(files)
    # Without the fence, sockets and FIFOs are made: nothing else keeps them away.
    t.without("landlock", "self-check")
    answer = probe(t, ATTEMPTS, "--share", "notes:rw", cwd=t.dir)
    assert all(answer[f"{what} notes"] == "ok" for what in refused), answer
    # Hard links stay within by the mount alone.
    assert answer["hard link in"] == "EXDEV" and answer["hard link out by descriptor"] == "EXDEV", answer


def test_links_in_a_share_lead_nowhere(t):
    t.cloche("share", "create", "notes", cwd=t.dir)
    files = place(t, "notes", t.dir)
    # Such as an agent could have made before there was a fence, or its user by hand.
    (files / "link").symlink_to("/home/agent/own")
    (files / "way").symlink_to("/home/agent/below")
    answer = probe(t, FOLLOW, "--share", "notes:rw", cwd=t.dir)
    assert all(answer[what] == "ELOOP" for what in ("read", "write", "on the way", "list")), answer
    assert answer["text"] == "/home/agent/own" and answer["own"] == "own", answer
    assert answer["same outside the share"] == "ok", answer
    # Without the flag the self-check refuses the start and names the mount; without both, links are followed.
    t.without("nosymfollow")
    refused = t.cloche("run", "--profile", "shell", "--workspace", "none", "--share", "notes:rw", "--", "true", cwd=t.dir, check=None)
    assert refused.code != 0 and "mount /shared/notes: planned" in refused.err and "nosymfollow" in refused.err, refused
    t.without("nosymfollow", "self-check")
    answer = probe(t, FOLLOW, "--share", "notes:rw", cwd=t.dir)
    assert all(answer[what] == "ok" for what in ("read", "write", "on the way", "list")), answer
    assert answer["own"] == "changed", answer


def test_who_may_write_a_full_share_is_ended(t):
    project = t.repository()
    t.cloche("share", "create", "notes", "--size", "2MiB", cwd=project)
    t.cloche("share", "create", "many", "--files", "50", cwd=project)
    t.start("writer", "sleep 1000", "--share", "notes:rw", cwd=project)
    t.start("reader", "sleep 1000", "--share", "notes:ro", cwd=project)
    t.start("filler", "head -c 8M /dev/zero > /shared/notes/big; sleep 1000", "--share", "notes:rw", cwd=project)
    for name in ("writer", "filler"):
        ended = t.wait_ended(name, project)
        assert ended["state"] == "failed" and ended["end-reason"] == "share", ended
        assert "the shared directory notes" in ended["failure"] and "at most 2.0M may be" in ended["failure"], ended
    assert t.agents(project)["reader"]["state"] == "running"
    ended = t.run_task("counter", "for i in $(seq 100); do : > /shared/many/$i; done; sleep 1000", "--share", "many:rw", cwd=project)
    assert ended["end-reason"] == "share" and "at most 50 may be" in ended["failure"], ended


def test_changes_are_on_record(t):
    project = t.repository()
    t.cloche("share", "create", "notes", cwd=project)
    steps = "echo b > d/two; mv one d/three; rm d/two; printf x > 'd/a\033[2Jb'; for i in $(seq 100); do echo > many-$i; done"
    wait = "while ! [ -e /workspace/go ]; do sleep 0.1; done"
    t.start("a", f"cd /shared/notes; echo a > one; mkdir d; {wait}; {steps}", "--share", "notes:rw", cwd=project)
    # What happens in a directory before it is watched is not told step by step.
    t.wait_until(lambda: len(events(t, "a", "share", project)) >= 2, "the first changes are on record")
    (t.workspace("a", project) / "go").write_text("")
    t.wait_ended("a", project)
    (grant,) = events(t, "a", "share-grant", project)
    assert grant["name"] == "notes" and grant["mode"] == "rw" and grant["level"] == "security", grant
    found = events(t, "a", "share", project)
    told = {event["path"]: event for event in found if "path" in event}
    assert told["d/three"]["change"] == "renamed" and told["d/three"]["from"] == "one", told
    assert told["d"]["change"] == "created" and told["d/two"]["change"] == "deleted", told
    # All of it is one moment, of which so many paths are told.
    assert sum(event["count"] for event in found if event["change"] == "untold") > 50, found
    assert len(found) < 80, len(found)
    assert "\033" not in t.cloche("audit", "a", "--kind", "share", cwd=project).out
    t.cloche("audit", "verify", "a", cwd=project)
    # Whoever only reads has no changes of others on record.
    t.run_task("b", "cat /shared/notes/d/three", "--share", "notes", cwd=project)
    assert events(t, "b", "share", project) == []


def test_an_untrusted_project_grants_itself_nothing(t):
    project = t.repository()
    t.cloche("share", "create", "notes", cwd=project)
    (project / ".cloche").mkdir()
    (project / ".cloche/config.yaml").write_text("overrides: {shares: {notes: rw}}\n")
    assert "`shares.notes` gives the agent more" in t.start("a", "true", cwd=project, check=False).err
    t.cloche("config", "trust", cwd=project)
    t.run_task("a", "echo x > /shared/notes/file", cwd=project)
    assert (place(t, "notes", project) / "file").read_text() == "x\n"
