"""Bundles: an agent program that no code knows, made known by one file. A script stands for the program: it writes down
what it got, so that model, instructions, skills and MCP servers are seen as the program sees them."""

import json
import os

CRAB = r"""#!/usr/bin/python3
import json, os, sys

home = os.environ["HOME"]
if sys.argv[1:] == ["--version"]:
    print("crab 1.0")
    sys.exit(0)
def text(path):
    try:
        return open(os.path.join(home, path)).read()
    except OSError:
        return None
skills = os.path.join(home, ".crab/skills")
found = {
    "arguments": sys.argv[1:],
    "settings": text(".crab/settings.json"),
    "servers": text(".crab/servers.json"),
    "rules": text(".crab/RULES.md"),
    "skills": {name: text(f".crab/skills/{name}/SKILL.md") for name in sorted(os.listdir(skills))}
    if os.path.isdir(skills) else {},
}
try:
    open(os.path.join(skills, "tidy/SKILL.md"), "w")
    found["skills-writable"] = True
except OSError:
    found["skills-writable"] = False
runs = os.path.join(home, "runs")
os.makedirs(runs, exist_ok=True)
number = len(os.listdir(runs))
json.dump(found, open(os.path.join(runs, str(number)), "w"))
# The program keeps things of its own in the same files.
if number == 0 and found["servers"]:
    servers = json.loads(found["servers"])
    servers["mcp"]["mine"] = {"run": ["mine"]}
    servers["mcp"]["files"]["run"] = ["changed"]
    servers["window"] = 7
    json.dump(servers, open(os.path.join(home, ".crab/servers.json"), "w"))
if number == 0 and found["rules"]:
    open(os.path.join(home, ".crab/RULES.md"), "a").write("\nWhat I learned\n")
task = sys.argv[sys.argv.index("-m") + 1] if "-m" in sys.argv else ""
sys.exit(int(task[5:]) if task.startswith("exit ") else 0)
"""

BUNDLE = """\
description: Crab, which no code knows
harness:
  command: [crab, --yes]
  task: [-m, "{task}"]
  resume: [--again]
  resume-task: [--again, -m, "{task}"]
  seeds:
    .crab/settings.json: '{"seeded": true}'
  model: [--model, "{model}"]
  instructions: {file: .crab/RULES.md, arguments: [--rules, "{instructions-file}"]}
  skills: .crab/skills
  mcp:
    file: .crab/servers.json
    key: mcp
    command: {run: ["{command}", "{args}"], variables: "{env}"}
    url: {at: "{url}"}
  interrupt: [Escape]
  check: [crab, --version]
  install: catch a crab
"""


def crab(t, bundle=BUNDLE, installed=True):
    """The bundle as a file of the user's, and the program where the bundle's bind shows it."""
    place = t.home / ".local/bin"
    place.mkdir(parents=True, exist_ok=True)
    if installed:
        (place / "crab").write_text(CRAB)
        (place / "crab").chmod(0o755)
    bundles = t.config / "cloche/harness"
    bundles.mkdir(exist_ok=True)
    (bundles / "crab.yaml").write_text(
        bundle + "filesystem:\n  binds+: [{source: ~/.local/bin/crab, optional: true}]\n"
    )


def equip(t, **keys):
    """Sets keys for whichever program is used."""
    file = t.config / "cloche/config.yaml"
    settings = {"environment": {"set": {"CLOCHE_TEST_ID": t.dir.name}}} | keys
    file.write_text(json.dumps({"overrides": settings}))


def everything(t):
    skill = t.home / "skills/tidy"
    skill.mkdir(parents=True, exist_ok=True)
    (skill / "SKILL.md").write_text("Tidy up.\n")
    (t.home / "house-rules.md").write_text("Be brief.\n")
    equip(
        t,
        instructions={"text": "Be kind.", "files": ["~/house-rules.md"]},
        skills=["~/skills/tidy"],
        **{
            "mcp-servers": {
                "files": {"command": "file-server", "args": ["--root", "/workspace"], "env": {"LEVEL": "1"}},
                "web": {"url": "https://mcp.example.com/mcp"},
            }
        },
    )


