"""Reading what is on record: `cloche audit` and its filters, all agents, following, and the page."""

import base64
import hashlib
import html.parser
import json
import re
import subprocess

import internet
from test_network_commands import Agent

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def lines(result):
    return [json.loads(line) for line in result.out.splitlines()]


def log(t, name="a"):
    return next(file for file in t.state.rglob("audit.jsonl") if file.parent.name == name)


def ended(t, project, *names):
    for name in names:
        t.wait_until(lambda: t.agents(project)[name]["state"] == "exited", f"the end of {name}")


def test_filters_choose_records(t):
    a = Agent(t)
    assert a.reaches("api.test", 7) and not a.reaches("api.test", 9) and not a.reaches("other.test", 7)
    a.cloche("policy", "allow", "a", "other.test:7")
    a.cloche("policy", "set", "a", "network.allow=[other.test:7]")
    t.wait_until(lambda: a.audit("disconnect"), "the connection's end is on record")
    everything = lines(a.cloche("audit", "a", "--json"))
    assert [record["time"] for record in everything] == sorted(record["time"] for record in everything)
    assert len(everything) == len(log(t).read_text().splitlines())
    kinds = lines(a.cloche("audit", "a", "--json", "--kind", "policy,exec", "-k", "create"))
    assert [record["event"] for record in kinds] == [
        record["event"] for record in everything if record["event"] in ("policy", "exec", "create")
    ], kinds
    assert {record["event"] for record in kinds} == {"policy", "exec", "create"}, kinds
    denied = lines(a.cloche("audit", "a", "--denied", "--json"))
    assert denied and denied == [record for record in everything if record.get("verdict") == "refused" or record["event"] == "denied"], denied
    assert lines(a.cloche("audit", "a", "--last", "3", "--json")) == everything[-3:]
    assert lines(a.cloche("audit", "a", "-n", "1", "-d", "--json")) == denied[-1:]
    assert lines(a.cloche("audit", "a", "-n", "99999", "--json")) == everything
    assert lines(a.cloche("audit", "a", "--since", "1h", "--json")) == everything
    since = everything[4]["time"]
    assert lines(a.cloche("audit", "a", "--since", since, "--json")) == [r for r in everything if r["time"] >= since]
    nothing = a.cloche("audit", "a", "--since", "2031-01-01")
    assert nothing.out == "" and "nothing since 2031-01-01T00:00:00Z is on record of a" in nothing.err, nothing
    nothing = a.cloche("audit", "a", "--since", "2031-01-01", "--kind", "exec")
    assert nothing.out == "" and "nothing of that kind since 2031-01-01T00:00:00Z is on record of a" in nothing.err, nothing
    none = a.cloche("audit", "a", "--kind", "merge")
    assert none.out == "" and "no record of merge; there are " in none.err and "connect" in none.err, none
    unknown = a.cloche("audit", "a", "--kind", "exec,conect", check=2)
    assert unknown.out == "" and '"conect" is no kind of event' in unknown.err and "connect" in unknown.err, unknown
    for words in (["--since", "soon"], ["--last", "0"], ["--kind"], ["--all"]):
        result = a.cloche("audit", "a", *words, check=2)
        assert result.out == "" and result.err.startswith("cloche: "), result


def test_a_change_of_the_rules_is_told_as_a_difference(t):
    a = Agent(t)
    a.cloche("policy", "allow", "a", "evil.example:443")
    a.cloche("policy", "deny", "a", "other.test")
    a.cloche("policy", "set", "a", "network.allow=[evil.example:443]")
    text = a.cloche("audit", "a", "--kind", "policy").out
    assert re.fullmatch(
        rf"{TIME}  policy                \+ evil\.example:443  by user \d+\n"
        rf"{TIME}  policy                \+ deny other\.test  by user \d+\n"
        rf"{TIME}  policy                - api\.test:7  by user \d+\n",
        text,
    ), text


def test_all_agents_are_merged_by_time(t):
    project = t.repository()
    for name in ("one", "another", "third"):
        t.start(name, "true", cwd=project)
    ended(t, project, "one", "another", "third")
    records = lines(t.cloche("audit", "--all", "--json", cwd=project))
    assert all(next(iter(record)) == "agent" for record in records), records
    assert {record["agent"] for record in records} == {"one", "another", "third"}
    times = [record["time"] for record in records]
    assert times == sorted(times), times
    assert len(records) == sum(len(log(t, name).read_text().splitlines()) for name in ("one", "another", "third"))
    assert lines(t.cloche("audit", "--all", "--json", "--last", "4", cwd=project)) == records[-4:]
    text = t.cloche("audit", "--all", "--kind", "end", cwd=project).out
    assert len(text.splitlines()) == 3, text
    for name in ("one    ", "another", "third  "):
        assert re.search(rf"^{TIME}  {name}  end         exited    the agent ended by itself  exit code 0$", text, re.M), text
    t.cloche("audit", "one", "--all", cwd=project, check=2)
    assert t.cloche("audit", "--all", cwd=t.repository("empty")).out == ""


