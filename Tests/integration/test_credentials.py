"""Secrets at rest: what people type, what lies on the disk, and where a secret must never be found."""

import json
import os
import pathlib
import resource
import signal
import subprocess
import termios
import time

# No text of a program, so that whoever has it has it from here.
CANARY = "tok_Zwerghuhn-7f3a91c25be84d06"
PHRASE = "correct horse battery"


def headless(t, *words, check=True, **options):
    """A command that has no terminal, wherever the tests are run from."""
    return t.command("setsid", "-w", t.program, *words, check=check, **options)


def key_file(t):
    """A store that opens without a person."""
    headless(t, "credential", "protect", "--key-file", t.dir / "unlock")
    return t.dir / "unlock"


def store(t):
    return t.state / "cloche/credentials"


def answer(terminal, question, text):
    """Types an answer to a question; what is typed must not be shown."""
    terminal.expect(question)
    terminal.send(text + "\n")


def ended(terminal):
    """What was shown since the last question, and the exit code."""
    code = terminal.wait()
    terminal.close()
    return terminal.seen.decode(), code


def make_on_terminal(t, name="deploy", secret=CANARY):
    terminal = t.terminal("credential", "add", name)
    answer(terminal, "New passphrase.*: ", PHRASE)
    answer(terminal, "The same again: ", PHRASE)
    answer(terminal, "Secret .*: ", secret)
    text, code = ended(terminal)
    assert code == 0 and f"{name} added" in text and secret not in text, (text, code)


def ask_with(t, phrase, *words):
    terminal = t.terminal(*words)
    answer(terminal, "Passphrase of Cloche's credentials: ", phrase)
    return terminal


def find(t, needle, *without):
    """Files of the test's places that have these bytes, names included."""
    found = []
    for base in (t.home, t.state, t.config, t.run, t.dir):
        for file in base.rglob("*"):
            if file in without or not file.is_file() or file.is_symlink():
                continue
            if needle in file.name or needle.encode() in file.read_bytes():
                found.append(str(file))
    return found


def test_a_life_on_a_terminal(t):
    make_on_terminal(t)
    text, code = ended(ask_with(t, PHRASE, "credential", "test", "deploy"))
    assert code == 0 and f"deploy: kept, {len(CANARY)} bytes, fingerprint " in text, text
    terminal = ask_with(t, PHRASE, "credential", "rotate", "deploy")
    answer(terminal, "Secret .*: ", "another-secret")
    text, code = ended(terminal)
    assert code == 0 and "deploy rotated" in text, text
    entry = t.json("credential", "list")["credentials"]
    assert [(e["name"], e["kind"]) for e in entry] == [("deploy", "kept")] and entry[0]["rotated"], entry
    terminal = t.terminal("credential", "delete", "deploy")
    answer(terminal, r"\[y/N\] ", "n")
    assert ended(terminal)[1] == 1 and t.json("credential", "list")["credentials"]
    terminal = t.terminal("credential", "delete", "deploy")
    answer(terminal, r"\[y/N\] ", "y")
    assert ended(terminal)[1] == 0 and not t.json("credential", "list")["credentials"]


def test_nothing_typed_is_shown_and_the_terminal_is_put_back(t):
    def echoes(terminal):
        return bool(termios.tcgetattr(terminal.master)[3] & termios.ECHO)

    make_on_terminal(t)
    terminal = t.terminal("credential", "test", "deploy")
    terminal.expect("Passphrase.*: ")
    assert not echoes(terminal)
    terminal.send("a wrong phrase\n")
    shown = terminal.expect("That is not it.*: ").string
    assert b"a wrong phrase" not in shown, shown
    terminal.send("\x03")
    code = terminal.wait()
    assert code == 128 + signal.SIGINT and echoes(terminal), (code, terminal.seen)
    terminal.close()
    # The control: at a question that may be seen, it is.
    terminal = t.terminal("credential", "delete", "deploy")
    answer(terminal, r"\[y/N\] ", "no-canary")
    assert "no-canary" in ended(terminal)[0]


def test_a_wrong_passphrase_opens_nothing(t):
    make_on_terminal(t)
    terminal = ask_with(t, "wrong 1", "credential", "test", "deploy")
    answer(terminal, "That is not it.*: ", "wrong 2")
    answer(terminal, "That is not it.*: ", "wrong 3")
    text, code = ended(terminal)
    assert code == 125 and "locked: three wrong passphrases" in text and "fingerprint" not in text, text
    # A passphrase that was typed with a mistake the first time is asked for again, and a short one is refused.
    terminal = ask_with(t, PHRASE, "credential", "protect", "--passphrase")
    answer(terminal, "New passphrase.*: ", "short")
    answer(terminal, "at least 8.*New passphrase.*: ", "long enough 1")
    answer(terminal, "The same again: ", "long enough 2")
    terminal.expect("two different.*New passphrase.*: ")
    terminal.close()