def runs(t, project, name="a"):
    """What the program wrote down in each of its runs."""
    place = t.command(t.program, "path", name, "home", cwd=project).out.strip()
    return [json.loads(open(f"{place}/runs/{run}").read()) for run in sorted(os.listdir(f"{place}/runs"))]


def home(t, project, name="a"):
    return t.cloche("path", name, "home", cwd=project).out.strip()


def test_a_bundle_is_a_file_alone_and_passes_profile_check(t):
    project = t.repository()
    crab(t)
    everything(t)
    told = t.json("profile", "check", "crab", "--task", "look around", cwd=project)
    assert told[0]["ok"], told
    outcome = {finding["subject"]: (finding["outcome"], finding["detail"]) for finding in told[0]["findings"]}
    assert outcome["profile"] == ("ok", "crab extends base"), outcome
    assert outcome["program"] == ("ok", "/home/agent/.local/bin/crab"), outcome
    assert outcome["check"] == ("ok", "crab --version: crab 1.0"), outcome
    assert outcome["takes"] == ("ok", "model, instructions, skills, mcp-servers, task, resume"), outcome
    assert outcome["task"] == ("ok", "ended with 0") and outcome["resume"] == ("ok", "ended with 0"), outcome
    assert t.agents(project) == {}
    listed = {profile["name"]: profile for profile in t.json("profile", "list", cwd=project)}
    assert listed["crab"]["bundle"] and listed["crab"]["layers"] == ["user"] and not listed["base"]["bundle"]
    plain = t.cloche("profile", "check", "crab", cwd=project).out
    assert "ok      program: /home/agent/.local/bin/crab" in plain and "failed" not in plain, plain


def test_profile_check_tells_what_fails_and_what_to_do(t):
    project = t.repository()
    crab(t, installed=False)
    told = t.cloche("profile", "check", "crab", cwd=project, check=1).out
    assert "failed  program: crab is not there in the sandbox\n        catch a crab" in told, told
    crab(t, BUNDLE.replace("check: [crab, --version]", "check: [crab, -m, exit 3]"))
    told = t.cloche("profile", "check", "crab", cwd=project, check=1).out
    assert "failed  check: crab -m exit 3 ended with 3" in told, told
    crab(t, BUNDLE.replace("[Escape]", "[Esacpe]"))
    told = t.cloche("profile", "check", "crab", cwd=project, check=1).out
    assert "failed  interrupt: Esacpe is no key" in told, told
    crab(t)
    told = t.json("profile", "check", "crab", "--task", "exit 4", cwd=project, check=1)
    (task,) = [finding for finding in told[0]["findings"] if finding["subject"] == "task"]
    assert task["outcome"] == "failed" and task["detail"] == "ended with 4", task
    # It is left for a look, as the remedy says.
    (name,) = t.agents(project)
    assert f"cloche logs {name}" in task["remedy"], task
    equip(t, skills=["~/nowhere"])
    told = t.cloche("profile", "check", "crab", cwd=project, check=1).out
    assert "failed  takes: " in told and "/nowhere is no skill" in told, told


