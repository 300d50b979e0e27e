"""The audit log: what is on record, that a change is found, signatures, and supervisors that are killed."""

import fcntl
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import time

import case

FOLDER = pathlib.Path(__file__).resolve().parent
# In the repository it is beside Tests, in the place that scripts/test copies everything to beside the folders of it.
SCHEMA = next(path for up in (2, 1) if (path := FOLDER.parents[up - 1] / "schemas/audit.schema.json").exists())

# Makes records as fast as it can: names that no rule allows.
ASKING = """
import socket, itertools
for number in itertools.count():
    try: socket.getaddrinfo(f"n{number}.test", 80)
    except OSError: pass
"""


def state_of(t, name, project):
    return pathlib.Path(t.cloche("path", name, "state", cwd=project).out.strip())


def records(state):
    """All records of a log, of all its files; a torn last line is left out."""
    number = lambda path: int(path.name.split(".")[1])  # noqa: E731
    files = sorted(state.glob("audit.[0-9]*.jsonl"), key=number) + [state / "audit.jsonl"]
    found = []
    for line in b"".join(file.read_bytes() for file in files).splitlines(keepends=True):
        if line.endswith(b"\n"):
            found.append(json.loads(line))
    return found


def verify(t, project, name="a", code=0, *options):
    """What `audit verify` finds."""
    answer = t.cloche("audit", "verify", name, "--json", *options, cwd=project, check=code)
    return json.loads(answer.out)


def problems(value, schema, place="record"):
    """What of a value is not as a JSON Schema says; the words that the schema of records uses."""
    found = []
    if "oneOf" in schema:
        (fitting,) = [one for one in schema["oneOf"] if one["properties"]["event"]["const"] == value["event"]]
        return problems(value, fitting, value["event"])
    known = {"string": str, "integer": int, "boolean": bool, "object": dict, "array": list}
    if "type" in schema and type(value) is not known[schema["type"]]:
        found.append(f"{place}: {value!r} is no {schema['type']}")
    if "const" in schema and value != schema["const"] or "enum" in schema and value not in schema["enum"]:
        found.append(f"{place}: {value!r}")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{place}: {value!r} is not like {schema['pattern']}")
    for item in value if "items" in schema else []:
        found += problems(item, schema["items"], place)
    if "properties" in schema:
        found += [f"{place}: {key} is missing" for key in schema["required"] if key not in value]
        for key, one in value.items():
            if key in schema["properties"]:
                found += problems(one, schema["properties"][key], f"{place}.{key}")
            elif schema.get("additionalProperties") is False:
                found.append(f"{place}: {key} is not in the schema")
    return found


def test_records_are_as_the_schema_says(t):
    project = t.repository()
    t.profile("net", "extends: shell\nnetwork: {mode: allow, allow: [\"api.test:80\"]}\n")
    t.start("a", "echo one > made; sleep 1000", cwd=project, profile="net")
    t.wait_until(lambda: (t.workspace("a", project) / "made").exists(), "its work")
    t.cloche("exec", "-T", "a", "--", "getent", "hosts", "refused.test", cwd=project, check=2)
    t.cloche("policy", "allow", "a", "other.test:7", cwd=project)
    t.cloche("forward", "a", "0:8080", cwd=project)
    t.cloche("sync", "a", cwd=project)
    t.cloche("merge", "a", cwd=project, check=None)
    t.cloche("stop", "a", "--kill", cwd=project)
    t.cloche("resume", "a", cwd=project)
    t.cloche("stop", "a", "--kill", cwd=project)
    found = records(state_of(t, "a", project))
    schema = json.loads(SCHEMA.read_text())
    assert not [problem for record in found for problem in problems(record, schema)]
    kinds = [record["event"] for record in found]
    for kind, count in {"log": 1, "create": 1, "start": 2, "running": 2, "end": 2, "command": 1, "policy": 1, "forward": 1}.items():
        assert kinds.count(kind) == count, (kind, kinds)
    assert "dns" in kinds and "sync" in kinds, kinds
    assert [record["seq"] for record in found] == list(range(1, len(found) + 1))
    (command,) = [record for record in found if record["event"] == "command"]
    assert command["arguments"][:2] == ["getent", "hosts"] and command["level"] == "security", command
    (first, _) = [record for record in found if record["event"] == "start"]
    assert first["policy"]["network"]["mode"] == "allow", first
    assert verify(t, project)["state"] == "whole"
    # The control: a record with another fact is not.
    assert problems(command | {"more": 1}, schema) and problems(command | {"arguments": "x"}, schema)


