"""What a person must approve of: requests with a key and pushes through the gateway. New hosts are in NetworkTests."""

import json
import os
import subprocess
import time

import case
import test_gateway
from test_dashboard import Dashboard
from test_gateway import Service, gateways, profile


def begin(t, ask="credential:model", *, more="", name="a", **settings):
    """An agent whose requests to a service are asked about; (service, project)."""
    service = Service()
    profile(t, service.port, more=f"ask: [{ask}]\n{more}", **settings)
    project = t.repository()
    t.start(name, "exec sleep 1000", cwd=project, profile="served")
    return service, project


def curl(t, project, path="/v1/x", *options, name="a"):
    """A client inside, under way: its output is the status."""
    line = f'exec curl -sS -o /dev/null -w "%{{http_code}}" {" ".join(options)} "$MODEL_URL{path}"'
    return t.spawn("exec", "-T", name, "--", "sh", "-c", line, cwd=project, text=True)


def waiting(t, project, count=1):
    """The requests that wait, when there are so many."""
    requests = lambda: t.json("requests", cwd=project)  # noqa: E731
    t.wait_until(lambda: len(requests()) == count, f"{count} requests wait")
    return requests()


def status(client):
    return client.communicate(timeout=60 * case.patience)[0]


def actions(t, project, name="a"):
    return [r["action"] for r in approvals(t, project, name)]


def approvals(t, project, name="a"):
    lines = t.cloche("audit", name, "--json", cwd=project).out.splitlines()
    return [r for r in map(json.loads, lines) if r["event"] == "approval"]


def test_only_what_was_approved_goes_on(t):
    """Nothing is sent before; the approval of one lets no other go; a number is good once; without `ask` nothing is held."""
    service, project = begin(t)
    first, second = curl(t, project, "/v1/deploy?env=prod", "-d", "x"), None
    (one,) = waiting(t, project)
    assert (one["class"], one["target"]) == ("credential:model", "POST model /v1/deploy?env=prod"), one
    assert one["count"] == 1 and one["request"] == f"a/{one['number']}" and one["number"] >= 100_000, one
    second = curl(t, project, "/v1/deploy?env=test", "-d", "x")
    two = next(r for r in waiting(t, project, 2) if r["number"] != one["number"])
    # Neither another number nor another agent's name is an answer to it.
    for word, code in ((f"a/{one['number'] + 1}", 1), (f"b/{one['number']}", 1), (str(one["number"]), 2), ("a/", 2), ("a/-1", 2)):
        assert t.cloche("approve", word, cwd=project, check=None).code != 0, (word, code)
    assert len(waiting(t, project, 2)) == 2 and not service.requests
    answer = t.cloche("approve", one["request"], cwd=project)
    assert answer.out == f"approved {one['request']}: credential:model POST model /v1/deploy?env=prod\n", answer
    assert status(first) == "200"
    assert [request[1] for request in service.requests] == ["/v1/deploy?env=prod"]
    # A number that was answered is of nothing any more.
    stale = t.cloche("approve", one["request"], cwd=project, check=None)
    assert stale.code != 0 and "no request" in stale.err and "cloche requests" in stale.err, stale
    denied = t.json("deny", two["request"], cwd=project)
    assert (denied["approved"], denied["target"]) == (False, two["target"]), denied
    assert status(second) == "403" and len(service.requests) == 1
    # What was denied is not asked again at once.
    assert status(curl(t, project, "/v1/deploy?env=test", "-d", "x")) == "403" and not waiting(t, project, 0)
    assert actions(t, project) == ["asked", "asked", "approved", "denied", "refused"], actions(t, project)
    answered = [r for r in approvals(t, project) if r["action"] in ("approved", "denied")]
    assert [(r["number"], r["by"], r["always"]) for r in answered] == [(n, os.getuid(), False) for n in (one["number"], two["number"])], answered
    # The control.
    profile(t, service.port, name="free")
    t.start("b", "exec sleep 1000", cwd=project, profile="free")
    assert status(curl(t, project, "/v1/free", name="b")) == "200" and t.json("requests", cwd=project) == []