def test_what_a_program_is_given_at_its_first_start_and_when_resumed(t):
    project = t.repository()
    crab(t)
    everything(t)
    t.run_task("a", "look around", "--model", "crab-large[2]", cwd=project, profile="crab")
    (first,) = runs(t, project)
    rules = "/home/agent/.crab/RULES.md"
    assert first["arguments"] == ["--yes", "--model", "crab-large[2]", "--rules", rules, "-m", "look around"], first
    assert first["settings"] == '{"seeded": true}'
    servers = json.loads(first["servers"])
    assert servers == {
        "mcp": {
            "files": {"run": ["file-server", "--root", "/workspace"], "variables": {"LEVEL": "1"}},
            "web": {"at": "https://mcp.example.com/mcp"},
        }
    }, servers
    assert first["rules"].splitlines()[1:-1] == ["Be brief.", "", "Be kind."], first["rules"]
    assert first["skills"] == {"tidy": "Tidy up.\n"} and first["skills-writable"] is False, first

    # What the program did with the files stays, but for what is ours; rules are read anew.
    (t.home / "house-rules.md").write_text("Be briefer.\n")
    t.cloche("resume", "a", "go on", cwd=project)
    t.wait_ended("a", project)
    again = runs(t, project)[1]
    assert again["arguments"] == ["--yes", "--model", "crab-large[2]", "--rules", rules, "--again", "-m", "go on"], again
    servers = json.loads(again["servers"])
    assert servers["mcp"]["mine"] == {"run": ["mine"]} and servers["window"] == 7, servers
    assert servers["mcp"]["files"]["run"] == ["file-server", "--root", "/workspace"], servers
    lines = again["rules"].splitlines()
    assert lines[1:4] == ["Be briefer.", "", "Be kind."] and "What I learned" in lines, lines
    assert sum("cloche: begin" in line for line in lines) == 1, lines
    t.cloche("resume", "a", cwd=project)
    t.wait_ended("a", project)
    assert runs(t, project)[2]["arguments"][-1] == "--again"
    # From now on with another model; a text that is none changes nothing.
    for model, code in [("--evil", 125), ("crab-small", 0)]:
        t.cloche("resume", "a", "--model", model, cwd=project, check=code)
    t.wait_ended("a", project)
    assert runs(t, project)[3]["arguments"] == ["--yes", "--model", "crab-small", "--rules", rules, "--again"]
    t.cloche("resume", "a", cwd=project)
    t.wait_ended("a", project)
    assert "crab-small" in runs(t, project)[4]["arguments"]


def test_nothing_is_given_that_was_not_asked_for(t):
    project = t.repository()
    crab(t)
    t.run_task("a", "look around", cwd=project, profile="crab")
    (first,) = runs(t, project)
    assert first["arguments"] == ["--yes", "-m", "look around"], first
    assert first["servers"] is None and first["rules"] is None and first["skills"] == {}, first


def test_what_a_program_has_no_form_for_stops_the_start(t):
    project = t.repository()
    everything(t)
    for key, value in [
        ("model", "large"),
        ("instructions.text", "be kind"),
        ("skills", "[~/skills/tidy]"),
        ("mcp-servers.x", "{command: x}"),
    ]:
        equip(t)
        told = t.cloche("start", "a", "-p", "shell", "--set", f"{key}={value}", "true", cwd=project, check=125).err
        top = key.split(".")[0]
        assert f"the program of profile shell takes no `{top}`" in told and "harness." in told, told
        assert t.agents(project) == {}
    # When it is resumed, too; and what it cannot be told is not kept for the next time.
    t.run_task("b", "true", cwd=project, profile="shell")
    told = t.cloche("resume", "b", "--model", "large", cwd=project, check=125).err
    assert "the program of profile shell takes no `model`" in told, told
    t.cloche("resume", "b", "true", cwd=project)
    t.wait_ended("b", project)
    crab(t, BUNDLE.replace('    url: {at: "{url}"}\n', ""))
    everything(t)
    told = t.cloche("start", "a", "-p", "crab", "x", cwd=project, check=125).err
    assert "takes no MCP server by its URL" in told and "mcp-servers.web.url" in told, told
    # The control: a program with all forms starts with the same keys.
    crab(t)
    t.run_task("a", "x", "--model", "m", cwd=project, profile="crab")
    assert len(runs(t, project)) == 1


def test_run_takes_a_model_and_refuses_what_needs_a_home(t):
    project = t.repository()
    crab(t, BUNDLE.replace("command: [crab, --yes]", "command: [echo]\n  program: echo"))
    told = t.cloche("run", "-p", "crab", "--model", "m-1", cwd=project).out
    assert told == "--model m-1\n", told
    everything(t)
    told = t.cloche("run", "-p", "crab", cwd=project, check=2).err
    assert "`instructions` cannot be given to a program in a throw-away sandbox" in told, told
    # Another program is given nothing of it, and runs.
    assert t.cloche("run", "-p", "crab", "--", "echo", "hello", cwd=project).out == "hello\n"
    told = t.cloche("run", "-p", "crab", "--model", "--evil", cwd=project, check=125).err
    assert "`model` must be" in told, told


