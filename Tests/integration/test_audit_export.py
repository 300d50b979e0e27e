"""The audit log at other places: what real receivers get, what happens when they are slow or away, and that nobody waits."""

import array
import http.server
import json
import os
import pathlib
import re
import signal
import socket
import socketserver
import threading
import time

import case
from test_audit import ASKING, records, state_of, verify

# What an agent would like to be a field, a line or an object of its own.
FORGED = 'x\nPRIORITY=0\nCLOCHE_AGENT=other\n\n<0>Nov 21 10:00:00 sshd[1]: root\n"}],"forged":[{"\r\x1b[2J'


def lines_of(state):
    """The lines of a log, of all its files."""
    number = lambda path: int(path.name.split(".")[1])  # noqa: E731
    files = sorted(state.glob("audit.[0-9]*.jsonl"), key=number) + [state / "audit.jsonl"]
    return b"".join(file.read_bytes() for file in files).decode().splitlines()


class Datagrams:
    """A daemon's socket: keeps what comes, in order; descriptors are read in place of an empty datagram."""

    def __init__(self, name, reads=True):
        # A short name, whatever the length of the test's directory: tests are in it.
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(name)
        self.path, self.messages, self.files = pathlib.Path(name).resolve(), [], 0
        self.thread = threading.Thread(target=self.read, daemon=True)
        if reads:
            self.thread.start()

    def read(self):
        while True:
            data, control, _, _ = self.socket.recvmsg(1 << 20, socket.CMSG_SPACE(4))
            for _, kind, numbers in control:
                assert kind == socket.SCM_RIGHTS and not data
                (number,) = array.array("i", numbers)
                with open(number, "rb") as file:
                    file.seek(0)
                    data = file.read()
                self.files += 1
            if not data:
                return
            self.messages.append(data)

    def close(self):
        """Ends as a daemon does: who sends finds nobody there."""
        self.socket.shutdown(socket.SHUT_RD)
        self.thread.join()
        self.socket.close()
        self.path.unlink()


def entry(message):
    """The fields of a message in the journal's native protocol, as its specification says; a field twice is an error."""
    fields = {}
    while message:
        line, _, message = message.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            length = int.from_bytes(message[:8], "little")
            value, end, message = message[8 : 8 + length], message[8 + length : 9 + length], message[9 + length :]
            assert len(value) == length and end == b"\n", message
        name = name.decode("ascii")
        assert re.fullmatch("[A-Z][A-Z0-9_]*", name) and name not in fields, (name, fields)
        fields[name] = value.decode()
    return fields


class Collector:
    """An OpenTelemetry collector on a port of its own; `answers` are given before it takes everything."""

    def __init__(self, answers=(), body=b"{}"):
        self.answers, self.requests, self.lines, self.refused = list(answers), 0, [], 0
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                assert self.path == "/v1/logs" and self.headers["Content-Type"] == "application/json"
                collector.requests += 1
                status, headers = collector.answers.pop(0) if collector.answers else (200, {})
                if callable(status):
                    status = status(request)
                if status == 200:
                    collector.take(request)
                else:
                    collector.refused += 1
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                try:
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # the sender was killed

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.to = f"otlp:http://127.0.0.1:{self.server.server_port}/v1/logs"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, request):
        (logs,) = request["resourceLogs"]
        names = {item["key"]: item["value"]["stringValue"] for item in logs["resource"]["attributes"]}
        assert names["service.name"] == "cloche", names
        for record in logs["scopeLogs"][0]["logRecords"]:
            assert re.fullmatch("[0-9]{19}", record["timeUnixNano"]), record
            self.lines.append((names["cloche.agent"], record["body"]["stringValue"]))


def of(collector, agent="a"):
    """The lines that a collector has of an agent, without doubles, and how many doubles there were."""
    lines = [line for name, line in collector.lines if name == agent]
    return list(dict.fromkeys(lines)), len(lines) - len(set(lines))


def followers(t):
    """The processes that send logs for supervisors, by destination."""
    found = {}
    for pid in t.processes():
        try:
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if words[1:3] == ["internal", "send-audit"]:
            found[words[4]] = pid
    return found


