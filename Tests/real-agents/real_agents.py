"""What the tests of real agent programs share: where the programs are, a project with a mistake in it, and what holds for each."""

import os
import pathlib

import case

KEY = "sk-canary-5c1e77a09b3d4f28"
CALC = "def add(a, b):\n    return a - b\n"
CHECK = "python3 -B -c 'import calc; assert calc.add(2, 3) == 5, calc.add(2, 3)' && echo 2 and 3 are 5\n"


def installed(t):
    """Puts the programs into the test's PATH; skips where scripts/install-real-agents has not been."""
    home = pathlib.Path(os.environ["HOME"])
    place = pathlib.Path(os.environ.get("CLOCHE_REAL_AGENTS", home / ".cache/cloche/real-agents")) / "bin"
    if not (place / "mini").exists():
        raise case.Skip(f"no agent programs in {place}; scripts/install-real-agents fetches them")
    t.env["PATH"] = f"{place}:{t.env['PATH']}"


# As in profiles/base.yaml, but for the address: a profile's entry stands for the whole one.
SERVICES = {
    "anthropic": """
    headers: {x-api-key: "{key}"}
    paths: [/v1/]
    variables: {ANTHROPIC_BASE_URL: "{url}", ANTHROPIC_API_KEY: "{placeholder}"}
    placeholder: sk-ant-cloche-holds-the-key
    usage: anthropic""",
    "openai": """
    headers: {authorization: "Bearer {key}"}
    paths: [/v1/]
    variables: {OPENAI_BASE_URL: "{url}/v1", OPENAI_API_BASE: "{url}/v1", OPENAI_API_KEY: "{placeholder}"}
    placeholder: sk-cloche-holds-the-key
    usage: openai""",
}


def profile(t, extends, service, server, more=""):
    """The profile `real`, by which a program is served by the scripted model; the key is in a variable of whoever starts it."""
    installed(t)
    t.env[f"{service}_API_KEY".upper()] = KEY
    t.profile(
        "real",
        f"""extends: {extends}
services:
  {service}:
    url: http://127.0.0.1:{server.port}{SERVICES[service]}
{more}""",
    )


def project(t):
    return t.repository(files={"calc.py": CALC, "check.sh": CHECK})


def environments(t, name, project):
    """What the variables and arguments of all processes inside are, with the placeholder as a control that they were read."""
    # Those of init cannot be read inside.
    read = "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline"
    seen = t.cloche("exec", "-T", name, "--", "sh", "-c", read, cwd=project, check=None).out
    assert "cloche-holds-the-key" in seen, seen
    return seen


def files_with(t, text):
    """Files with a text, of all that is kept of agents: home, workspace, log, recording, audit."""
    found = []
    # An overlay's own scratch directories can be read by nobody, and are empty: walk passes them over.
    for folder, _, names in os.walk(t.state):
        for path in (pathlib.Path(folder, name) for name in names):
            if path.is_file() and not path.is_symlink() and text.encode() in path.read_bytes():
                found.append(path)
    return found


def key_stayed_outside(t, server, header, value, told):
    """The key went to the service with every request, and is in nothing that is kept of the agent, where what it was told is."""
    sent = [{name.lower(): text for name, text in headers.items()} for _, _, headers, _ in server.requests]
    assert sent and all(headers.get(header) == value for headers in sent), [headers.get(header) for headers in sent]
    # The placeholder is what the agent sends; the gateway takes it away.
    assert not any("cloche-holds" in text for headers in sent for text in headers.values())
    assert files_with(t, told), f"{told!r} is in no file"
    assert not files_with(t, KEY)


def cost_is(t, project, server):
    """What `cost` tells is what the model said, to the token, or is marked as an estimate."""
    rows = lambda: {row["model"]: row for row in t.json("cost", "--by", "model", cwd=project)["rows"]}  # noqa: E731
    requests = lambda sums: sum(row["requests"] for row in sums.values())  # noqa: E731
    t.wait_until(lambda: requests(rows()) >= requests(server.usage), "all requests in the ledger", 10)
    found = rows()
    assert set(found) == set(server.usage), (found, server.usage)
    for model, said in server.usage.items():
        keys = ("requests", "estimated") if said["estimated"] else said.keys()
        assert {key: found[model][key] for key in keys} == {key: said[key] for key in keys}, (found, server.usage)
        assert found[model]["nanodollars"] > 0 and not found[model]["unpriced"], found