def test_time_denies(t):
    service, project = begin(t, more="ask-timeout: 3s")
    client = curl(t, project)
    (one,) = waiting(t, project)
    assert status(client) == "403" and not service.requests
    assert actions(t, project) == ["asked", "timed-out"]
    late = t.cloche("approve", one["request"], cwd=project, check=None)
    assert late.code != 0 and not service.requests, late


def test_always_is_for_this_run(t):
    service, project = begin(t)
    client = curl(t, project)
    (one,) = waiting(t, project)
    t.cloche("approve", one["request"], "--always", cwd=project)
    assert status(client) == "200" and status(curl(t, project, "/v1/other")) == "200" and len(service.requests) == 2
    t.cloche("stop", "a", "--kill", cwd=project)
    t.cloche("resume", "a", cwd=project)
    client = curl(t, project)
    (two,) = waiting(t, project)
    # A request of the next run has another number, and the old one is of nothing.
    assert two["number"] != one["number"], (one, two)
    t.cloche("deny", two["request"], "--always", cwd=project)
    assert status(client) == "403" and status(curl(t, project, "/v1/other")) == "403" and len(service.requests) == 2


def test_the_same_at_once_is_one_request_and_an_approval_is_one_deed(t):
    service, project = begin(t)
    clients = [curl(t, project, "/v1/pay", "-d", "1") for _ in range(3)]
    t.wait_until(lambda: [r["count"] for r in t.json("requests", cwd=project)] == [3], "three wait for the same")
    (one,) = waiting(t, project)
    t.cloche("approve", one["request"], cwd=project)
    t.wait_until(lambda: len(service.requests) == 1, "one was sent")
    (rest,) = waiting(t, project)
    assert rest["count"] == 2 and rest["number"] != one["number"], rest
    t.cloche("deny", rest["request"], cwd=project)
    assert sorted(map(status, clients)) == ["200", "403", "403"] and len(service.requests) == 1


def test_whoever_goes_takes_the_request_along(t):
    """A client that ends withdraws its request, a while later for one that comes again; the end of the agent does so, too."""
    service, project = begin(t)
    for _ in range(5):
        # It gives up and tries again, as programs do.
        client = curl(t, project, "/v1/x", "-m", "1")
        assert status(client) != "200"
    (one,) = t.json("requests", cwd=project)
    assert one["count"] == 0, one
    t.wait_until(lambda: t.json("requests", cwd=project) == [], "it is withdrawn")
    assert actions(t, project) == ["asked", "withdrawn"], "a flood of tries is one request"
    client = curl(t, project)
    waiting(t, project)
    t.cloche("stop", "a", "--kill", cwd=project)
    assert status(client) != "200" and not service.requests
    assert t.json("requests", cwd=project) == [] and actions(t, project)[2:] == ["asked", "withdrawn"]


def test_too_many_are_refused(t):
    service, project = begin(t)
    script = 'for n in $(seq 40); do curl -sS -o /dev/null -w "%{http_code}\\n" $MODEL_URL/v1/$n >>codes & done; wait'
    client = t.spawn("exec", "-T", "a", "--", "sh", "-c", script, cwd=project, text=True)
    requests = waiting(t, project, 16)
    codes = t.workspace("a", project) / "codes"
    t.wait_until(lambda: codes.exists() and len(codes.read_text().split()) == 24, "the others are refused")
    t.cloche("approve", requests[3]["request"], cwd=project)
    t.wait_until(lambda: service.requests, "the one is sent")
    for request in requests[:3] + requests[4:]:
        t.cloche("deny", request["request"], cwd=project)
    status(client)
    assert sorted(codes.read_text().split()) == ["200"] + ["403"] * 39 and len(service.requests) == 1, codes.read_text()
    assert len([a for a in actions(t, project) if a == "refused"]) <= 10