def test_a_change_is_found_and_named(t):
    project = t.repository()
    t.run_task("a", "true", cwd=project)
    log = state_of(t, "a", project) / "audit.jsonl"
    whole = log.read_bytes()
    assert verify(t, project)["state"] == "whole"
    lines = whole.splitlines(keepends=True)
    chance = random.Random(7)
    for _ in range(30):
        number = chance.randrange(len(lines))
        changed = bytearray(lines[number])
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        log.write_bytes(b"".join(lines[:number]) + changed + b"".join(lines[number + 1 :]))
        found = verify(t, project, "a", 1)
        assert found["state"] == "changed" and found["first-bad"] == number + 1, (number, changed, found)
    log.write_bytes(b"".join(lines[:-1]))
    assert verify(t, project, "a", 1)["first-bad"] == len(lines)
    # What is written later does not heal it.
    t.cloche("resume", "a", cwd=project)
    t.cloche("stop", "a", "--kill", cwd=project)
    assert verify(t, project, "a", 1)["first-bad"] == len(lines)
    text = t.cloche("audit", "verify", "a", cwd=project, check=1).out
    assert f"record {len(lines)}" in text and "was changed" in text, text


def test_another_agents_log_is_not_taken_for_its_own(t):
    project = t.repository()
    t.run_task("a", "true", cwd=project)
    t.run_task("b", "true", cwd=project)
    (one, other) = (state_of(t, name, project) for name in "ab")
    for name in ("audit.jsonl", "audit.head"):
        (one / name).write_bytes((other / name).read_bytes())
    found = verify(t, project, "a", 1)
    assert found["findings"][0]["problem"] == "other-log", found
    assert verify(t, project, "b")["state"] == "whole"


def test_a_torn_record_is_no_change(t):
    project = t.repository()
    t.run_task("a", "true", cwd=project)
    log = state_of(t, "a", project) / "audit.jsonl"
    with open(log, "ab") as file:
        file.write(b'{"v":1,"seq":99,"ti')
    found = verify(t, project, "a", 3)
    assert found["state"] == "torn", found
    t.cloche("resume", "a", cwd=project)
    t.cloche("stop", "a", "--kill", cwd=project)
    assert verify(t, project)["state"] == "whole"
    (repair,) = [record for record in records(log.parent) if record["event"] == "repair"]
    assert repair["bytes"] == 19, repair