def test_links_in_an_agents_home_are_not_followed(t):
    project = t.repository()
    crab(t)
    everything(t)
    t.run_task("a", "x", cwd=project, profile="crab")
    place = home(t, project)
    secret = t.home / "secret.json"
    # What the agent could have done: links at the file, and at a directory on the way.
    for file in (".crab/servers.json", ".crab/RULES.md"):
        secret.write_text('{"key": "of the user"}')
        kept = open(f"{place}/{file}").read()
        os.remove(f"{place}/{file}")
        os.symlink(secret, f"{place}/{file}")
        # The control: whoever follows links is led there.
        assert open(f"{place}/{file}").read() == secret.read_text()
        told = t.cloche("resume", "a", cwd=project, check=125).err
        assert f"~/{file} of the agent cannot be written" in told and "link" in told, told
        assert secret.read_text() == '{"key": "of the user"}'
        os.remove(f"{place}/{file}")
        open(f"{place}/{file}", "w").write(kept)
    outside = t.home / "outside"
    outside.mkdir()
    os.rename(f"{place}/.crab", f"{place}/.moved")
    os.symlink(outside, f"{place}/.crab")
    told = t.cloche("resume", "a", cwd=project, check=125).err
    assert "link" in told and os.listdir(outside) == [], told
    # The control: a directory there, and it goes on.
    os.remove(f"{place}/.crab")
    os.rename(f"{place}/.moved", f"{place}/.crab")
    t.cloche("resume", "a", cwd=project)
    t.wait_ended("a", project)
    assert len(runs(t, project)) == 2


def test_a_skill_is_shown_nowhere_else_because_of_a_link(t):
    project = t.repository()
    crab(t)
    everything(t)
    t.run_task("a", "x", cwd=project, profile="crab")
    place = home(t, project)
    # A mount at the other end of the link would hide what is there.
    for end in ("/workspace", "/usr/lib", "/proc/self"):
        os.rename(f"{place}/.crab/skills", f"{place}/.crab/moved")
        os.symlink(end, f"{place}/.crab/skills")
        told = t.cloche("resume", "a", cwd=project, check=125).err
        assert ".crab/skills" in told, told
        os.remove(f"{place}/.crab/skills")
        os.rename(f"{place}/.crab/moved", f"{place}/.crab/skills")
    t.cloche("resume", "a", cwd=project)
    t.wait_ended("a", project)
    assert runs(t, project)[1]["skills"] == {"tidy": "Tidy up.\n"}


def test_a_fifo_or_broken_file_of_the_agents_does_not_hang_a_resume(t):
    project = t.repository()
    crab(t)
    everything(t)
    t.run_task("a", "x", cwd=project, profile="crab")
    file = f"{home(t, project)}/.crab/servers.json"
    os.remove(file)
    os.mkfifo(file)
    assert "cannot be written" in t.cloche("resume", "a", cwd=project, check=125, timeout=20).err
    os.remove(file)
    open(file, "w").write("// no JSON\n")
    told = t.cloche("resume", "a", cwd=project, check=125).err
    assert "cannot be written into ~/.crab/servers.json" in told, told
    assert open(file).read() == "// no JSON\n"
    os.remove(file)
    t.cloche("resume", "a", cwd=project)
    t.wait_ended("a", project)


def test_a_project_brings_no_files_of_the_host(t):
    project = t.repository()
    (t.home / "secret.md").write_text("a secret")
    (project / ".cloche").mkdir()
    crab(t)
    for keys in ["{instructions: {files: [~/secret.md]}}", "{skills: [~/secrets]}"]:
        (project / ".cloche/config.yaml").write_text(f"overrides: {keys}\n")
        told = t.cloche("start", "a", "-p", "crab", "x", cwd=project, check=125).err
        assert "not trusted" in told, told
    (project / ".cloche/config.yaml").write_text("overrides: {instructions: {files: [~/secret.md]}}\n")
    t.cloche("config", "trust", cwd=project)
    t.run_task("a", "x", cwd=project, profile="crab")
    assert "a secret" in runs(t, project)[0]["rules"]


