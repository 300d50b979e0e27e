"""What a profile says of the network: `netcheck`, bundles, origins, trust. Nothing here connects to anything."""

import json

RULES = """\
extends: shell
network:
  mode: allow
  allow:
    - pypi
    - "*.example.test:443"
    - {host: api.test, ports: [80], methods: [GET], paths: ["/v1/*"]}
    - 10.1.0.0/16:5432
  deny:
    - evil.example.test
    - 10.1.9.0/24
"""


def asked(t, project, *words, profile="mine", **options):
    """The answers by what was asked, and the exit code."""
    result = t.cloche("netcheck", profile, "--json", *words, cwd=project, check=None, **options)
    return {answer["target"]: answer for answer in json.loads(result.out)}, result.code


def test_netcheck_names_the_rule_and_its_place(t):
    project = t.repository()
    t.profile("mine", RULES)
    urls = ["https://pypi.org/simple/", "a.example.test", "http://api.test/v1/x", "10.1.2.3:5432"]
    answers, code = asked(t, project, *urls)
    assert code == 0 and all(answer["verdict"] == "allowed" for answer in answers.values()), answers
    assert answers["a.example.test"]["origin"].endswith("mine.yaml:6"), answers
    assert answers["https://pypi.org/simple/"]["origin"].startswith("bundle pypi, line "), answers
    assert answers["http://api.test/v1/x"]["protocol"] == "http", answers
    text = t.cloche("netcheck", "mine", *urls, cwd=project).out
    assert "allowed  a.example.test  by *.example.test:443" in text and "mine.yaml:6" in text, text


def test_netcheck_says_why_not_and_what_would_help(t):
    project = t.repository()
    t.profile("mine", RULES)
    cases = {
        "https://other.test/": ("host-not-allowed", "other.test:443"),
        "example.test": ("host-not-allowed", "example.test:443"),
        "a.b.example.test": ("host-not-allowed", "a.b.example.test:443"),
        "a.example.test:22": ("port-not-allowed", "a.example.test:22"),
        "http://a.example.test": ("port-not-allowed", "a.example.test:80"),
        "https://evil.example.test": ("denied", None),
        "10.1.9.9:5432": ("denied", None),
        "10.2.0.1:5432": ("address-not-public", "10.2.0.1:5432"),
        "[::ffff:10.2.0.1]:5432": ("address-not-public", "10.2.0.1:5432"),
        "[::1]:80": ("address-not-public", '"[::1]:80"'),
        "http://169.254.169.254/latest": ("metadata-address", "169.254.169.254:80"),
        "http://api.test/v2": ("path-not-allowed", "{host: api.test:80, methods: [GET], paths: [/v2]}"),
        "http://api.test/v1/../v2": ("path-unclear", None),
        "https://api.test:80": ("wrong-protocol", "{host: api.test:80, protocol: tls}"),
        "https://0x7f.1/": ("invalid-host", None),
        "2130706433": ("invalid-host", None),
        "a.example.test\0.pypi.org".replace("\0", "%00"): ("invalid-host", None),
        "user@pypi.org": ("invalid-host", None),
    }
    answers, code = asked(t, project, *cases)
    assert code == 1, code
    for url, (reason, suggestion) in cases.items():
        answer = answers[url]
        assert (answer["verdict"], answer["reason"], answer["suggestion"]) == ("refused", reason, suggestion), answer
        if suggestion:
            added, code = asked(t, project, url, "--set", f"network.allow+=[{suggestion}]")
            assert code == 0 and added[url]["verdict"] == "allowed", added
    assert answers["https://evil.example.test"]["rule"].endswith("mine.yaml:10)"), answers
    text = t.cloche("netcheck", "mine", "pypi.org", "other.test", cwd=project, check=1).out
    assert "refused  other.test  no rule" in text and "to allow it: --set 'network.allow+=[other.test:443]'\n" in text, text


def test_the_method_is_judged(t):
    project = t.repository()
    t.profile("mine", RULES)
    answers, code = asked(t, project, "http://api.test/v1/x", "--method", "POST")
    assert code == 1 and answers["http://api.test/v1/x"]["reason"] == "method-not-allowed", answers


def test_nothing_is_allowed_unless_it_is_named(t):
    """T89: an empty list, none, one with refusals only; and an entry of nothing is an error."""
    project = t.repository()
    hosts = ["pypi.org", "evil.test", "8.8.8.8", "localhost:80", "[::1]:80"]
    for text in ("{mode: allow}", "{mode: allow, allow: []}", "{mode: allow, deny: [evil.test]}", "{allow: [pypi]}"):
        t.profile("mine", f"extends: shell\nnetwork: {text}\n")
        answers, code = asked(t, project, *hosts)
        assert code == 1 and all(answer["verdict"] == "refused" for answer in answers.values()), answers
    # The control: the same hosts with a rule for each.
    t.profile("mine", 'extends: shell\nnetwork: {mode: allow, allow: ["**:*", "*:*", "8.8.8.8", "[::1]:80"]}\n')
    assert asked(t, project, *hosts)[1] == 0
    t.profile("mine", 'extends: shell\nnetwork: {mode: allow, allow: [""]}\n')
    result = t.cloche("netcheck", "mine", "pypi.org", cwd=project, check=125)
    assert "mine.yaml:2:32" in result.err and "is empty" in result.err, result.err