def test_an_agent_may_have_the_name_of_a_command(t):
    project = t.repository()
    t.start("report", "true", cwd=project)
    ended(t, project, "report")
    assert "end" in t.cloche("audit", "--", "report", cwd=project).out
    assert "<title>report " in t.cloche("audit", "report", "report", cwd=project).out


def test_what_happens_is_followed_to_the_end(t):
    project = t.repository()
    t.start("a", "while [ ! -e go ]; do sleep 0.05; done", cwd=project)
    kinds = ["--kind", "running,sync,end"]
    shown = t.dir / "shown"
    with open(shown, "wb") as file:
        follower = t.spawn("audit", "a", "-f", "--json", "--last", "1", *kinds, cwd=project, stdout=file)
    found = lambda: [json.loads(line)["event"] for line in shown.read_text().splitlines()]  # noqa: E731
    t.wait_until(lambda: found() == ["running"], "what was there before")
    t.cloche("sync", "a", cwd=project)
    t.wait_until(lambda: found() == ["running", "sync"], "what happens now")
    # The end of the agent may be quicker than that of the command.
    t.cloche("exec", "a", "--", "touch", "/workspace/go", cwd=project, check=None)
    assert follower.wait(timeout=60) == 0
    assert found() == ["running", "sync", "end"], found()
    # One that has ended is shown, and that is all.
    again = t.cloche("audit", "a", "-f", "--json", "-n", "2", *kinds, cwd=project)
    assert [record["event"] for record in lines(again)] == ["sync", "end"]


def test_all_agents_are_followed_those_that_come_later_too(t):
    project = t.repository()
    shown = t.dir / "shown"
    with open(shown, "wb") as file:
        follower = t.spawn("audit", "--all", "-f", "--kind", "create", cwd=project, stdout=file)
    t.start("late", "true", cwd=project)
    t.wait_until(lambda: "late  create" in shown.read_text(), "an agent that came later")
    follower.terminate()
    follower.wait(timeout=20)


def test_little_of_a_large_log_is_read(t):
    project = t.repository()
    t.start("a", "true", cwd=project)
    ended(t, project, "a")
    file = log(t)
    old = "".join(
        json.dumps({"time": f"2020-01-01T{n // 3600 % 24:02}:{n // 60 % 60:02}:{n % 60:02}.000Z", "event": "old", "x": "y" * 200}) + "\n"
        for n in range(80_000)
    )
    real = file.read_bytes()
    file.with_name("audit.1.jsonl").write_text(old)
    # The size of a file that is not read: no data, no time.
    with open(file.with_name("audit.2.jsonl"), "w") as hollow:
        hollow.truncate(1 << 40)
        hollow.seek(0, 2)
        hollow.write("\n" + old[-(2 << 20):].split("\n", 1)[1])
    assert len(lines(t.cloche("audit", "a", "--json", "--last", "5000", cwd=project, timeout=20))) == 5000
    assert len(lines(t.cloche("audit", "a", "--json", "--since", "1h", cwd=project, timeout=20))) == len(real.splitlines())
    file.with_name("audit.2.jsonl").unlink()
    assert len(lines(t.cloche("audit", "a", "--json", cwd=project))) == 80_000 + len(real.splitlines())
    # A kind that this version does not know, and the log has.
    assert len(lines(t.cloche("audit", "a", "--json", "--kind", "old", "-n", "5", cwd=project))) == 5


def test_lines_that_are_no_records_are_told(t):
    project = t.repository()
    t.start("a", "true", cwd=project)
    ended(t, project, "a")
    with open(log(t), "ab") as file:
        file.write(b'{"event":"en\n\xff\xfe\n')
    result = t.cloche("audit", "a", cwd=project)
    assert "2 lines are no records" in result.err and result.out.splitlines()[-1].split()[1] == "end", result
    assert "2 lines could not be read" in t.cloche("audit", "report", "a", cwd=project).out


