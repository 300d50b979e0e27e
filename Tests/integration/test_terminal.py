"""Windows and the terminals before them. What the client writes is read by a second model of a terminal (pyte), and what
that shows is compared with what the supervisor says the screen shows."""

import os
import re
import signal
import time
import unicodedata

import case
import leaks
import pyte

DRAWING = r"""
import sys, time
out = sys.stdout.write
for number in range(30): out(f"line {number}\r\n")
out("\x1b[2J\x1b[H\x1b[1;31mred bold\x1b[0m plain \x1b[48;5;22mgreen behind\x1b[0m\r\n")
out("wide \u6f22\u5b57 and e\u0301 marks\r\n\x1b[7mreverse\x1b[0m \x1b[4munder\x1b[0m\r\n")
out("\x1b(0lqqk\r\nx  x\r\nmqqj\x1b(B\r\n")
out("\x1b[10;40Hfar away\x1b[12;1H\x1b[3mitalic\x1b[0m\x1b[5;20r\x1b[20;1Hlast of the region\n\nscrolled\x1b[r")
out("\x1b[15;7Hhere")
sys.stdout.flush()
time.sleep(1000)
"""


class Model:
    """A client's terminal: the program on a pty, and what its bytes look like."""

    def __init__(self, t, *arguments, cwd, columns=100, rows=30):
        self.terminal = t.terminal(*arguments, cwd=cwd, columns=columns, rows=rows)
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)

    def feed(self, seconds=0.0):
        """Takes in what comes; False when nothing did in that time."""
        self.terminal.seen = b""
        came = self.terminal.read(seconds)
        # Text of one character set is UTF-8, as the screen wrote it; private prefixes are unknown to pyte 0.8.
        self.stream.feed(without_unknown(self.terminal.seen))
        return came

    def shows(self, wanted, deadline=15):
        """Waits until the text is what is wanted: lines, without the blanks at their ends."""
        end = time.monotonic() + deadline * case.patience
        while self.text() != wanted:
            if not self.feed(0.1):
                assert time.monotonic() < end, f"shown:\n{show(self.text())}\nwanted:\n{show(wanted)}"

    def text(self):
        lines = []
        for row in range(self.screen.lines):
            line = self.screen.buffer[row]
            lines.append("".join(line[column].data for column in range(self.screen.columns)).rstrip())
        return lines

    def until(self, words, deadline=15):
        end = time.monotonic() + deadline * case.patience
        while words not in "\n".join(self.text()):
            if not self.feed(0.1):
                assert time.monotonic() < end, f"no {words!r} in\n{show(self.text())}"


def show(lines):
    return "\n".join(f"{number:3} {line!r}" for number, line in enumerate(lines) if line)


def without_unknown(data):
    """Sequences with a prefix that pyte takes for text: those of the kitty protocol and modifyOtherKeys."""
    return re.sub(rb"\x1b\[[<>=][0-9;]*[a-zA-Z]", b"", data)


def screen(t, name, project):
    report = t.json("look", name, cwd=project)
    return texts(report), (report["cursor"]["row"], report["cursor"]["column"])


def texts(report):
    """The lines without the blanks at their ends; pyte composes characters."""
    return [unicodedata.normalize("NFC", line["text"]).rstrip() for line in report["lines"]]


def drawn(t, project, name="a"):
    (project / "draw.py").write_text(DRAWING)
    t.start(name, "python3 draw.py", "--workspace", f"dir:{project}", cwd=project)
    t.wait_until(lambda: "here" in t.cloche("look", name, cwd=project).out, "it is drawn")


