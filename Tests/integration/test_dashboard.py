"""The full-screen view of a project, on a pseudo-terminal whose bytes a second model of a terminal (pyte) reads."""

import os
import pathlib
import re
import signal
import termios
import time

import case
from test_terminal import Model

# Everything that the dashboard may write to a terminal: text, and these. Whatever is left of its bytes is an error.
ALLOWED = re.compile(
    rb"\x1b\[[0-9;]*[Hm]"  # places and styles
    rb"|\x1b\[2J|\x1b\[\?(?:1049|2026|25|1000|1006|2004)[hl]"
    # What leaves a terminal as a shell expects it.
    rb"|\x1b\[\?(?:9|1002|1003|1005|1015|1016|1004|1|5|12)l|\x1b\[\?7h|\x1b\[4l|\x1b[78>]|\x1b\[<99u|\x1b\[r|\x1b\[>4m"
    rb"|\x1b\]8;;\x1b\\|\x0f|\x1b[()]B|\x1b\[0 q|\r|\n"
)


class Dashboard(Model):
    def __init__(self, t, *arguments, cwd, columns=80, rows=24, env=None):
        super().__init__(t, *arguments, cwd=cwd, columns=columns, rows=rows)
        self.raw = b""

    def feed(self, seconds=0.0):
        came = super().feed(seconds)
        self.raw += self.terminal.seen
        return came

    def send(self, text):
        self.terminal.send(text)

    def gone(self, words, deadline=15):
        end = time.monotonic() + deadline * case.patience
        while words in "\n".join(self.text()):
            if not self.feed(0.1):
                assert time.monotonic() < end, f"still {words!r} in {self.text()}"

    def resize(self, columns, rows):
        self.screen.resize(rows, columns)
        self.terminal.resize(columns, rows)

    def leave(self):
        self.send("q")
        return self.end()

    def end(self):
        """The exit code; the terminal is as a shell expects it."""
        self.feed()
        self.terminal.seen = b""
        code = self.terminal.wait()
        self.raw += self.terminal.seen
        self.is_restored()
        return code

    def is_restored(self):
        settings = termios.tcgetattr(self.terminal.master)
        assert settings[3] & termios.ECHO and settings[3] & termios.ICANON and settings[3] & termios.ISIG, settings
        assert settings[1] & termios.OPOST, settings
        for mode in (b"1049", b"1000", b"1006", b"2004"):
            assert self.raw.rfind(b"\x1b[?" + mode + b"l") > self.raw.rfind(b"\x1b[?" + mode + b"h"), mode
        assert self.raw.rfind(b"\x1b[?25h") > self.raw.rfind(b"\x1b[?25l")

    def forbidden(self):
        rest = ALLOWED.sub(b"", self.raw).decode("utf-8")
        return sorted({c for c in rest if not c.isprintable()})


def two(t):
    """Two agents: `talker` shows what is typed, `teller` has said something in red."""
    project = t.repository()
    # What they show is not in their tasks, which are shown as well.
    t.start("talker", r"printf 'rea%s\r\n' dy; cat", cwd=project)
    t.start("teller", r"printf '\033[31mred %s\033[0m\r\n' words; sleep 1000", cwd=project)
    return project


def row_of(board, words):
    return next(number for number, line in enumerate(board.text()) if words in line)


def test_it_shows_agents_and_what_they_show(t):
    """`cloche` alone opens it; the selected agent's screen is there with its colours; nothing is drawn twice."""
    project = two(t)
    board = Dashboard(t, cwd=project)
    board.until("ready")
    text = board.text()
    assert "cloche  project" in text[0] and "2 agents" in text[0], text
    assert text[3].startswith("▌ talker") and text[4].startswith("  teller"), text
    assert "⏎ attach" in text[23] and "q quit" in text[23], text
    board.until("memory")
    board.send("j")
    board.until("red words")
    row = row_of(board, "red words")
    assert board.screen.buffer[row][1].fg == "red", board.screen.buffer[row][1]
    assert board.text()[4].startswith("▌ teller")
    board.send("\x1b[A")
    board.until("ready")
    board.send("/tell\r")
    board.gone("  talker")
    board.until("red words")
    board.send("\x1b")
    board.until("talker")
    assert board.leave() == 0
    assert board.raw.count(b"\x1b[2J") == 1, "the screen is cleared once"
    assert not board.forbidden(), board.forbidden()