def test_unlocked_for_programs_without_a_terminal_until_locked(t):
    make_on_terminal(t)
    refused = headless(t, "credential", "test", "deploy", check=125)
    assert "is locked" in refused.err and "cloche credential unlock" in refused.err, refused
    try:
        text, code = ended(ask_with(t, PHRASE, "credential", "unlock", "--for", "10m"))
        assert code == 0 and "unlocked for 10m" in text, text
        assert "fingerprint" in headless(t, "credential", "test", "deploy").out
        headless(t, "credential", "add", "second", "--stdin", input="another\n")
    finally:
        assert headless(t, "credential", "lock").out == "locked\n"
    headless(t, "credential", "test", "deploy", check=125)
    assert headless(t, "credential", "lock").out == "it was locked already\n"
    try:
        ended(ask_with(t, PHRASE, "credential", "unlock", "--for", "1s"))
        t.wait_until(lambda: headless(t, "credential", "test", "deploy", check=None).code == 125, "the time is over")
    finally:
        headless(t, "credential", "lock")


def test_every_source(t):
    key_file(t)
    (t.dir / "secret").write_text(f"{CANARY}\nuser: somebody\n")
    (t.dir / "secret").chmod(0o600)
    sources = [
        ("env", ["--env", "MY_TOKEN"]),
        ("file", ["--file", "secret"]),
        ("command", ["--command", "sh", "-c", "head -1 secret && echo more"]),
        ("stdin", ["--stdin"]),
    ]
    prints = set()
    for kind, words in sources:
        for reference in ([], ["--by-reference"]):
            if kind == "stdin" and reference:
                headless(t, "credential", "add", "x", *reference, *words, check=2, input=CANARY)
                continue
            name = f"{kind}{len(reference)}"
            options = {"env": {"MY_TOKEN": CANARY}, "input": CANARY + "\n"}
            headless(t, "credential", "add", name, *reference, *words, **options)
            answer = json.loads(headless(t, "credential", "test", name, "--json", **options).out)
            assert answer["bytes"] == len(CANARY) and answer["kind"] == (kind if reference else "kept"), answer
            prints.add(answer["fingerprint"])
    assert len(prints) == 1, prints
    # What is kept needs its source no more, what is read each time does.
    (t.dir / "secret").unlink()
    for name in ("env0", "file0", "command0", "stdin0"):
        headless(t, "credential", "test", name)
    for name in ("env1", "file1", "command1"):
        assert "no secret from" in headless(t, "credential", "test", name, check=125).err


def test_what_a_source_says_is_harmless(t):
    key_file(t)
    result = headless(t, "credential", "add", "x", "--command", "sh", "-c", "printf 'no \\033]52;c;AA\\007 vault' >&2; exit 3", check=125)
    assert "it ended with 3: no " in result.err and "\x1b" not in result.err and "\x07" not in result.err, result
    result = headless(t, "credential", "add", "x", "--stdin", input=f"{CANARY}\nsecond line\n", check=125)
    assert "more than one line" in result.err and CANARY not in result.err, result
    result = headless(t, "credential", "add", "x", "--stdin", input=f"{CANARY}\x1b[0m\n", check=125)
    assert "control character" in result.err and CANARY not in result.err, result
    (t.dir / "open").write_text(CANARY)
    (t.dir / "open").chmod(0o666)
    assert "others may write" in headless(t, "credential", "add", "x", "--file", "open", check=125).err
    (t.dir / "open").chmod(0o644)
    assert "other users may read" in headless(t, "credential", "add", "x", "--file", "open").err


def test_a_secret_as_an_argument_is_refused_and_not_repeated(t):
    key_file(t)
    for words in (["x", CANARY], ["x", "--env", f"TOKEN={CANARY}"]):
        result = headless(t, "credential", "add", *words, check=2)
        assert "never an argument" in result.err and CANARY not in result.err + result.out, result


def test_a_canary_is_in_no_file(t):
    key_file(t)
    source = t.dir / "source"
    source.write_text(CANARY)
    source.chmod(0o600)
    assert find(t, CANARY) == [str(source)], "the search finds what is there"
    headless(t, "credential", "add", "deploy", "--file", source)
    headless(t, "credential", "add", "env", "--env", "TOKEN", env={"TOKEN": CANARY})
    headless(t, "credential", "rotate", "deploy", "--stdin", input=CANARY + "\n")
    headless(t, "credential", "test", "deploy")
    headless(t, "credential", "add", "ref", "--by-reference", "--file", source)
    assert find(t, CANARY, source) == []
    # Nor encoded, as state files have bytes that are no text.
    for text in (CANARY.encode().hex(), "dG9rX1p3ZXJnaHVobi"):
        assert find(t, text, source) == []
    modes = {file.name: oct(file.stat().st_mode & 0o777) for file in store(t).iterdir()}
    assert set(modes.values()) == {"0o600"} and store(t).stat().st_mode & 0o777 == 0o700, modes


