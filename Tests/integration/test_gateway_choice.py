"""Which of several sources a key came from is settled at a start: what a change of a credential reaches, and what it does not."""

import json

import test_gateway

ASK = "curl -sS -o /dev/null -w '%{http_code}' $MODEL_URL/v1/x"


def started(t, name, sources, project, service):
    t.profile(
        name,
        f"""
extends: shell
services:
  model:
    url: http://127.0.0.1:{service.port}
    headers: {{x-api-key: "{{key}}"}}
    variables: {{MODEL_URL: "{{url}}"}}
credentials: {json.dumps(sources)}
""",
    )
    t.start(name, "exec sleep 1000", cwd=project, profile=name)


def key(t, name, project, service):
    """The key that an agent's request is given; none if it is refused."""
    service.requests.clear()
    status = t.cloche("exec", "-T", name, "--", "sh", "-c", ASK, cwd=project).out
    assert (status == "200") == bool(service.requests), status
    return {field.lower(): value for field, value in service.requests[0][2].items()}["x-api-key"] if service.requests else None


def told(t, *words):
    return {change["agent"]: change for change in t.json("credential", *words)["agents"]}


def test_rotate_reads_the_keys_of_a_service_anew(t):
    """From a variable of whoever says so, from a file, from a program; what cannot be read is told, and leaves the key that was."""
    service, project = test_gateway.Service(), t.repository()
    file = t.home / "key"
    file.write_text("key-of-a-file-1\n")
    file.chmod(0o600)
    t.env["MODEL_KEY"] = "key-of-a-variable-1"
    started(t, "a", [{"service": "model", "env": "MODEL_KEY"}], project, service)
    started(t, "b", [{"service": "model", "file": str(file)}], project, service)
    started(t, "c", [{"service": "model", "command": ["sh", "-c", f"sed s/file/program/ {file}"]}], project, service)
    before = [key(t, name, project, service) for name in "abc"]
    assert before == ["key-of-a-variable-1", "key-of-a-file-1", "key-of-a-program-1"], before
    t.env["MODEL_KEY"] = "key-of-a-variable-2"
    file.write_text("key-of-a-file-2\n")
    changes = told(t, "rotate", "model")
    assert set(changes) == set("abc") and not any(change["failure"] for change in changes.values()), changes
    after = [key(t, name, project, service) for name in "abc"]
    assert after == ["key-of-a-variable-2", "key-of-a-file-2", "key-of-a-program-2"], after
    # One that is not there any more.
    del t.env["MODEL_KEY"]
    file.write_text("key-of-a-file-3\n")
    result = t.cloche("credential", "rotate", "model", check=None)
    assert result.code == 1 and "MODEL_KEY" in result.out and "not at a" in result.out, result
    assert [key(t, name, project, service) for name in "abc"] == ["key-of-a-variable-2", "key-of-a-file-3", "key-of-a-program-3"]
    # A name that nobody has is a mistake as before.
    assert t.cloche("credential", "rotate", "nobody", check=None).code != 0


def test_a_change_reaches_those_that_were_given_the_credential(t):
    """And no agent whose key of the same service came from elsewhere, although its profile names the credential as well."""
    service, project = test_gateway.Service(), t.repository()
    t.cloche("credential", "protect", "--key-file", t.home / "opener")
    t.cloche("credential", "add", "work", "--stdin", input="key-that-is-kept-1\n")
    sources = [{"service": "model", "env": "MODEL_KEY"}, {"service": "model", "kept": "work"}]
    t.env["MODEL_KEY"] = "key-of-a-variable-1"
    started(t, "own", sources, project, service)
    del t.env["MODEL_KEY"]
    started(t, "kept", sources, project, service)
    both = lambda: [key(t, name, project, service) for name in ("own", "kept")]  # noqa: E731
    assert both() == ["key-of-a-variable-1", "key-that-is-kept-1"], both()
    result = t.cloche("credential", "rotate", "work", "--stdin", "--json", input="key-that-is-kept-2\n")
    assert [change["agent"] for change in json.loads(result.out)["agents"]] == ["kept"], result
    assert both() == ["key-of-a-variable-1", "key-that-is-kept-2"], both()
    assert set(told(t, "revoke", "work")) == {"kept"}
    assert both() == ["key-of-a-variable-1", None], both()
    # The service itself reaches both, however they have it; and who is resumed chooses anew.
    t.cloche("credential", "rotate", "work", "--stdin", input="key-that-is-kept-3\n")
    t.cloche("stop", "own", "--kill", cwd=project)
    t.cloche("resume", "own", cwd=project)
    assert both() == ["key-that-is-kept-3"] * 2, both()
    assert set(told(t, "revoke", "model")) == {"own", "kept"} and both() == [None, None]


def test_work_that_is_put_off_is_in_the_ledger(t):
    """Without a budget it goes on; that it was asked for is not lost."""
    service = test_gateway.Service(lambda handler, _: handler.reply(b'{"id": "batch"}', kind="application/json"))
    test_gateway.profile(t, service.port, service="usage: anthropic")
    project = t.repository()
    t.start("a", "exec sleep 1000", cwd=project, profile="served")
    ask = "curl -sS -o /dev/null -w '%{http_code}' -d '{\"requests\": []}' $MODEL_URL/v1/messages/batches"
    assert t.cloche("exec", "-T", "a", "--", "sh", "-c", ask, cwd=project).out == "200"
    total = lambda: t.json("cost", cwd=project)["total"]  # noqa: E731
    t.wait_until(lambda: total()["requests"] == 1, "the request in the ledger", 10)
    # The control: what is free is not.
    free = "curl -sS -o /dev/null -w '%{http_code}' -d '{}' $MODEL_URL/v1/messages/count_tokens"
    assert t.cloche("exec", "-T", "a", "--", "sh", "-c", free, cwd=project).out == "200"
    assert total()["requests"] == 1


def test_gemini_finds_its_gateway(t):
    """A program that reads what Gemini CLI reads, under the profile for it; the real one was not tried."""
    service = test_gateway.Service()
    program = t.home / ".local/bin/gemini"
    program.parent.mkdir(parents=True)
    program.write_text(
        "#!/bin/sh\n"
        'curl -sS -H "x-goog-api-key: $GEMINI_API_KEY" "$GOOGLE_GEMINI_BASE_URL/v1beta/models/m:generateContent" -d "{}"; echo " $GEMINI_API_KEY"\n'
    )
    program.chmod(0o755)
    t.env["PATH"] = f"{program.parent}:{t.env['PATH']}"
    t.env["GEMINI_API_KEY"] = test_gateway.KEY
    t.profile(
        "real",
        f"""
extends: gemini-gateway
services:
  gemini:
    url: http://127.0.0.1:{service.port}
    headers: {{x-goog-api-key: "{{key}}"}}
    paths: [/v1/, /v1beta/]
    variables: {{GOOGLE_GEMINI_BASE_URL: "{{url}}", GEMINI_API_KEY: "{{placeholder}}"}}
""",
    )
    project = t.repository()
    t.run_task("a", "a task", cwd=project, profile="real")
    assert "fine cloche-holds-the-key" in t.cloche("logs", "a", cwd=project).out
    ((_, path, headers, _),) = service.requests
    assert path.endswith(":generateContent") and {name.lower(): value for name, value in headers.items()}["x-goog-api-key"] == test_gateway.KEY