def test_mistakes_in_rules_have_their_place(t):
    project = t.repository()
    cases = {
        "githib": ["mine.yaml:5", "did you mean `github`", "githib:443"],
        "a.test:99999": ["mine.yaml:5:7", "'99999' is no list of ports"],
        "https://a.test": ["mine.yaml:5:7", "a URL has no place here"],
        "0177.0.0.1:80": ["mine.yaml:5:7", "number"],
        "a*.test": ["mine.yaml:5:7", "whole part"],
        "{host: a.test, method: GET}": ["mine.yaml:5:22", "did you mean `methods`"],
    }
    for rule, parts in cases.items():
        t.profile("mine", f"extends: shell\nnetwork:\n  mode: allow\n  allow:\n    - {rule}\n")
        result = t.cloche("netcheck", "mine", "a.test", cwd=project, check=125)
        assert all(part in result.err for part in parts), (rule, result.err)


def test_every_shipped_bundle_can_be_asked_for(t):
    project = t.repository()
    hosts = {
        "anthropic": "api.anthropic.com", "openai": "api.openai.com", "google": "generativelanguage.googleapis.com",
        "github": "github.com", "pypi": "files.pythonhosted.org", "npm": "registry.npmjs.org", "crates": "static.crates.io",
        "go": "proxy.golang.org", "debian": "deb.debian.org",
    }  # fmt: skip
    for name, host in hosts.items():
        options = ["--set", "network.mode=allow", "--set", f"network.allow=[{name}]"]
        answers, _ = asked(t, project, host, "example.com", *options, profile="shell")
        assert [answer["verdict"] for answer in answers.values()] == ["allowed", "refused"], answers


def test_a_bundle_of_ones_own_and_trust(t):
    project = t.repository()
    bundle = project / ".cloche" / "network" / "own.yaml"
    bundle.parent.mkdir(parents=True)
    bundle.write_text("description: ours\nallow: [one.test]\n")
    t.profile("mine", "extends: shell\nnetwork: {mode: allow, allow: [own]}\n")
    result = t.cloche("netcheck", "mine", "one.test", cwd=project, check=125)
    assert "network/own.yaml" in result.err and "cloche config trust" in result.err, result.err
    t.cloche("config", "trust", cwd=project)
    answers, code = asked(t, project, "one.test", "two.test")
    assert code == 1 and answers["one.test"]["verdict"] == "allowed", answers
    # The text is kept with an agent, so that what the file says later changes nothing for it.
    t.cloche("start", "a", "--profile", "mine", "sleep 1000", cwd=project)
    bundle.write_text("allow: [two.test]\n")
    effective = json.loads(t.cloche("explain", "a", "--json", cwd=project).out)["effective"]
    assert effective["network"]["definitions"]["own"] == "description: ours\nallow: [one.test]\n", effective["network"]


def test_a_project_may_only_narrow(t):
    project = t.repository()
    t.profile("mine", RULES)
    file = project / ".cloche" / "config.yaml"
    file.parent.mkdir(exist_ok=True)
    for text in ("allow+: [other.test]", "deny: []", "mode: open", "upstream-proxy: http://evil.test:80", "dns: {servers: [10.0.0.1]}"):
        file.write_text(f"overrides:\n  network:\n    {text}\n")
        result = t.cloche("netcheck", "mine", "pypi.org", cwd=project, check=125)
        assert "config.yaml:3:" in result.err and "not trusted" in result.err, (text, result.err)
    file.write_text("overrides:\n  network:\n    allow: [pypi]\n    deny+: [files.pythonhosted.org]\n")
    answers, _ = asked(t, project, "pypi.org", "files.pythonhosted.org", "a.example.test")
    verdicts = {url: answer["verdict"] for url, answer in answers.items()}
    assert verdicts == {"pypi.org": "allowed", "files.pythonhosted.org": "refused", "a.example.test": "refused"}, verdicts


def test_agent_programs_reach_their_service_and_nothing_else(t):
    project = t.repository()
    services = {
        "claude": "api.anthropic.com", "claude-readonly": "api.anthropic.com", "claude-vertex": "us-east5-aiplatform.googleapis.com",
        "codex": "api.openai.com", "gemini": "generativelanguage.googleapis.com", "gemini-oauth": "cloudcode-pa.googleapis.com",
        "gemini-vertex": "aiplatform.googleapis.com", "copilot": "api.githubcopilot.com", "opencode": "models.dev",
        "aider": "openrouter.ai", "mini-swe-agent": "api.anthropic.com",
    }  # fmt: skip
    others = ["github.com", "pypi.org", "example.com", "http://example.com", "storage.googleapis.com", "8.8.8.8", "127.0.0.1:11434"]
    for profile, host in services.items():
        answers, _ = asked(t, project, host, *others, profile=profile)
        allowed = [url for url, answer in answers.items() if answer["verdict"] == "allowed"]
        assert allowed == [host], (profile, allowed)
        # What the documentation says to write for more.
        assert asked(t, project, host, "pypi.org", "--set", "network.allow+=[pypi]", profile=profile)[1] == 0, profile