def shown_by_processes(t):
    """Pids of this test's processes whose command line or environment has the canary, as far as they may be read."""
    found = []
    for pid in t.processes():
        for name in ("cmdline", "environ"):
            try:
                if CANARY.encode() in pathlib.Path(f"/proc/{pid}/{name}").read_bytes():
                    found.append(pid)
            except OSError:
                pass  # of a process that hides, or has ended
    return found


def test_no_process_shows_it_and_no_core_has_it(t):
    """A command that has the secret and waits: nobody looks into it, and killed by a signal it leaves nothing."""
    key_file(t)
    source = t.dir / "source"
    source.write_text(CANARY + "\n")
    source.chmod(0o600)
    here = t.dir / "cores"
    here.mkdir()
    unlimited = lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)  # noqa: E731
    script = f"cat {source}; touch {t.dir}/printed; exec sleep 60"
    process = t.spawn(
        "credential", "add", "x", "--command", "sh", "-c", script, cwd=here, preexec_fn=unlimited, start_new_session=True
    )
    child = None
    try:
        t.wait_until((t.dir / "printed").exists, "the secret was printed")
        child = int(pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())
        assert shown_by_processes(t) == []
        limits = pathlib.Path(f"/proc/{process.pid}/limits").read_text()
        assert "Max core file size        0                    0 " in limits, limits
        if os.getuid():
            for name in ("mem", "environ"):
                try:
                    open(f"/proc/{process.pid}/{name}", "rb").close()
                    raise AssertionError(f"{name} of a process with secrets can be opened")
                except PermissionError:
                    pass
                # The control: of its child, which is a program like any other, they can.
                open(f"/proc/{child}/{name}", "rb").close()
        process.send_signal(signal.SIGSEGV)
        process.wait()
    finally:
        process.kill()
        process.communicate()
        if child:
            os.kill(child, signal.SIGKILL)
    assert process.returncode == -signal.SIGSEGV and list(here.iterdir()) == [], list(here.iterdir())
    # The control: where hosts write cores into the directory, another program leaves one.
    if not pathlib.Path("/proc/sys/kernel/core_pattern").read_text().startswith("|"):
        subprocess.run(["sh", "-c", "kill -SEGV $$"], cwd=here, preexec_fn=unlimited, env=t.env)
        assert list(here.iterdir()) or not resource.getrlimit(resource.RLIMIT_CORE)[1], "no core of a shell either"
    # And the search does find what shows a secret.
    other = subprocess.Popen(["sleep", "60"], env=t.env | {"TOKEN": CANARY})
    try:
        t.wait_until(lambda: shown_by_processes(t) == [other.pid], "a process with the canary is found")
    finally:
        other.kill()
        other.wait()


def test_damage_is_named(t):
    key_file(t)
    for name in ("one", "two"):
        headless(t, "credential", "add", name, "--stdin", input=f"{CANARY}-{name}")
    file = store(t) / "one.credential"
    whole = file.read_bytes()
    for place in range(0, len(whole), 7):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x20]) + whole[place + 1 :])
        assert str(file) in headless(t, "credential", "test", "one", check=125).err, place
    listing = headless(t, "credential", "list", "--json", check=1)
    kinds = {entry["name"]: entry["kind"] for entry in json.loads(listing.out)["credentials"]}
    assert kinds == {"one": "damaged", "two": "kept"} and str(file) in listing.err, listing
    headless(t, "credential", "test", "two")
    file.write_bytes(whole)
    headless(t, "credential", "test", "one")
    # Swapped files.
    other = store(t) / "two.credential"
    file.write_bytes(other.read_bytes())
    other.write_bytes(whole)
    for name in ("one", "two"):
        assert "it is the file of" in headless(t, "credential", "test", name, check=125).err
    # Written by a later version.
    file.write_bytes(b"cloche-credential 2\nsomething\n")
    assert "later Cloche" in headless(t, "credential", "test", "one", check=125).err
    headless(t, "credential", "delete", "one", "--force")
    # The key of what is still there.
    (store(t) / "key").unlink()
    for words in (["test", "two"], ["protect", "--key-file", t.dir / "other"], ["add", "x", "--stdin"]):
        headless(t, "credential", *words, input=CANARY, check=125)
    assert not (store(t) / "key").exists()