def git_service(t, root):
    """A git server over HTTP by git's own CGI, as a service that remembers what it was asked."""

    def answer(handler, body):
        path, _, query = handler.path.partition("?")
        env = {
            "GIT_PROJECT_ROOT": str(root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path, "QUERY_STRING": query,
            "REQUEST_METHOD": handler.command, "CONTENT_TYPE": handler.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(body)), "REMOTE_USER": "somebody", "REMOTE_ADDR": "127.0.0.1", "PATH": os.environ["PATH"],
            "HTTP_CONTENT_ENCODING": handler.headers.get("content-encoding", ""),
            "GIT_PROTOCOL": handler.headers.get("git-protocol", ""),
        }  # fmt: skip
        done = subprocess.run(["git", "http-backend"], input=body, env=env | {"HOME": str(t.home)}, capture_output=True)
        head, _, text = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        handler.reply(text, status=int(fields.get("Status", "200").split()[0]), kind=fields.get("Content-Type", "text/plain"))

    return Service(answer)


def test_a_push_is_held(t):
    """Of git itself: fetching goes on, pushing waits; one approval is one push; nothing came before; large ones, too."""
    root = t.dir / "served"
    root.mkdir()
    t.git("init", "-q", "--bare", "-b", "main", root / "r.git", cwd=root)
    service = git_service(t, root)
    t.env["REAL_KEY"] = test_gateway.KEY
    profile(t, service.port, more="ask: [push]")
    project = t.repository()
    t.start("a", "exec sleep 1000", cwd=project, profile="served")

    def inside(script):
        return t.spawn("exec", "-T", "a", "--", "sh", "-c", script, cwd=project, text=True)

    def asked_to_push():
        return [path for _, path, _, _ in service.requests if "receive-pack" in path]

    done = inside("git clone -q $MODEL_URL/r.git /tmp/r 2>&1 && cd /tmp/r && git ls-remote && echo fine")
    assert "fine" in status(done) and service.requests and not asked_to_push()
    commit = "cd /tmp/r && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x"
    push = "git push -q origin HEAD:main 2>&1; echo code $?"
    client = inside(f"{commit} && {push}")
    (one,) = waiting(t, project)
    assert (one["class"], one["target"]) == ("push", "model /r.git"), one
    assert not asked_to_push(), "the server has seen something of the push"
    t.cloche("approve", one["request"], cwd=project)
    assert "code 0" in status(client)
    head = t.git("rev-parse", "main", cwd=root / "r.git").out
    # The next push is another one.
    seen = len(asked_to_push())
    client = inside(f"{commit} && {push}")
    (two,) = waiting(t, project)
    t.cloche("deny", two["request"], cwd=project)
    assert "code 0" not in status(client) and len(asked_to_push()) == seen
    assert t.git("rev-parse", "main", cwd=root / "r.git").out == head
    # By other spellings it is still one.
    for path in ("/r.git/git%2Dreceive-pack", "/r.git/info/refs?service=git-receive%2dpack"):
        client = curl(t, project, path, "-d", "0000")
        (odd,) = waiting(t, project)
        assert odd["class"] == "push" and path in odd["target"], odd
        t.cloche("deny", odd["request"], cwd=project)
        assert status(client) == "403" and len(asked_to_push()) == seen


def test_the_agent_is_shown_to_wait(t):
    """In the list, to a command of the user's, and to who waits for it; what the agent chose drives no terminal."""
    told = t.dir / "told"
    command = json.dumps(f'echo "$CLOCHE_STATE $CLOCHE_STATE_BY $CLOCHE_STATE_TEXT" >>{told}')
    service, project = begin(t, more=f"session:\n  on-state:\n    waiting: {command}")
    client = curl(t, project, "/v1/%E2%80%AEx/" + "x" * 300)
    (one,) = waiting(t, project)
    t.cloche("wait", "a", "--for", "state:waiting", cwd=project)
    t.wait_until(lambda: told.exists() and told.read_text().endswith("\n"), "the command was run")
    assert told.read_text() == f"waiting approval asks for {one['request']} credential:model {one['target']}\n", told.read_text()
    activity = t.agents(project)["a"]["activity"]
    assert (activity["state"], activity["by"]) == ("waiting", "approval") and activity["requests"][0]["number"] == one["number"], activity
    shown = t.cloche("requests", cwd=project).out
    assert one["target"] in shown and "x" * 300 in shown, "all of it is shown"
    t.cloche("approve", one["request"], cwd=project)
    assert status(client) == "200"
    t.wait_until(lambda: t.agents(project)["a"]["activity"]["by"] != "approval", "it does not wait any more")


