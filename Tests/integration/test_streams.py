"""Every recorded stream through a real agent: its program writes the stream, one client leaves, and what a fresh client
paints is read by libvterm, which must show the same as the supervisor's screen, place by place. And stills of screens."""

import os
import re
import time
import xml.etree.ElementTree

import case
import oracle

STREAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "TerminalScreenTests", "Streams")

# Writes each stream that is asked for on a clean screen, and says so when the screen has it: the screen answers in order.
PLAYER = r"""
import os, sys, termios, tty
tty.setraw(0)
open("done", "w").close()
while True:
    name = b""
    while not name.endswith(b"\r"):
        name += os.read(0, 1)
    with open("streams/" + name.decode().strip(), "rb") as file:
        data = b"\x1bc" + file.read() + b"\x1b[6n"
    asked = data.count(b"\x1b[6n")
    while data:
        data = data[os.write(1, data):]
    answer = b""
    while answer.count(b"R") < asked:
        answer += os.read(0, 1)
    with open("done", "w") as file:
        file.write(name.decode().strip())
"""

# What libvterm 0.1.4 shows otherwise although what is painted is right; the reasons are those of RestoredStreamTests.
KNOWN = {
    "torture-broken-text": [1],
    "torture-combining": [2, 3, 6],
    "torture-underlines": [0],
    "torture-wrap-and-5": [4],
}


def streams():
    """Name, columns and rows of each, those of one size together."""
    with open(os.path.join(STREAMS, "index.txt"), encoding="utf-8") as file:
        rows = [line.split("\t") for line in file]
    return sorted(((name, int(columns), int(rows)) for name, columns, rows, _ in rows), key=lambda row: row[1:])


class Client:
    """An attached client, and libvterm that reads what it writes."""

    def __init__(self, t, project, columns, rows):
        self.terminal = t.terminal("attach", "-q", "a", cwd=project, columns=columns, rows=rows)
        self.oracle = oracle.Oracle(columns, rows)
        self.written = b""

    def painted(self, report, known):
        """Waits until it shows the screen; what differs otherwise."""
        end = time.monotonic() + 10 * case.patience
        while True:
            self.terminal.seen = b""
            self.terminal.read(0.05)
            self.oracle.feed(self.terminal.seen)
            self.written += self.terminal.seen
            if b"\x1b[?2026l" not in self.written:
                assert time.monotonic() < end, f"nothing is painted: {self.written[-500:]!r}"
                continue
            found = oracle.differences(self.oracle, report)
            if list(found) == known or time.monotonic() > end:
                return found

    def leave(self):
        self.terminal.send(b"\x1dd")
        assert self.terminal.wait() == 0
        self.terminal.close()
        self.oracle.close()