def same(model, t, project, name="a"):
    """Text, cursor and styles of the client's terminal are those of the screen."""
    report = t.json("look", name, cwd=project)
    model.shows(texts(report))
    assert (model.screen.cursor.y, model.screen.cursor.x) == (report["cursor"]["row"], report["cursor"]["column"])
    for row, line in enumerate(report["lines"]):
        column = 0
        for run in line["runs"]:
            numbers = run["sgr"].split(";")
            for character in run["text"]:
                if character == "\u0301":
                    continue
                cell = model.screen.buffer[row][column]
                assert cell.bold == ("1" in numbers[1:2]), (row, column, run, cell)
                assert cell.reverse == ("7" in numbers and "38" not in numbers and "48" not in numbers), (row, column, run)
                column += 2 if character in "\u6f22\u5b57" else 1


def test_attaching_paints_the_exact_screen(t):
    """The screen as it is, in one frame; after detaching and attaching again, and in a second terminal too."""
    project = t.repository()
    drawn(t, project)
    first = Model(t, "attach", "-q", "a", cwd=project, columns=120, rows=40)
    first.until("here")
    same(first, t, project)
    first.terminal.send(b"\x1dd")
    assert first.terminal.wait() == 0
    assert b"detached" in first.terminal.seen
    again = Model(t, "attach", "-q", "a", cwd=project, columns=120, rows=40)
    other = Model(t, "attach", "-q", "-r", "a", cwd=project, columns=120, rows=40)
    for model in (again, other):
        model.until("here")
        same(model, t, project)
        model.terminal.close()


def test_the_size_follows_who_types_and_others_see_a_part(t):
    """The window takes the size of the terminal that attaches or types; one of another size sees the part with the cursor,
    and dots where it is larger."""
    project = t.repository()
    drawn(t, project)
    wide = Model(t, "attach", "-q", "a", cwd=project, columns=100, rows=30)
    wide.until("here")
    viewer = Model(t, "attach", "-q", "-r", "a", cwd=project, columns=30, rows=10)
    viewer.until("here")
    lines, cursor = screen(t, "a", project)
    viewer.shows([line[:30].rstrip() for line in lines[cursor[0] - 9 : cursor[0] + 1]])
    large = Model(t, "attach", "-q", "-r", "a", cwd=project, columns=110, rows=33)
    large.until("here")
    wide_characters = [sum(character in "\u6f22\u5b57" for character in line) for line in lines]
    padded = [line.ljust(100 - more) + "·" * 10 for line, more in zip(lines, wide_characters)]
    large.shows(padded + ["·" * 110] * 3)
    narrow = Model(t, "attach", "-q", "a", cwd=project, columns=60, rows=20)
    narrow.until("here")
    report = t.json("look", "a", cwd=project)
    assert (report["columns"], report["rows"]) == (60, 20)
    wide.terminal.send("x")
    t.wait_until(lambda: t.json("look", "a", cwd=project)["columns"] == 100, "it has the size of who typed")
    for model in (wide, viewer, large, narrow):
        model.terminal.close()


def test_a_terminal_that_takes_nothing_holds_nobody_up(t):
    """A client that does not read: the program goes on, another client sees it end, and the first is shown the screen as
    it is as soon as it reads again."""
    project = t.repository()
    t.start("a", "read go; seq 200000; echo done; sleep 1000", cwd=project)
    stuck = Model(t, "attach", "-q", "a", cwd=project, columns=80, rows=24)
    stuck.feed(5)
    reader = Model(t, "attach", "-q", "-r", "a", cwd=project, columns=80, rows=24)
    reader.feed(5)
    stuck.terminal.send("\r")
    reader.until("done", 60)
    lines, _ = screen(t, "a", project)
    assert lines[-2] == "done", lines
    stuck.until("done")
    stuck.shows(lines)
    for model in (stuck, reader):
        model.terminal.close()