def test_attaching_and_coming_back(t):
    """Enter attaches, the detach key comes back, and what was typed is in the preview; a double click attaches too."""
    project = two(t)
    board = Dashboard(t, cwd=project)
    board.until("ready")
    board.send("\r")
    board.until("ctrl-] d detaches")
    board.send("typed in the window\r")
    board.until("typed in the window")
    board.send(b"\x1dd")
    board.until("detached; talker goes on")
    board.until("typed in the window")
    assert board.text()[3].startswith("▌ talker")
    board.send("\x1b[<0;5;5M\x1b[<0;5;5m")
    board.until("red words")
    board.send("\x1b[<0;5;5M\x1b[<0;5;5m\x1b[<0;5;5M")
    board.until("ctrl-] d detaches")
    board.send(b"\x1dd")
    board.until("detached; teller goes on")
    assert board.leave() == 0


def test_a_message_arrives(t):
    """Typed and pasted, with line ends; Escape throws it away; keys in it are text."""
    project = two(t)
    board = Dashboard(t, cwd=project)
    board.until("ready")
    board.send("mq sy ")
    board.until("message to talker: q sy")
    board.send("\x1b[200~pasted\rlines\x1b[201~")
    board.until("pasted⏎lines")
    board.send("\r")
    board.until("typed into talker: 2 lines")
    board.until("q sy pasted lines")
    board.send("mnever")
    board.until("message to talker: never")
    board.send("\x1b")
    board.gone("message to")
    assert "never" not in t.cloche("look", "talker", cwd=project).out
    assert board.leave() == 0


def test_stopping_asks_and_other_keys_steer(t):
    project = two(t)
    board = Dashboard(t, cwd=project)
    board.until("ready")
    # Where nothing can freeze an agent, the dashboard says what `pause` says.
    refused = t.cloche("pause", "teller", cwd=project, check=None)
    board.send("p")
    if refused.code == 0:
        board.until("talker  ○ paused")
        board.send("p")
        board.gone("talker  ○ paused")
    else:
        board.until(refused.err.removeprefix("cloche: ").replace("teller", "talker")[:30])
    board.send("s")
    board.until("stop talker? y")
    board.send("n")
    board.gone("stop talker?")
    assert t.agents(project)["talker"]["state"] == "running"
    board.send("sy")
    board.until("talker stopped")
    board.until("its last screen")
    assert t.agents(project)["talker"]["state"] == "stopped"
    assert row_of(board, "▌ talker") > row_of(board, "teller  "), "those that have ended come last"
    board.send("m")
    board.until("talker does not run; r resumes it")
    board.send("r")
    t.wait_until(lambda: t.agents(project)["talker"]["state"] == "running", "it runs again")
    board.until("⏎ attach")
    board.send("?")
    board.until("any key goes back")
    board.send("x")
    board.gone("any key goes back")
    assert board.leave() == 0


def test_the_diff_is_in_the_pager(t):
    """$PAGER gets it made harmless, and the dashboard comes back."""
    project = t.repository()
    t.start("a", r"printf 'new \033]52;c;eA==\007 line\n' > added; sleep 1000", cwd=project)
    t.wait_until((t.workspace("a", project) / "added").exists, "it has written")
    t.env["PAGER"] = "sed s/^/PAGED:/"
    board = Dashboard(t, cwd=project)
    board.until("▌ a")
    board.send("d")
    board.until("PAGED:")
    board.until("Enter goes back")
    assert any("PAGED:" in line and "new ^[]52;c;eA==^G line" in line for line in board.text()), board.text()
    board.send("\r")
    board.until("▌ a")
    assert board.leave() == 0
    assert not board.forbidden(), board.forbidden()


def test_every_size(t):
    """Beside each other where it is wide, below each other where it is narrow, and words where there is no room."""
    project = two(t)
    board = Dashboard(t, cwd=project)
    board.until("ready")
    board.resize(200, 50)
    board.until("│── talker")
    board.until("│ ready")
    board.resize(30, 8)
    board.until("▌ talker")
    board.gone("│")
    board.resize(30, 2)
    board.until("talker: ")
    board.resize(1, 1)
    board.feed(0.5)
    board.resize(80, 24)
    board.until("ready")
    assert board.leave() == 0