def exporting(t, *destinations, more=""):
    """A profile that sends the log to these places."""
    t.profile("out", f"extends: shell\naudit: {{export: {json.dumps(list(destinations))}{more}}}\n")
    return "out"


def test_the_journal_gets_every_record(t):
    project, journal = t.repository(), Datagrams("journal")
    # A record that is too long for a datagram: the policy is in it.
    t.profile("long", "extends: shell\nharness: {seeds: {long: '" + "x" * 400_000 + "'}}\n")
    t.run_task("a", f"true #{FORGED}".replace("\x1b", ""), cwd=project, profile="long")
    t.cloche("audit", "a", "--to", f"journald:{journal.path}", cwd=project)
    lines = lines_of(state_of(t, "a", project))
    t.wait_until(lambda: len(journal.messages) == len(lines), "all records")
    found = [entry(message) for message in journal.messages]
    assert [one["CLOCHE_RECORD"] for one in found] == lines
    assert journal.files == 1, journal.files
    names = {tuple(one) for one in found}
    assert len(names) == 1 and len(found[0]) == 12, names
    for one, line in zip(found, lines):
        record = json.loads(line)
        assert (one["CLOCHE_AGENT"], one["CLOCHE_EVENT"], one["CLOCHE_SEQ"]) == ("a", record["event"], str(record["seq"]))
        assert one["SYSLOG_IDENTIFIER"] == "cloche" and one["PRIORITY"] in "346" and one["MESSAGE"].startswith("a: "), one
    assert found[0]["CLOCHE_LOG"] == json.loads(lines[0])["id"]
    # The controls: the words that would be a field are there; and the receiver sees a field that is one.
    assert any("PRIORITY=0" in one["CLOCHE_RECORD"] for one in found)
    assert entry(b"MESSAGE=x\nPRIORITY=0\n")["PRIORITY"] == "0"


def test_syslog_gets_every_record_as_one_message(t):
    project, syslog = t.repository(), Datagrams("log")
    t.run_task("a", f"true #{FORGED}".replace("\x1b", ""), cwd=project)
    t.cloche("audit", "a", "--to", f"syslog:{syslog.path}", cwd=project)
    lines = lines_of(state_of(t, "a", project))
    t.wait_until(lambda: len(syslog.messages) == len(lines), "all records")
    for message, line in zip(syslog.messages, lines):
        text = message.decode()
        match = re.fullmatch(r"<(\d+)>[A-Z][a-z]{2} [ 123]\d \d\d:\d\d:\d\d cloche\[\d+\]: (\{.*\})", text)
        assert match and int(match[1]) // 8 == 13 and len(message) < 8192, text
        assert all(character >= " " for character in text), text
        found, record = json.loads(match[2]), json.loads(line)
        assert found.pop("cloche") == {"agent": "a", "log": json.loads(lines[0])["id"]}
        left = found.pop("left-out", [])
        assert found == {key: value for key, value in record.items() if key not in left}, (found, left)
        # Only the policy is too long.
        assert left in ([], ["policy"]), left


def test_agents_share_a_file(t):
    project, file = t.repository(), t.dir / "all.jsonl"
    file.write_bytes(b"cut short by a crash")
    profile = exporting(t, f"file:{file}")
    for name in "ab":
        t.start(name, "sleep 1000", cwd=project, profile=profile)
    for name in "ab":
        t.cloche("stop", name, "--kill", cwd=project)
    t.wait_until(lambda: not followers(t), "their end")
    first, *lines = file.read_bytes().decode().splitlines()
    assert first == "cut short by a crash" and file.stat().st_mode & 0o777 == 0o600 | file.stat().st_mode & 0o077
    for name in "ab":
        own = [line for line in lines if json.loads(line)["cloche"]["agent"] == name]
        log = lines_of(state_of(t, name, project))
        front = json.dumps({"cloche": {"agent": name, "log": json.loads(log[0])["id"]}}, separators=(",", ":"))
        assert own == [f"{front[:-1]},{line[1:]}" for line in log], name
        assert json.loads(own[-1])["event"] == "end"