def picture(report, text):
    """A picture is XML of a few elements that refer to nothing, and has the text of each line."""
    assert re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", text) is None
    root = xml.etree.ElementTree.fromstring(text)
    known = {"svg", "title", "g", "rect", "text", "path"}
    rows = {}
    for element in root.iter():
        assert element.tag.removeprefix("{http://www.w3.org/2000/svg}") in known, element.tag
        assert not any("href" in name or name.startswith("on") for name in element.attrib), element.attrib
        if element.tag.endswith("}text"):
            rows.setdefault((int(element.get("y")) - 14) // 19, []).append(element.text)
    for number, line in enumerate(report["lines"]):
        visible = "".join(run["text"] for run in line["runs"] if not re.match("0(;[1-7])*;8(;|$)", run["sgr"]))
        wanted = visible.replace(" ", "").replace("\ufffe", "\ufffd")
        assert "".join(rows.get(number, [])).replace(" ", "") == wanted, (number, rows.get(number), wanted)


@case.timeout(180)
def test_after_attaching_again_every_place_is_the_same(t):
    """Characters, colours, attributes and the cursor, of all recorded streams: before detaching and after attaching."""
    project = t.repository()
    (project / "player.py").write_text(PLAYER)
    (project / "streams").mkdir()
    for name, _, _ in streams():
        with open(os.path.join(STREAMS, name + ".stream"), "rb") as file:
            (project / "streams" / name).write_bytes(file.read())
    t.start("a", "exec python3 player.py", "--workspace", f"dir:{project}", cwd=project)
    done = project / "done"
    t.wait_until(done.exists, "the player is ready")
    client, size, wrong = None, None, {}
    for name, columns, rows in streams():
        if size != (columns, rows):
            if client:
                client.leave()
            client, size = Client(t, project, columns, rows), (columns, rows)
            t.wait_until(lambda: t.json("look", "a", cwd=project)["columns"] == size[0], "it has the size")
        client.terminal.send(name + "\r")
        end = time.monotonic() + 20 * case.patience
        while not (done.read_text() == name):
            client.terminal.read(0.01)
            assert time.monotonic() < end, f"{name} was not played: {t.cloche('look', 'a', cwd=project).out}"
        before = t.json("look", "a", cwd=project)
        client.leave()
        client = Client(t, project, columns, rows)
        picture(before, t.cloche("look", "--svg", "-", "a", cwd=project).out)
        found = client.painted(before, KNOWN.get(name, []))
        if list(found) != KNOWN.get(name, []):
            wrong[name] = found
    client.leave()
    assert not wrong, "\n".join(f"{name}: {found}" for name, found in wrong.items())


def test_a_difference_of_one_place_is_seen(t):
    """The comparison above sees one letter's colour, and a cursor that is one column off."""
    report = {
        "lines": [{"runs": [{"text": "ab", "sgr": "0"}, {"text": "c", "sgr": "0;1;38;5;200"}]}],
        "cursor": {"row": 0, "column": 3},
    }
    for data, expected in [
        (b"ab\x1b[1;38;5;200mc", []), (b"ab\x1b[1;38;5;201mc", [0]), (b"ab\x1b[38;5;200mc", [0]),
        (b"ab\x1b[1;38;5;200mc\x1b[D", ["cursor"]), (b"a \x1b[1;38;5;200mc", [0]),
    ]:
        terminal = oracle.Oracle(10, 1)
        terminal.feed(data)
        assert list(oracle.differences(terminal, report)) == expected, data
        terminal.close()


def test_links_and_colours_of_underlines_are_painted_again(t):
    """A link to the web is there after attaching again, and in look; one to a file never was."""
    project = t.repository()
    words = [r"\033]8;id=7;https://example.org/a\033\\link\033]8;;\033\\", r"\033]8;;file:///etc/passwd\033\\no",
             r"\033[4:3;58:2::1:2:3munder\033[0m"]
    t.start("a", f"printf '{' '.join(words)}'; sleep 1000", cwd=project)
    t.wait_until(lambda: "under" in t.cloche("look", "a", cwd=project).out, "it is shown")
    runs = {run["text"]: run for run in t.json("look", "a", cwd=project)["lines"][0]["runs"]}
    assert runs["link"]["link"] == "https://example.org/a" and "link" not in runs[" no "], runs
    assert runs["under"]["sgr"] == "0;4:3;58:2::1:2:3", runs
    opened, closed = b"\x1b]8;id=7;https://example.org/a\x1b\\", b"\x1b]8;;\x1b\\"
    for _ in range(2):
        client = t.terminal("attach", "-q", "a", cwd=project)
        client.expect(re.escape(opened) + b"link" + re.escape(closed) + b" no .*58:2::1:2:3munder.*\x1b\\[\\?2026l")
        client.send(b"\x1dd")
        assert client.wait() == 0 and b"file:" not in client.seen
    ansi = t.cloche("look", "--ansi", "a", cwd=project).out
    assert "https://example.org/a\x1b\\" in ansi and "58:2::1:2:3m" in ansi and "file:" not in ansi, ansi


def test_stills_are_files(t):
    """look and replay make text, text with colours, SVG and PNG of a screen; a file that is there is left alone."""
    project = t.repository()
    hostile = r"printf '\033[31mred\033[0m </text><script>&\r\n'; sleep 2; echo later"
    t.run_task("a", hostile, cwd=project)
    for ending in ("txt", "ansi", "svg", "png"):
        t.cloche("replay", "--at", "0:01", "--still", f"then.{ending}", "a", cwd=project)
    text = (project / "then.txt").read_text()
    assert text.startswith("red </text><script>&\n") and "later" not in text, text
    assert (project / "then.ansi").read_bytes().startswith(b"\x1b[0;31mred\x1b[0m ")
    svg = (project / "then.svg").read_text()
    words = [element.text for element in xml.etree.ElementTree.fromstring(svg).iter() if element.tag.endswith("}text")]
    assert "red" in words and "</text><script>&" in words, words
    assert (project / "then.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    t.cloche("replay", "--still", "last.txt", "a", cwd=project)
    assert "later" in (project / "last.txt").read_text()
    assert "later" in t.cloche("look", "--svg", "-", "a", cwd=project).out
    t.cloche("look", "--png", "now.png", "a", cwd=project)
    before = (project / "now.png").read_bytes()
    again = t.cloche("look", "--png", "now.png", "a", cwd=project, check=False)
    assert again.code != 0 and "is there already" in again.err and (project / "now.png").read_bytes() == before
    unknown = t.cloche("replay", "--still", "then.gif", "a", cwd=project, check=False)
    assert unknown.code != 0 and ".svg" in unknown.err
    missing = t.cloche("look", "--png", "other.png", "a", cwd=project, check=False, env={"PATH": "/nowhere"})
    assert missing.code != 0 and "librsvg2-bin" in missing.err and "--svg" in missing.err, missing
    assert not (project / "other.png").exists()