def test_a_signature_holds_what_it_covers(t):
    project = t.repository()
    t.run_task("a", "true", cwd=project)
    state = state_of(t, "a", project)
    for name in ("key", "stranger"):
        t.command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", t.dir / name, "-C", name)
    signers = t.dir / "signers"
    signers.write_text("auditor@example.org " + (t.dir / "key.pub").read_text())
    t.cloche("audit", "sign", "a", "--key", t.dir / "key", cwd=project)
    covered = verify(t, project, "a", 0, "--signers", signers)
    assert "auditor@example.org" in covered["signature"]["signer"], covered
    assert covered["signature"]["record"] == covered["last"] - 1, "the signing itself is on record"
    by_hand = t.command(
        *("ssh-keygen", "-Y", "verify", "-n", "cloche-audit", "-f", signers, "-I", "auditor@example.org", "-s", state / "audit.signed.sig"),
        input=(state / "audit.signed").read_bytes(),
    )
    assert "Good" in by_hand.out, by_hand
    # Another key is no signer, another text is not what was signed.
    t.cloche("audit", "sign", "a", "--key", t.dir / "stranger", cwd=project)
    assert verify(t, project)["state"] == "whole"
    found = verify(t, project, "a", 1, "--signers", signers)
    assert found["state"] == "unsigned" and [one["problem"] for one in found["findings"]] == ["unsigned"], found
    missing = t.cloche("audit", "verify", "a", "--signers", t.dir / "nobody", cwd=project, check=None)
    assert missing.code not in (0, 1, 3) and "cannot read the signers' file" in missing.err, missing
    t.cloche("audit", "sign", "a", "--key", t.dir / "key", cwd=project)
    # A copy that was kept elsewhere.
    for name in ("audit.signed", "audit.signed.sig"):
        shutil.copy(state / name, t.dir / name)
    text = (state / "audit.signed").read_text()
    (state / "audit.signed").write_text(text.replace("record: ", "record: 1"))
    assert verify(t, project, "a", 1)["findings"][0]["problem"] == "signature"
    (state / "audit.signed").write_text(text)
    assert verify(t, project)["state"] == "whole"
    # What was signed cannot be taken away unseen: the log says that it was.
    (state / "audit.signed").rename(state / "away")
    assert [one["problem"] for one in verify(t, project, "a", 1)["findings"]] == ["signature"]
    covered = verify(t, project, "a", 0, "--signers", signers, "--signed", t.dir / "audit.signed")
    assert "auditor@example.org" in covered["signature"]["signer"], covered
    (state / "away").rename(state / "audit.signed")
    # Whoever can write everything makes a shorter log with its head; what was signed is not in it.
    lines = (state / "audit.jsonl").read_bytes().splitlines(keepends=True)
    kept = lines[:2]
    head = json.loads((state / "audit.head").read_text())
    head |= {"seq": 2, "size": sum(map(len, kept)), "hash": json.loads(lines[2])["prev"]}
    (state / "audit.head").write_text(json.dumps(head, separators=(",", ":")).ljust(255) + "\n")
    (state / "audit.jsonl").write_bytes(b"".join(kept))
    found = verify(t, project, "a", 1)
    assert [one["problem"] for one in found["findings"]] == ["signature"], found
    # Without a word of signatures, the log fits together; who wants a signature is told that there is none.
    for name in ("audit.signed", "audit.signed.sig"):
        (state / name).unlink()
    assert verify(t, project)["state"] == "whole"
    assert verify(t, project, "a", 1, "--signers", signers)["state"] == "unsigned"
    assert verify(t, project, "a", 1, "--signed", t.dir / "audit.signed")["state"] == "changed"


def test_a_signature_of_what_is_gone_vouches_for_nothing(t):
    """Whoever can write the files begins a log after the record that was signed, and keeps the signature."""
    project = t.repository()
    t.run_task("a", "true", cwd=project)
    state = state_of(t, "a", project)
    t.command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", t.dir / "key", "-C", "key")
    signers = t.dir / "signers"
    signers.write_text("auditor@example.org " + (t.dir / "key.pub").read_text())
    t.cloche("audit", "sign", "a", "--key", t.dir / "key", cwd=project)
    lines = (state / "audit.jsonl").read_bytes().splitlines()
    head = json.loads((state / "audit.head").read_text())
    record = int(re.search(r"record: (\d+)", (state / "audit.signed").read_text())[1])
    (state / "audit.jsonl").write_bytes(forged(lines[0], head, record + 2))
    (state / "audit.head").write_text(json.dumps(head, separators=(",", ":")).ljust(255) + "\n")
    # Without a word of signers nothing tells it from a log whose oldest file was thrown away.
    assert verify(t, project)["signature"] is None
    assert verify(t, project, "a", 1, "--signers", signers)["state"] == "unsigned"