def test_a_file_is_made_anew_when_it_was_renamed(t):
    project, file = t.repository(), t.dir / "out.jsonl"
    t.start("a", "sleep 1000", cwd=project, profile=exporting(t, f"file:{file}"))
    t.wait_until(lambda: file.exists() and b'"event":"running"' in file.read_bytes(), "the first records")
    file.rename(t.dir / "old.jsonl")
    t.cloche("exec", "-T", "a", "--", "true", cwd=project)
    t.wait_until(lambda: file.exists() and b'"event":"command"' in file.read_bytes(), "a record in a new file")
    assert b'"event":"command"' not in (t.dir / "old.jsonl").read_bytes()


def test_places_that_an_agent_can_write_are_refused(t):
    project = t.repository()
    t.run_task("a", "true", cwd=project)
    state, own = state_of(t, "a", project), t.workspace("a", project)
    link = t.dir / "link"
    link.symlink_to(t.dir / "elsewhere")
    os.mkfifo(t.dir / "pipe")
    (t.dir / "way").symlink_to(own)
    for place in (own / "x", state / "home/x", state / "audit.jsonl", link, t.dir / "pipe", t.dir, t.dir / "way/x"):
        before = lines_of(state)
        answer = t.cloche("audit", "a", "--to", f"file:{place}", cwd=project, check=None)
        assert answer.code not in (0, 2) and "cannot send" in answer.err, answer
        assert lines_of(state) == before
    assert not (own / "x").exists() and not (t.dir / "elsewhere").exists()
    for text in ("nowhere", "file:x", "otlp:https://127.0.0.1/", "otlp:http://example.com/"):
        t.cloche("audit", "a", "--to", text, cwd=project, check=2)
    # The control.
    t.cloche("audit", "a", "--to", f"file:{t.dir / 'x'}", cwd=project)
    assert len((t.dir / "x").read_text().splitlines()) == len(lines_of(state))


def test_what_waiting_does_not_mend_is_told_at_once(t):
    project, link = t.repository(), t.dir / "link"
    link.symlink_to(t.dir / "elsewhere")
    t.start("a", "sleep 1000", cwd=project)
    for place, remedy in (
        (t.dir / "no" / "x", f"make the directory {t.dir / 'no'}"), (link, "name a plain file"), (t.dir, "name a plain file"),
        ("/dev/null", "name a plain file"), (t.workspace("a", project) / "x", "name a file where the agent cannot write"),
    ):
        for words in ([], ["-f"]):
            answer = t.cloche("audit", "a", "--to", f"file:{place}", *words, cwd=project, check=None, timeout=30)
            assert answer.code not in (0, 1, 2) and remedy in answer.err and "waited for" not in answer.err, answer
            assert "cannot send" in answer.err, answer


def test_a_project_nobody_trusts_sends_nothing(t):
    project = t.repository(files={".cloche.yaml": "x", "README.md": "x"})
    (project / ".cloche.yaml").unlink()
    (project / ".cloche").mkdir()
    (project / ".cloche/profiles").mkdir()
    (project / ".cloche/profiles/theirs.yaml").write_text(f"extends: shell\naudit: {{export: ['file:{t.dir / 'x'}']}}\n")
    answer = t.start("a", "true", cwd=project, profile="theirs", check=None)
    assert answer.code != 0 and "audit.export" in answer.err, answer


def test_only_what_was_asked_for_is_sent(t):
    project, file = t.repository(), t.dir / "some"
    t.run_task("a", "true", cwd=project)
    t.cloche("audit", "a", "--kind", "start,end", "--to", f"file:{file}", cwd=project)
    assert [json.loads(line)["event"] for line in file.read_text().splitlines()] == ["start", "end"]