def test_a_terminal_can_be_taken_over(t):
    """--steal sends away who may type, not who watches."""
    project = t.repository()
    t.start("a", "cat", cwd=project)
    typist = t.terminal("attach", "a", cwd=project)
    watcher = Model(t, "attach", "-r", "-q", "a", cwd=project)
    typist.expect("detaches")
    thief = t.terminal("attach", "--steal", "a", cwd=project)
    typist.expect("another terminal has taken")
    assert typist.wait() == 0
    thief.send("mine\r")
    watcher.until("mine")
    watcher.terminal.send("not passed on\r")
    thief.send("\x1dd")
    assert thief.wait() == 0
    assert "not passed on" not in t.cloche("look", "a", cwd=project).out
    watcher.terminal.close()


def test_a_program_beside_has_a_window(t):
    """exec in a terminal opens a window; after detaching it goes on, and can be attached to; it ends with its program."""
    project = t.repository()
    t.start("a", "sleep 1000", cwd=project)
    first = t.terminal("exec", "a", "sh", "-c", "echo begun; read word; echo got $word; exit 7", cwd=project)
    first.expect("begun")
    assert [window["number"] for window in t.json("windows", "a", cwd=project)] == [0, 1]
    first.send("\x1dd")
    assert first.wait() == 0
    assert "begun" in t.cloche("look", "a:1", cwd=project).out
    second = t.terminal("attach", "-q", "a:1", cwd=project)
    second.expect("begun")
    second.send("it\r")
    second.expect("got it")
    second.expect("ended with exit code 7")
    assert second.wait() == 7
    assert [window["number"] for window in t.json("windows", "a", cwd=project)] == [0]
    refused = t.cloche("look", "a:1", cwd=project, check=None)
    assert refused.code != 0 and "no window 1" in refused.err, refused
    # One whose terminal is closed is hung up, as by any terminal.
    third = t.terminal("exec", "a", "sh", "-c", "echo begun; sleep 1000", cwd=project)
    third.expect("begun")
    third.close()
    t.wait_until(lambda: len(t.json("windows", "a", cwd=project)) == 1, "the window is gone")


def test_programs_learn_where_their_cursor_is(t):
    """A question for the cursor's place is answered from the screen, in the order of the questions."""
    project = t.repository()
    (project / "ask.py").write_text(
        "import sys, termios, tty\n"
        "tty.setraw(0)\n"
        "sys.stdout.write('\\x1b[5;9Hab\\x1b[6n\\x1b[c\\x1b[H\\x1b[6n\\x1b[5n'); sys.stdout.flush()\n"
        "answer = b''\n"
        "while not answer.endswith(b'\\x1b[0n'): answer += sys.stdin.buffer.raw.read(100)\n"
        "open('answer', 'wb').write(answer)\n"
    )
    t.start("a", "python3 ask.py", "--workspace", f"dir:{project}", cwd=project)
    t.cloche("wait", "a", "--timeout", "30s", cwd=project)
    assert (project / "answer").read_bytes() == b"\x1b[5;11R\x1b[?62;22c\x1b[1;1R\x1b[0n"


def test_the_last_screen_can_be_looked_at(t):
    """Also of an agent that has ended, and of one whose supervisor was killed."""
    project = t.repository()
    t.start("a", "printf '\\033[3;5Hthe end'; exit 3", cwd=project)
    t.cloche("wait", "a", cwd=project, check=3)
    assert t.cloche("look", "a", cwd=project).out == "\n\n    the end\n"
    t.start("b", "printf '\\033[2;2Hstill there'; sleep 1000", cwd=project)
    t.wait_until(lambda: "still there" in t.cloche("look", "b", cwd=project).out, "it is drawn")
    (supervisor,) = t.supervisors()
    os.kill(supervisor, signal.SIGKILL)
    t.wait_until(lambda: t.agents(project)["b"]["state"] == "lost", "it is lost")
    assert t.cloche("look", "b", cwd=project).out == "\n still there\n"


def test_the_hint_goes_away(t):
    """A line tells how to leave, and the screen is whole again when a key is typed, or after two seconds."""
    project = t.repository()
    drawn(t, project)
    model = Model(t, "attach", "a", cwd=project, columns=100, rows=30)
    model.until("ctrl-] d detaches")
    same_after = time.monotonic() + 10
    while "detaches" in "\n".join(model.text()):
        model.feed(0.1)
        assert time.monotonic() < same_after
    same(model, t, project)
    model.terminal.close()