def test_interrupt_is_a_key_of_the_bundle(t):
    project = t.repository()
    equip(t, harness={"interrupt": ["C-c"]})
    wait = "trap 'echo STOPPED; exit 5' INT; echo READY; while :; do read -r line; done"
    t.start("a", wait, cwd=project)
    t.wait_until(lambda: "READY" in t.cloche("look", "a", cwd=project).out, "it is there")
    t.cloche("keys", "--interrupt", "a", cwd=project)
    assert t.wait_ended("a", project)["exit-code"] == 5
    equip(t)
    crab(t, BUNDLE.replace("  interrupt: [Escape]\n", "").replace("command: [crab, --yes]", "command: [cat]"))
    t.cloche("start", "b", "-p", "crab", cwd=project)
    told = t.cloche("keys", "--interrupt", "b", cwd=project, check=125).err
    assert "does not set `harness.interrupt`" in told, told


def test_profile_new_by_options(t):
    project = t.repository()
    crab(t)
    (t.config / "cloche/harness/crab.yaml").unlink()
    words = ["--program", "crab --yes", "--task-args", '-m "{task}"', "--resume-args=--again", "--check", "crab --version"]
    words += ["--model-args=--model {model}", "--mcp-file", ".crab/servers.json", "--mcp-key", "mcp", "--extends", "base"]
    words += ["--env", "CRAB_KEY", "--network", "github", "--network", "api.crab.example:443"]
    made = t.json("profile", "new", "shore", *words, cwd=project)
    assert made["file"].endswith("/cloche/harness/shore.yaml"), made
    shown = t.json("profile", "show", "shore", cwd=project)
    assert shown["harness"]["command"] == ["crab", "--yes"] and shown["harness"]["task"] == ["-m", "{task}"], shown
    assert shown["harness"]["mcp"]["file"] == ".crab/servers.json" and shown["harness"]["mcp"]["key"] == "mcp"
    assert shown["credentials"][0]["env"] == "CRAB_KEY" and shown["network"]["mode"] == "allow"
    assert shown["network"]["allow"] == ["github", "api.crab.example:443"]
    before = open(made["file"]).read()
    for name in ("shore", "shell", "../x", "a/b", "-x", ".."):
        told = t.cloche("profile", "new", "--program", "x", "--", name, cwd=project, check=None)
        assert told.code in (2, 125) and told.err, told
    assert open(made["file"]).read() == before
    told = t.cloche("profile", "new", "other", cwd=project, check=None)
    assert told.code == 2 and "--program" in told.err, told
    told = t.cloche("profile", "new", "other", "--program", "x", "--network", "no such host", cwd=project, check=None)
    assert told.code != 0 and not (t.config / "cloche/harness/other.yaml").exists(), told


def test_profile_new_by_questions(t):
    project = t.repository()
    crab(t)
    (t.config / "cloche/harness/crab.yaml").unlink()
    terminal = t.terminal("profile", "new", "shore", "--extends", "base", cwd=project)
    for question, answer in [
        ("in one line: ", "A crab"),
        ("always gets: ", "crab --yes"),
        ("in its place: ", '-m "{task}"'),
        ("last conversation: ", "--again"),
    ]:
        terminal.expect(question)
        terminal.send(answer + "\r")
    for question in ["The same", "for a model", "ends well", "reads", "skills", "as JSON", "they stand", "install", "Variables", "Hosts"]:
        terminal.expect(question)
        terminal.send("\r")
    terminal.expect("next: cloche profile check shore")
    shown = t.json("profile", "show", "shore", cwd=project)
    assert shown["description"] == "A crab" and shown["harness"]["resume"] == ["--again"], shown


def test_init_finds_programs_by_their_bundles(t):
    project = t.repository()
    crab(t, BUNDLE + "  rank: 1\n")
    found = t.json("init", cwd=project)
    assert found["profile"] == "crab" and found["programs"][0]["program"] == "crab", found
    assert [program["profile"] for program in found["programs"]].count("shell") == 0, found