def test_signals_and_suspension_restore_the_terminal(t):
    project = two(t)
    board = Dashboard(t, cwd=project)
    board.until("ready")
    board.send(b"\x1a")
    state = lambda: pathlib.Path(f"/proc/{board.terminal.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]  # noqa: E731
    t.wait_until(lambda: state() == "T", "it is stopped")
    board.feed(0.2)
    board.is_restored()
    os.kill(board.terminal.pid, signal.SIGCONT)
    t.wait_until(lambda: state() != "T", "it goes on")
    board.send("j")
    board.until("red words")
    os.kill(board.terminal.pid, signal.SIGTERM)
    assert board.end() == 128 + signal.SIGTERM
    # Also while another program has the terminal.
    other = Dashboard(t, cwd=project)
    other.until("ready")
    other.send("\r")
    other.until("ctrl-] d detaches")
    os.kill(other.terminal.pid, signal.SIGTERM)
    assert other.end() == 128 + signal.SIGTERM


def test_supervisors_that_hang_or_die_hold_nobody_up(t):
    """A stopped supervisor is said not to answer, and keys go on; one that was killed is lost."""
    project = t.repository()
    t.start("a", "echo first; sleep 1000", cwd=project)
    (supervisor,) = t.supervisors()
    t.start("b", "echo second; sleep 1000", cwd=project)
    board = Dashboard(t, cwd=project)
    board.until("first")
    os.kill(supervisor, signal.SIGSTOP)
    board.until("its supervisor does not answer")
    board.send("j")
    board.until("second")
    board.send("k")
    board.until("its supervisor does not answer")
    board.send("mhello\r")
    board.send("?")
    board.until("any key goes back")
    board.send("x")
    os.kill(supervisor, signal.SIGCONT)
    board.until("first")
    board.until("hello")
    os.kill(supervisor, signal.SIGKILL)
    board.until("✗ lost")
    assert board.leave() == 0


HOSTILE = r"""
import sys, time
out = sys.stdout.buffer.write
out(b"\x1b]52;c;aGVsbG8=\x07\x1b]0;title\x07\x1bP+q544e\x1b\\\x1b_Gi=1\x1b\\\x1b^pm\x1b\\\x1b[21t\x1b[6n\x1b[c")
out(b"\xc2\x9b31mc1\xc2\x9d52;c;x\xc2\x9c \x9b5n \x85 \xe2\x80\xae bidi \xf3\xa0\x81\x81 tag\r\n")
out(b"\x1b[?1000h\x1b[?2004h\x1b[?1049h\x1b[4h\x1b[5;5r\x1b[?25l\x0e\x1b(0lqk\x1b[20;1Hthe end")
sys.stdout.flush()
time.sleep(1000)
"""


def test_nothing_of_an_agent_drives_the_terminal(t):
    """Its output, its task, and the names that it asked for: only text comes out, in every mode."""
    project = t.repository()
    (project / "hostile.py").write_text(HOSTILE)
    task = "python3 hostile.py # \x1b]52;c;eA==\x07 \u202e \u009b5n"
    t.start("a", task, "--workspace", f"dir:{project}", cwd=project)
    board = Dashboard(t, cwd=project)
    board.until("the end")
    for keys in ("?", "x", "w", "q", "/a", "\x1b", "m\x1b[200~\x07\x9b\u202e\x1b[201~", "\x1b", "s", "n"):
        board.send(keys)
        board.feed(0.3)
    board.until("a")
    assert board.leave() == 0
    assert not board.forbidden(), board.forbidden()
    assert "\u202e" not in board.raw.decode() and "\u009b" not in board.raw.decode()
    # The check itself sees what must not come.
    board.raw += b"\x1b]52;c;eA==\x07"
    assert board.forbidden()


def test_without_colours(t):
    project = two(t)
    t.env["NO_COLOR"] = "1"
    board = Dashboard(t, cwd=project)
    board.until("ready")
    board.send("j")
    board.until("red words")
    assert board.leave() == 0
    for numbers in re.findall(rb"\x1b\[([0-9;]*)m", board.raw):
        assert not set(numbers.split(b";")) - {b"", b"0", b"1", b"2", b"7"}, numbers


def test_plain_lines(t):
    """One line for each change, without any sequence: in a pipe, with --plain, and where the terminal is dumb."""
    project = two(t)
    process = t.spawn("dashboard", "--plain", cwd=project)
    lines = [process.stdout.readline().decode() for _ in range(2)]
    assert [re.sub(r"\d\d:\d\d\n$", "TIME", line) for line in sorted(lines)][0].startswith("talker: "), lines
    t.cloche("stop", "talker", cwd=project)
    line = process.stdout.readline().decode()
    while "stopped" not in line:
        assert line.startswith(("talker: ", "teller: ")), line
        line = process.stdout.readline().decode()
    assert re.fullmatch(r"talker: stopped since \d\d:\d\d\n", line), line
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    process.stdout.close()
    process.stderr.close()
    t.env["TERM"] = "dumb"
    dumb = t.terminal(cwd=project)
    dumb.expect("q leaves\r\n")
    dumb.expect(r"teller: \w+ since \d\d:\d\d\r\n")
    shown = dumb.seen
    dumb.send("q")
    assert dumb.wait() == 0
    assert b"\x1b" not in shown + dumb.seen
    assert termios.tcgetattr(dumb.master)[3] & termios.ECHO


def test_where_there_is_nothing_to_show(t):
    """Without agents or without a terminal `cloche` prints its usage, as ever; `dashboard` says what it needs."""
    project = t.repository()
    assert "cloche COMMAND" in t.cloche(cwd=project).out or "usage" in t.cloche(cwd=project).out.lower()
    alone = t.terminal(cwd=project)
    alone.expect("start")
    assert alone.wait() == 0
    refused = t.cloche("dashboard", cwd=project, check=2)
    assert "dashboard needs a terminal" in refused.err and "--plain" in refused.err, refused
    empty = Dashboard(t, "dashboard", cwd=project)
    empty.until("no agents yet")
    t.start("a", "sleep 1000", cwd=project)
    empty.until("▌ a")
    assert empty.leave() == 0


@case.timeout(300)
def test_driven_in_tmux(t):
    """scripts/captures: attach, type, resize, detach, attach from a second terminal, the dashboard and back, in tmux; what
    docs/captures has shows the same words."""
    # Beside the tests in a copy of theirs, above them in a checkout.
    root = next(place for place in (case.TESTS, case.TESTS.parent) if (place / "scripts/captures").exists())
    script = root / "scripts/captures"
    made = t.dir / "captures"
    t.command(script, "--program", t.program, "--to", made, timeout=240)
    wanted = {
        "attach": ["Shall I change the grammar or the test?", "cloche: fixer | ctrl-] d detaches"],
        "type": ["you said: the test, please"],
        "resize": ["you said: the test, please", "the terminal has 100 columns and 30 rows"],
        "detach": ["cloche: detached; fixer goes on"],
        "reattach": ["you said: the test, please", "the terminal has 120 columns and 35 rows"],
        "dashboard-message": ["▌ fixer", "you said: and the documents", "typed into fixer: 1 line"],
        "dashboard-80x24": ["4 agents", "▌ builder", "PASS case", "linter   ✗ exited(3)", "writer   ✓ done", "16M ━", "refused packages.example.org", "⏎ attach"],
        "dashboard-attached": ["you said: from the dashboard"],
        "dashboard-back": ["▌ fixer", "◆ waiting", "detached; fixer goes on", "you said: from the dashboard"],
        "dashboard-200x50": ["│── builder", "PASS case", "── usage", "16M", "cloche policy allow builder", "⏎ attach"],
    }
    for folder in (made, root / "docs/captures"):
        assert sorted(file.stem for file in folder.iterdir()) == sorted(wanted), list(folder.iterdir())
        for name, words in wanted.items():
            text = (folder / f"{name}.txt").read_text()
            for word in words:
                assert word in text, f"no {word!r} in {folder}/{name}.txt:\n{text}"