def test_many_at_once_lose_nothing(t):
    key_file(t)
    start = lambda *words: t.spawn("credential", *words, stdin=subprocess.PIPE, start_new_session=True)  # noqa: E731
    headless(t, "credential", "add", "shared", "--stdin", input="first-secret-value")
    running = [(f"n{i}", start("add", f"n{i}", "--stdin")) for i in range(12)]
    running += [("shared", start("rotate", "shared", "--stdin")) for _ in range(4)]
    running += [("twice", start("add", "twice", "--stdin")) for _ in range(3)]
    codes = {}
    for name, process in running:
        _, errors = process.communicate(f"{CANARY}-{name}".encode())
        codes.setdefault(name, []).append(process.returncode)
    assert sorted(codes.pop("twice")) == [0, 125, 125]
    assert all(code == 0 for one in codes.values() for code in one), codes
    assert len(t.json("credential", "list")["credentials"]) == 14
    for name in ["shared", "twice"] + [f"n{i}" for i in range(12)]:
        answer = json.loads(headless(t, "credential", "test", name, "--json").out)
        assert answer["bytes"] == len(f"{CANARY}-{name}"), answer


def test_killed_at_any_time_the_old_or_the_new_is_there(t):
    key_file(t)
    headless(t, "credential", "add", "x", "--stdin", input="a" * 20)
    begin = time.monotonic()
    headless(t, "credential", "rotate", "x", "--stdin", input="a" * 20)
    whole = time.monotonic() - begin
    for round in range(25):
        process = t.spawn("credential", "rotate", "x", "--stdin", stdin=subprocess.PIPE, start_new_session=True)
        process.stdin.write(b"b" * (21 + round))
        process.stdin.close()
        try:
            # From before it has begun to after it has ended.
            process.wait(timeout=whole * round / 20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdout, process.stderr):
            stream.close()
        size = json.loads(headless(t, "credential", "test", "x", "--json").out)["bytes"]
        assert size == 20 or 21 <= size <= 21 + round, size
    headless(t, "credential", "rotate", "x", "--stdin", input="c" * 99)
    assert {file.name for file in store(t).iterdir()} == {"key", "lock", "x.credential"}


def test_locks(t):
    identity = t.dir / "id"
    t.command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", identity)
    headless(t, "credential", "protect", "--ssh-key", identity)
    headless(t, "credential", "add", "x", "--stdin", input=CANARY)
    headless(t, "credential", "protect", "--key-file", "unlock")
    locks = json.loads(headless(t, "credential", "protect", "--json").out)["locks"]
    assert [lock["kind"] for lock in locks] == ["ssh", "key-file"] and "wrapped" not in locks[0], locks
    (t.dir / "unlock").rename(t.dir / "aside")
    headless(t, "credential", "test", "x")
    (t.dir / "aside").rename(t.dir / "unlock")
    headless(t, "credential", "protect", "--remove", "1")
    identity.unlink()
    headless(t, "credential", "test", "x")
    assert "only lock" in headless(t, "credential", "protect", "--remove", "1", check=1).err
    (t.dir / "unlock").chmod(0o644)
    assert "others may read" in headless(t, "credential", "test", "x", check=125).err
    # A key that has a passphrase asks for it where somebody is to be asked, and makes nobody wait where not.
    (t.dir / "unlock").chmod(0o600)
    t.command("ssh-keygen", "-q", "-t", "ed25519", "-N", PHRASE, "-f", t.dir / "locked")
    headless(t, "credential", "protect", "--ssh-key", t.dir / "locked", check=125)
    terminal = t.terminal("credential", "protect", "--ssh-key", t.dir / "locked")
    for _ in range(2):
        answer(terminal, "passphrase.*: ", PHRASE)
    text, code = ended(terminal)
    assert code == 0 and "ssh key" in text, text


def test_no_agent_reaches_the_store(t):
    key_file(t)
    headless(t, "credential", "add", "x", "--stdin", input=CANARY)
    script = f"ls {store(t)}; cat {store(t)}/* {t.dir}/unlock"
    result = t.run_shell(script, check=None)
    assert result.code != 0 and "cloche-credential" not in result.out, result
    (t.home / "link").symlink_to(store(t))
    for source in (store(t), store(t) / "key", t.home / "link", t.state):
        t.profile("greedy", f"extends: shell\nfilesystem:\n  binds: [{{source: '{source}', target: /s, mode: ro}}]\n")
        refused = t.cloche("run", "--profile", "greedy", "--workspace", "none", "--", "true", check=125)
        assert "cannot bind" in refused.err, refused
    refused = t.cloche("run", "--profile", "shell", "--", "true", cwd=store(t), check=None)
    assert refused.code != 0 and "cannot work in" in refused.err, refused
    # The control: a directory beside it may be bound.
    (t.home / "notes").mkdir()
    t.profile("greedy", f"extends: shell\nfilesystem:\n  binds: [{{source: '{t.home}/notes', target: /s, mode: ro}}]\n")
    t.cloche("run", "--profile", "greedy", "--workspace", "none", "--", "test", "-d", "/s")