def forged(first, head, sequence):
    """A log of one record, which says that it continues others; `head` becomes its head."""
    entry = json.loads(first) | {"seq": sequence, "continues": 3, "oldest": 4, "prev": "0" * 64}
    entry["prev"] = entry.pop("prev")
    line = json.dumps(entry, separators=(",", ":"), ensure_ascii=False).encode()
    digest = hashlib.sha256(f"cloche-audit-1 {head['id']}\n".encode() + line).hexdigest()
    head |= {"seq": sequence, "size": len(line) + 1, "hash": digest}
    return line + b"\n"


def test_an_agent_cannot_reach_its_log(t):
    """Neither the log nor its head nor the signature is in its sandbox."""
    project = t.repository()
    t.start("a", "sleep 1000", cwd=project)
    t.cloche("exec", "-T", "a", "--", "true", cwd=project)
    found = t.cloche("exec", "-T", "a", "--", "find", "/", "-xdev", "-name", "audit.*", "-not", "-path", "/usr/*", "-not", "-path", "/proc/*", cwd=project, check=None)
    assert "audit.jsonl" not in found.out and "audit.head" not in found.out, found
    assert (state_of(t, "a", project) / "audit.head").exists()


def test_a_kill_between_the_next_file_and_its_head(t):
    project = t.repository()
    t.profile("net", "extends: shell\naudit: {rotate: 64KiB}\n")
    t.start("a", "sleep 1000", cwd=project, profile="net")
    state = state_of(t, "a", project)
    while not (state / "audit.1.jsonl").exists():
        head = (state / "audit.head").read_bytes()
        t.cloche("exec", "-T", "a", "--", "true", "x" * 30000, cwd=project)
    t.cloche("stop", "a", "--kill", cwd=project)
    # As it was then: the first record of the next file, and the head of the one before.
    log = state / "audit.jsonl"
    log.write_bytes(log.read_bytes().splitlines(keepends=True)[0])
    (state / "audit.head").write_bytes(head)
    assert verify(t, project)["state"] == "whole"
    t.cloche("resume", "a", cwd=project)
    t.cloche("stop", "a", "--kill", cwd=project)
    assert verify(t, project)["state"] == "whole"


def test_a_lost_head_is_told(t):
    project = t.repository()
    t.run_task("a", "true", cwd=project)
    head = state_of(t, "a", project) / "audit.head"
    head.write_bytes(b"")
    assert verify(t, project, "a", 1)["findings"][0]["problem"] == "headless"
    t.cloche("resume", "a", cwd=project)
    t.cloche("stop", "a", "--kill", cwd=project)
    assert verify(t, project)["state"] == "whole"
    (repair,) = [record for record in records(head.parent) if record["event"] == "repair"]
    assert repair["head-lost"] is True, repair
    assert "head was lost" in t.cloche("audit", "a", cwd=project).out


def test_a_held_log_keeps_no_sandbox_alive(t):
    """Whoever can open the log can hold its lock, and can be stopped while it does."""
    project = t.repository()
    for number, name in enumerate(("audit.jsonl", "audit.head")):
        agent = f"a{number}"
        t.start(agent, "sleep 1000", cwd=project)
        with open(state_of(t, agent, project) / name) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            refused = t.cloche("audit", "verify", agent, cwd=project, check=None, timeout=20)
            assert refused.code and f"process {os.getpid()}" in refused.err, refused
            t.cloche("stop", agent, "--kill", cwd=project, check=None, timeout=20)
            assert t.agents(project)[agent]["state"] != "running"
            t.wait_until(lambda: not t.supervisors(), "the supervisor's end")
        # What is there is whole.
        assert verify(t, project, agent)["state"] == "whole"
    # An agent that does something on record is ended.
    t.start("b", "while sleep 0.1; do /bin/true; done", cwd=project)
    with open(state_of(t, "b", project) / "audit.jsonl") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        t.cloche("exec", "-T", "b", "--", "true", cwd=project, check=None, timeout=20)
        t.wait_until(lambda: not t.supervisors(), "its end")
        ended = t.agents(project)["b"]
        assert ended["state"] == "failed" and "holds the audit log" in str(ended), ended