def test_a_collector_gets_every_record_when_it_can(t):
    """Busy at first, then it asks for patience, then it answers badly."""
    project = t.repository()
    collector = Collector([(503, {}), (429, {"Retry-After": "1"}), (502, {}), (404, {})])
    away = f"syslog:{t.dir / 'nowhere'}"
    t.start("a", "sleep 1000", cwd=project, profile=exporting(t, collector.to, away))
    t.wait_until(lambda: collector.lines, "the first records")
    for number in range(5):
        t.cloche("exec", "-T", "a", "--", "echo", FORGED, str(number), cwd=project)
    t.wait_until(lambda: len(of(collector)[0]) == len(lines_of(state_of(t, "a", project))), "all records")
    count = len(lines_of(state_of(t, "a", project)))
    shown = lambda: {one["to"]: one for one in t.json("inspect", "a", cwd=project)["exports"]}  # noqa: E731
    t.wait_until(lambda: shown()[collector.to]["seq"] == count, "what inspect says")
    assert shown()[collector.to]["problem"] == "" and "No such file" in shown()[away]["problem"], shown()
    assert shown()[away]["seq"] == 0 and away in t.cloche("inspect", "a", cwd=project).out
    t.cloche("stop", "a", "--kill", cwd=project)
    t.wait_until(lambda: not followers(t), "its end")
    lines, doubles = of(collector)
    assert lines == lines_of(state_of(t, "a", project)) and doubles == 0 and collector.refused == 4
    assert json.loads(lines[-1])["event"] == "end"