@case.timeout(180)
def test_the_dashboard_answers(t):
    """What is asked for is shown whole before it is answered; any other key decides nothing."""
    service, project = begin(t)
    client = curl(t, project, "/v1/" + "long-" * 40 + "end")
    (one,) = waiting(t, project)
    board = Dashboard(t, cwd=project)
    board.until("y approve or deny")
    board.send("y")
    board.until("any other key neither")
    text = "".join(line.strip() for line in board.text())
    assert one["request"] in text and "long-" * 40 + "end" in text.replace(" ", "").replace("▌", ""), board.text()
    board.send("x")
    board.gone("any other key neither")
    assert len(waiting(t, project)) == 1 and not service.requests
    # Who holds the key that shows it approves of nothing.
    board.send("yyy")
    board.until("any other key neither")
    assert len(waiting(t, project)) == 1 and not service.requests
    board.send("a")
    board.until(f"approved {one['request']}")
    assert status(client) == "200" and len(service.requests) == 1
    client = curl(t, project, "/v1/second")
    (two,) = waiting(t, project)
    board.until("y approve or deny")
    board.send("yn")
    board.until(f"denied {two['request']}")
    assert status(client) == "403" and len(service.requests) == 1
    # In a window that has no room for all of it, it is not answered.
    client = curl(t, project, "/v1/" + "y" * 3000)
    waiting(t, project)
    board.until("y approve or deny")
    board.send("y")
    board.until("too long for this window")
    board.send("y")
    board.gone("too long for this window")
    assert len(waiting(t, project)) == 1 and len(service.requests) == 1
    assert board.leave() == 0 and not board.forbidden()
    client.kill()


def test_what_cannot_ask_refuses(t):
    service, project = begin(t)
    refused = t.cloche("run", "--profile", "served", "--workspace", "none", "--", "true", cwd=project, check=None)
    assert refused.code == 125 and "nobody" in refused.err and "credential:model" in refused.err, refused
    t.cloche("run", "--profile", "served", "--set", "ask=[]", "--workspace", "none", "--", "true", cwd=project)
    # A supervisor that is killed has approved of nothing, and its gateway goes with it.
    client = curl(t, project)
    waiting(t, project)
    for pid in t.supervisors():
        os.kill(pid, 9)
    assert status(client) != "200"
    t.wait_until(lambda: not gateways(t), "the gateway has ended")
    time.sleep(0.2)
    assert not service.requests


def test_a_projects_own_file_only_asks_for_more(t):
    service = Service()
    profile(t, service.port, more="ask: [push]")
    project = t.repository()
    (project / ".cloche").mkdir()
    file = project / ".cloche/config.yaml"
    for text in ("ask: []", "ask: [network:new-host, push]", "ask: [credential:model]", "ask-timeout: 1h"):
        file.write_text(f"overrides: {{{text}}}\n")
        told = t.cloche("start", "a", "true", "--profile", "served", cwd=project, check=None)
        assert told.code == 125 and "gives the agent more than your settings" in told.err, (text, told)
    file.write_text("overrides: {ask+: [credential:model], ask-timeout: 1m}\n")
    t.start("a", "exec sleep 1000", cwd=project, profile="served")
    effective = t.json("explain", "a", cwd=project)["effective"]
    assert effective["ask"] == ["push", "credential:model"] and effective["ask-timeout"] in ("1m", 60), effective
    # Trusted, it may.
    file.write_text("overrides: {ask: []}\n")
    t.cloche("config", "trust", cwd=project)
    t.start("b", "exec sleep 1000", cwd=project, profile="served")
    assert status(curl(t, project, name="b")) == "200"
    # A class that would hold nothing is an error with its line.
    t.profile("wrong", "extends: shell\nask: [credential:nothing]\ncredentials: [{env: REAL_KEY}]\n")
    told = t.cloche("start", "c", "true", "--profile", "wrong", cwd=t.repository("other"), check=None)
    assert told.code == 125 and "wrong.yaml:2" in told.err, told
    # But in a profile without any credential there is nothing to be held: a project's classes are for all profiles.
    file.write_text("overrides: {ask+: [credential:model]}\n")
    t.cloche("run", "--workspace", "none", "--", "true", cwd=project)