class Page(html.parser.HTMLParser):
    """What a browser would take from a page."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.ids, self.words, self.style, self.policy = set(), [], [], "", None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        given = dict(attributes)
        assert all(key in {
            "aria-label", "charset", "class", "content", "data-l", "height", "href", "http-equiv", "id", "lang", "name", "open", "points",
            "preserveaspectratio", "role", "viewbox", "width", "x", "y",
        } for key in given), (tag, given)
        self.ids += [given["id"]] if "id" in given else []
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]

    def handle_data(self, data):
        if self.lasttag == "style" and not self.style:
            self.style = data
        else:
            self.words.append(data)

    @property
    def text(self):
        return "".join(self.words)


HOSTILE = "</script><img src=x onerror=alert(1)>\x1b]0;x\x07\u202etxt"


def test_the_report_is_one_page_that_needs_nothing_else(t):
    a = Agent(t, "sleep 1000", "api.test:7")
    assert a.reaches("api.test", 7) and not a.reaches("api.test", 9) and not a.reaches(internet.OTHER, 22)
    a.cloche("policy", "allow", "a", "six.test:7")
    a.cloche("exec", "a", "--", "sh", "-c", "true", HOSTILE)
    t.wait_until(lambda: a.audit("disconnect"), "the connection's end is on record")
    a.cloche("stop", "a")
    file = t.dir / "a.html"
    told = a.cloche("audit", "report", "a", "-o", file)
    assert told.out == "" and f"wrote {file}" in told.err and file.stat().st_mode & 0o777 == 0o600, told
    text = file.read_text()
    page = Page(text)
    assert not page.tags & {"script", "img", "link", "iframe", "a href", "form", "object", "base"}, page.tags
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in page.policy, page.policy
    for part in ("timeline", "denied", "connections", "policy", "records"):
        assert part in page.ids, page.ids
    for part in (
        "network: {allow+: [api.test:9]}", "cloche policy allow a api.test:9", "+ six.test:7", "was stopped by its user", "sent" , "profile net",
        "</script><img src=x onerror=alert(1)>\\u{1B}]0;x\\u{7}\\u{202E}txt",
    ):
        assert part in page.text, part
    assert 'class=""' not in text
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    # To standard output the same, but for the time at which it was made; never to a terminal.
    again = a.cloche("audit", "report", "a").out
    strip = lambda page: re.sub(r"Made [-\d: ]+ UTC", "", page)  # noqa: E731
    assert strip(again) == strip(text) == strip(a.cloche("audit", "report", "a", "-o", "-").out)
    terminal = t.terminal("audit", "report", "a", cwd=a.project)
    terminal.expect("-o a.html")
    missing = a.cloche("audit", "report", "a", "-o", t.dir / "no" / "a.html", check=125)
    assert "cannot write the report" in missing.err, missing
    a.cloche("audit", "report", "nobody", check=125)


def test_what_the_report_recommends_is_what_a_profile_takes(t):
    project = t.repository()
    t.profile("seeded", "extends: shell\nharness: {seeds: {.profile: x}}\n")
    t.run_task("a", "python3 -c 'import ctypes; ctypes.CDLL(None).mount(0, 0, 0, 0, 0)'", cwd=project, profile="seeded")
    page = Page(t.cloche("audit", "report", "a", cwd=project).out)
    wanted = ("syscalls: {groups+: [nested-namespaces]}", "confinement: {nested-namespaces: 16, landlock: off}")
    for part in (*wanted, "start an agent with it", 'harness.seeds[".profile"]'):
        assert part in page.text, part
    t.profile("wide", "extends: shell\n" + "\n".join(wanted) + "\n")
    shown = t.cloche("profile", "show", "wide", cwd=project).out
    # The others are still there.
    assert re.search(r"^syscalls\.groups: \[.+, nested-namespaces\]", shown, re.M), shown


def test_no_secret_is_in_a_log_or_a_report(t):
    secret = "s3cr3t-of-the-report"
    system = {"environment": {"set": {"TOKEN": secret}}}
    a = Agent(t, "true", "api.test:7", system=system, **{"upstream-proxy": f"http://me:{secret}@192.0.2.1:3128"})
    ended(t, a.project, "a")
    # The control: it is there to be left out.
    assert secret in log(t).with_name("agent.json").read_text()
    page = a.cloche("audit", "report", "a").out
    for text in (page, log(t).read_text()):
        assert secret not in text and "TOKEN" in text and "me:***@192.0.2.1:3128" in text


def test_pipes_end_early_without_noise(t):
    project = t.repository()
    t.start("a", "true", cwd=project)
    ended(t, project, "a")
    file = log(t)
    file.write_bytes(file.read_bytes() * 3000)
    words = f"{t.program} -C {project} audit a | head -n 2"
    result = subprocess.run(["sh", "-c", words], env=t.env, capture_output=True, timeout=30)
    assert len(result.stdout.splitlines()) == 2 and result.stderr == b"", result