def test_a_large_screen_can_be_looked_at(t):
    """What is too long for one message; and what would turn the order of the words around is escaped."""
    project = t.repository()
    t.start("a", "seq 30000; printf 'abc\\342\\200\\256def'; sleep 1000", cwd=project)
    t.wait_until(lambda: "def" in t.cloche("look", "a", cwd=project).out, "it is drawn")
    lines = t.cloche("look", "--scrollback", "a", cwd=project).out.splitlines()
    assert len(lines) > 9000 and lines[-2] == "30000" and lines[-1] == "abc\\u{202E}def", lines[-3:]
    assert t.cloche("look", "-n", "5000", "a", cwd=project).out.splitlines()[-1] == lines[-1]


def test_a_restart_ends_the_programs_beside(t):
    """Their terminals are told, and what was typed ahead or switched for the old harness is not the new one's."""
    project = t.repository()
    task = "if [ -e second ]; then echo again; cat; else touch second; printf '\\033[?2004h'; sleep 3; exit 1; fi"
    t.start("a", task, "--set", "restart=on-failure", cwd=project)
    beside = t.terminal("exec", "a", "sh", "-c", "echo beside; sleep 1000", cwd=project)
    beside.expect("beside")
    t.cloche("keys", "a", "typed", "ahead", cwd=project)
    assert beside.wait() == 137
    t.wait_until(lambda: "again" in t.cloche("look", "a", cwd=project).out, "it runs again")
    assert [window["number"] for window in t.json("windows", "a", cwd=project)] == [0]
    shown = t.cloche("look", "a", cwd=project).out
    assert "typed" not in shown.split("again")[1], shown
    assert not t.json("message", "a", "one\ntwo", cwd=project)["bracketed-paste"]


def test_hostile_sequences_cost_little(t):
    """A program that writes what is short to write and long to carry out does not keep others waiting."""
    project = t.repository()
    flood = "printf '\\033[4h'; while :; do printf 'x\\033[9999b%.0s' $(seq 500); done"
    t.start("a", flood, cwd=project)
    for _ in range(3):
        time.sleep(0.5)
        began = time.monotonic()
        t.cloche("look", "a", cwd=project)
        assert time.monotonic() - began < 5 * case.patience, time.monotonic() - began


def test_a_terminal_that_its_program_has_closed_costs_nothing(t):
    """A hang-up lasts: a supervisor that is woken by it again and again takes a whole processor."""
    project = t.repository()
    t.start("a", "echo ready; exec 0<&- 1>&- 2>&-; exec sleep 1000", cwd=project)
    t.cloche("wait", "a", "--for", "output:ready", "--since-start", cwd=project)
    (supervisor,) = t.supervisors()
    for what in ("closed", "typed into"):
        before, began = sum(leaks.processor_time(supervisor)), time.monotonic()
        time.sleep(1)
        share = (sum(leaks.processor_time(supervisor)) - before) / (time.monotonic() - began)
        assert share < 0.2, (what, share)
        t.cloche("keys", "a", "x", cwd=project)


def test_a_flood_is_shown_to_its_end(t):
    """While much is written a thread reads ahead: nothing is lost where it begins, ends, and begins again."""
    project = t.repository()
    flood = "seq 300000; sleep 0.1; echo between; seq 300000; echo the end; exit 3"
    assert t.run_task("a", flood, cwd=project)["exit-code"] == 3
    lines = t.cloche("logs", "a", cwd=project).out.splitlines()
    numbers = [str(number) for number in range(1, 300001)]
    middle = lines.index("between")
    assert lines[:middle] == numbers and lines[middle + 1 : -1] == numbers and lines[-1] == "the end"