def test_who_cannot_be_put_on_record_is_shown_nothing(t):
    project = t.repository()
    t.start("a", "echo shown; read line", cwd=project)
    t.cloche("wait", "a", "--for", "output:^shown$", "--since-start", cwd=project)
    with open(state_of(t, "a", project) / "audit.jsonl") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        terminal = t.terminal("attach", "a", cwd=project)
        code = terminal.wait()
    assert code, terminal.seen
    text = terminal.seen.decode(errors="replace")
    assert "holds the audit log" in text and "shown" not in text, text


def test_who_waits_at_the_door_of_an_agent_that_ends_is_told_why(t):
    """Its supervisor waits for the log's lock with something else, and ends before it lets anybody in."""
    project = t.repository()
    t.start("a", "echo shown; while sleep 0.2; do /bin/true; done", cwd=project)
    t.cloche("wait", "a", "--for", "output:^shown$", "--since-start", cwd=project)
    with open(state_of(t, "a", project) / "audit.jsonl") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        command = t.spawn("exec", "-T", "a", "--", "true", cwd=project)
        time.sleep(1)
        terminal = t.terminal("attach", "a", cwd=project)
        code = terminal.wait()
        assert code, terminal.seen
        command.wait(20)
    text = terminal.seen.decode(errors="replace")
    assert "holds the audit log" in text and "shown" not in text, text


@case.once
@case.timeout(600)
def test_killed_supervisors_lose_nothing_that_was_acknowledged(t):
    """kill -9 at random moments while records are written as fast as can be, those of the agent and those of commands."""
    rounds = int(os.environ.get("CLOCHE_TEST_KILLS", "20"))
    project = t.repository()
    t.profile("net", "extends: shell\nnetwork: {mode: allow, allow: [\"api.test:80\"]}\naudit: {rotate: 64KiB}\n")
    task = f"exec python3 -c '{ASKING}'"
    t.start("a", task, cwd=project, profile="net")
    state = state_of(t, "a", project)
    chance = random.Random(11)
    acknowledged, torn, asked = [], 0, 0
    questions = lambda: sum(record["event"] == "dns" for record in records(state))  # noqa: E731
    for number in range(rounds):
        (supervisor,) = t.supervisors()
        t.wait_until(lambda: questions() > asked, "a question of the agent's")
        working = [t.spawn("exec", "-T", "a", "--", "echo", f"{number}-{index}", cwd=project, text=True) for index in range(3)]
        t.wait_until(lambda: working[chance.randrange(3)].poll() is not None, "a command")
        for _ in range(chance.randrange(4)):
            word = f"{number}+{len(acknowledged)}"
            if t.cloche("exec", "-T", "a", "--", "echo", word, cwd=project, check=None).out == word + "\n":
                acknowledged.append(word)
        os.kill(supervisor, signal.SIGKILL)
        for index, process in enumerate(working):
            if process.communicate(timeout=60)[0] == f"{number}-{index}\n":
                acknowledged.append(f"{number}-{index}")
        t.wait_until(lambda: t.agents(project)["a"]["state"] == "lost", "its end")
        found = t.cloche("audit", "verify", "a", "--json", cwd=project, check=None)
        assert found.code in (0, 3), found
        torn += found.code == 3
        asked = questions()
        known = {record["arguments"][1] for record in records(state) if record["event"] == "command"}
        assert known >= set(acknowledged), (number, set(acknowledged) - known)
        t.cloche("resume", "a", task, cwd=project)
    assert verify(t, project)["state"] == "whole"
    counts = [record["event"] for record in records(state)]
    assert len(acknowledged) >= rounds and asked >= rounds and counts.count("start") == rounds + 1, (len(acknowledged), asked)
    print(f"{rounds} kills, {len(acknowledged)} acknowledged, {len(counts)} records, {torn} torn, {counts.count('log')} files")