def test_one_record_that_is_not_wanted_stops_no_other(t):
    project = t.repository()
    t.run_task("a", "true", cwd=project)
    lines = lines_of(state_of(t, "a", project))
    unwanted = json.loads(lines[2])["event"]

    def judge(request):
        found = request["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
        return 400 if any(json.loads(one["body"]["stringValue"])["event"] == unwanted for one in found) else 200

    collector = Collector([(judge, {})] * 50, body=b"bad\x1b[31m")
    answer = t.cloche("audit", "a", "--to", collector.to, cwd=project, check=1)
    assert of(collector) == (lines[:2] + lines[3:], 0), collector.lines
    assert f"sent {len(lines) - 1} records" in answer.err and "\x1b" not in answer.err, answer
    assert "1 record was not wanted by the destination (the collector answers 400: bad" in answer.err, answer
    assert f"it is record {json.loads(lines[2])['seq']}" in answer.err, answer


def test_a_destination_that_is_away_is_an_error_or_waited_for(t):
    project, file = t.repository(), t.dir / "journal"
    t.start("a", "sleep 1000", cwd=project)
    answer = t.cloche("audit", "a", "--to", f"journald:{file}", cwd=project, check=None)
    assert answer.code not in (0, 1, 2) and str(file) in answer.err and "-f" in answer.err, answer
    working = t.spawn("audit", "a", "--to", f"journald:{file}", "-f", cwd=project, text=True)
    first = working.stderr.readline()
    assert str(file) in first, first
    journal = Datagrams("journal")
    t.wait_until(lambda: len(journal.messages) >= 3, "the records")
    t.cloche("exec", "-T", "a", "--", "true", cwd=project)
    # Started again, it is another socket at the same place.
    t.wait_until(lambda: entry(journal.messages[-1])["CLOCHE_EVENT"] in ("command", "exec"), "a record")
    journal.close()
    again = Datagrams("journal")
    t.cloche("stop", "a", "--kill", cwd=project)
    errors = working.communicate(timeout=60)[1]
    assert working.returncode == 0 and "takes records again" in errors, errors
    t.wait_until(lambda: again.messages, "the last records")
    found = [entry(message)["CLOCHE_RECORD"] for message in journal.messages + again.messages]
    assert found == lines_of(state_of(t, "a", project))


@case.serial
def test_nobody_waits_for_a_receiver_that_never_reads(t):
    """Sockets that take a connection or some datagrams, and nothing more, while the agent prints and makes records."""
    project = t.repository()
    silent = socket.socket()
    silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    silent.bind(("127.0.0.1", 0))
    silent.listen(8)
    deaf, file = Datagrams("deaf", reads=False), t.dir / "out"
    stuck = [f"otlp:http://127.0.0.1:{silent.getsockname()[1]}/v1/logs", f"journald:{deaf.path}"]
    t.profile(
        "net",
        "extends: shell\nnetwork: {mode: allow, allow: [\"api.test:80\"]}\n"
        f"audit: {{export: {json.dumps(stuck + [f'file:{file}'])}}}\n",
    )
    t.start("a", f"python3 -c '{ASKING}' & exec cat", cwd=project, profile="net")
    state = state_of(t, "a", project)
    t.wait_until(lambda: len(lines_of(state)) > 500, "many records")
    assert set(stuck) <= set(followers(t)), followers(t)
    screen, times = t.terminal("attach", "-q", "a", cwd=project), []
    # Painted; from here on it follows.
    screen.expect("\x1b\\[\\?2026h.*\x1b\\[\\?2026l")
    for number in range(40):
        begin = time.monotonic()
        screen.send(f"word{number}\r")
        # The echo, and what cat prints; what is shown to who attaches may come between.
        screen.expect(f"word{number}\r\n.*word{number}\r\n")
        times.append(time.monotonic() - begin)
    screen.close()
    # Whoever waited for one of them would wait for ever.
    assert sorted(times)[len(times) // 2] < 0.5 and max(times) < 10, times
    begin = time.monotonic()
    t.cloche("stop", "a", "--kill", cwd=project)
    took = time.monotonic() - begin
    assert took < 8, took
    t.wait_until(lambda: not followers(t), "the end of all that send", deadline=10)
    assert verify(t, project)["state"] == "whole"
    log = lines_of(state)
    assert json.loads(log[-1])["event"] == "end"
    # The one that does read has all; the others had to do, so that this is no test of nothing.
    sent = file.read_text().splitlines()
    assert len(sent) == len(log), (len(sent), len(log))
    positions = {one["to"]: one for one in (json.loads(path.read_text()) for path in state.glob("audit.export.*"))}
    for place in stuck:
        assert positions[place]["seq"] < len(log), positions
    print(f"{len(log)} records, keys echoed in {sorted(times)[20] * 1000:.1f} ms (worst {max(times) * 1000:.1f}), stopped in {took:.2f} s")


def test_killed_senders_lose_nothing(t):
    project, rounds = t.repository(), 5
    collector = Collector()
    t.profile(
        "net",
        "extends: shell\nnetwork: {mode: allow, allow: [\"api.test:80\"]}\n"
        f"audit: {{export: [{json.dumps(collector.to)}], rotate: 64KiB}}\n",
    )
    t.start("a", f"exec python3 -c '{ASKING}'", cwd=project, profile="net")
    state = state_of(t, "a", project)
    for _ in range(rounds):
        seen = collector.requests
        t.wait_until(lambda: collector.requests > seen, "a request")
        os.kill(t.wait_until(lambda: followers(t).get(collector.to), "a sender"), signal.SIGKILL)
    t.cloche("stop", "a", "--kill", cwd=project)
    # What is left is sent by the next one.
    t.cloche("resume", "a", "sleep 1000", cwd=project)
    t.wait_until(lambda: len(of(collector)[0]) == len(lines_of(state)), "all records", deadline=60)
    lines, doubles = of(collector)
    assert lines == lines_of(state) and len(lines) > 100 and len(list(state.glob("audit.[0-9]*"))) > 1
    print(f"{rounds} kills, {len(lines)} records, {doubles} of them twice")


def test_a_killed_sender_is_started_again_although_nothing_happens(t):
    project, file = t.repository(), t.dir / "out"
    t.start("a", "sleep 1000", cwd=project, profile=exporting(t, f"file:{file}"))
    sender = t.wait_until(lambda: followers(t).get(f"file:{file}"), "a sender")
    os.kill(sender, signal.SIGKILL)
    t.wait_until(lambda: followers(t).get(f"file:{file}") not in (None, sender), "another one", deadline=20)


def test_what_a_killed_supervisor_left_is_sent_later(t):
    project, file = t.repository(), t.dir / "out"
    t.start("a", "sleep 1000", cwd=project, profile=exporting(t, f"file:{file}"))
    t.wait_until(lambda: file.exists() and b'"event":"running"' in file.read_bytes(), "the first records")
    (supervisor,) = set(t.supervisors()) - set(followers(t).values())
    os.kill(supervisor, signal.SIGKILL)
    t.wait_until(lambda: not followers(t), "the end of the one that sent", deadline=10)
    t.cloche("resume", "a", cwd=project)
    t.cloche("stop", "a", "--kill", cwd=project)
    t.wait_until(lambda: not followers(t), "its end")
    sent = [json.loads(line)["seq"] for line in file.read_text().splitlines()]
    assert sent == [record["seq"] for record in records(state_of(t, "a", project))], sent
