"""Programs that are installed in the user's home: found, brought in with what they need, and nothing else of the home.

The installs are fakes of the same shape: shell scripts stand for packages of node, and one environment is by `python3 -m venv`.
"""

import json
import sys

# What a program of these tests says: its package's own file, and what it finds of the user's home.
SAYS = 'printf "%s:" {name}; cat "{data}"; ls -A {home} 2>&1; cat {home}/secret 2>&1; true\n'
# A stand-in for node: what it is given is a shell script.
NODE = "#!/bin/sh\nexec /bin/sh \"$@\"\n"


def put(path, text, mode=0o755):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def link(path, target):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def says(t, name, data):
    return SAYS.format(name=name, data=data, home=t.home)


def node_package(t, prefix, name):
    package = prefix / "lib/node_modules/@maker" / name
    put(package / "data", "data\n", 0o644)
    put(package / "cli.js", "#!/usr/bin/env node-of-tests\n" + says(t, name, package / "data"))
    link(prefix / "bin" / name, f"../lib/node_modules/@maker/{name}/cli.js")


def environment(t, path, name):
    t.command(sys.executable, "-m", "venv", "--without-pip", path, timeout=120)
    module = next(path.glob("lib/python*/site-packages")) / f"{name}_module.py"
    put(module, f"import subprocess\ndef main():\n    print('{name}:data', flush=True)\n    subprocess.run({says(t, '', '/dev/null')!r}, shell=True)\n", 0o644)
    put(path / "bin" / name, f"#!{path}/bin/python\nimport {name}_module\n{name}_module.main()\n")


def native(t, path, name):
    put(path, f"#!/bin/sh\necho {name}:data; ls -A {t.home} 2>&1; cat {t.home}/secret 2>&1; true\n")


def install(t):
    """One program of each kind; returns name and PATH for it."""
    home = t.home
    put(home / "secret", "canary-secret\n", 0o600)
    put(home / ".ssh/id_ed25519", "canary-key\n", 0o600)
    put(home / ".npmrc", f"//registry.example/:_authToken=canary-token\nprefix={home}/node\n", 0o600)
    put(home / ".nvm/versions/node/v22.1.0/bin/node-of-tests", NODE)
    put(home / ".volta/tools/image/node/20.1.0/bin/node-of-tests", NODE)
    node_package(t, home / "node", "npm-tool")
    node_package(t, home / ".nvm/versions/node/v22.1.0", "nvm-tool")
    node_package(t, home / ".volta/tools/image/packages/volta-tool", "volta-tool")
    put(home / "node_modules/local-tool/cli.js", "#!/usr/bin/env node-of-tests\n" + says(t, "local-tool", home / "node_modules/shared/data"))
    put(home / "node_modules/shared/data", "data\n", 0o644)
    link(home / "node_modules/.bin/local-tool", "../local-tool/cli.js")
    put(home / ".bun/install/global/node_modules/bun-tool/data", "data\n", 0o644)
    put(home / ".bun/install/global/node_modules/bun-tool/cli.js", "#!/usr/bin/env node-of-tests\n" + says(t, "bun-tool", home / ".bun/install/global/node_modules/bun-tool/data"))
    link(home / ".bun/bin/bun-tool", "../install/global/node_modules/bun-tool/cli.js")
    environment(t, home / ".local/share/pipx/venvs/pipx-tool", "pipx_tool")
    link(home / ".local/bin/pipx_tool", home / ".local/share/pipx/venvs/pipx-tool/bin/pipx_tool")
    environment(t, home / ".local/share/uv/tools/uv-tool", "uv_tool")
    link(home / ".local/bin/uv_tool", home / ".local/share/uv/tools/uv-tool/bin/uv_tool")
    native(t, home / ".local/share/native/versions/2.1.0", "native-tool")
    link(home / ".local/bin/native-tool", home / ".local/share/native/versions/2.1.0")
    native(t, home / ".cargo/bin/cargo-tool", "cargo-tool")
    put(home / ".cargo/credentials.toml", "canary-token", 0o600)
    native(t, home / ".deno/bin/deno-tool", "deno-tool")
    native(t, home / "bin/own-tool", "own-tool")
    native(t, home / ".asdf/installs/thing/1.0/bin/asdf-tool", "asdf-tool")
    native(t, home / ".local/share/mise/installs/thing/1.0/bin/mise-tool", "mise-tool")
    native(t, home / ".linuxbrew/Cellar/brew-tool/1.0/bin/brew-tool", "brew-tool")
    link(home / ".linuxbrew/bin/brew-tool", "../Cellar/brew-tool/1.0/bin/brew-tool")
    put(home / ".linuxbrew/etc/my.cnf", "canary-password", 0o600)
    return (
        "npm-tool nvm-tool volta-tool local-tool bun-tool pipx_tool uv_tool native-tool cargo-tool deno-tool own-tool"
        " asdf-tool mise-tool brew-tool"
    ).split()


def run(t, *words, check=True, **more):
    return t.cloche("run", "--workspace", "none", *words, check=check, **more)


def test_programs_of_each_kind_run_inside(t):
    names = install(t)
    for name in names:
        result = run(t, "--", name)
        lines = result.out.splitlines()
        assert lines[0].startswith(f"{name}:data"), result
        # Nothing of the home but the way to the program, and perhaps to its interpreter.
        shown = {line for line in lines[1:] if line[:1] == "." or "/" not in line}
        assert "canary" not in result.out + result.err and not shown & {"secret", ".ssh", ".npmrc", ".gitconfig"}, result
        assert "No such file" in result.out, result
    # The control: what is bound is read by the same command.
    bind = f"filesystem.binds+=[{{source: {t.home}/secret, target: {t.home}/secret}}]"
    assert "canary-secret" in run(t, "--set", bind, "--", "own-tool").out


def test_only_the_program_is_there(t):
    install(t)
    script = f"find {t.home} -type f -o -type l; ls /run/cloche/programs"
    put(t.home / "bin/looker", f"#!/bin/sh\n{script}\n")
    result = run(t, "--", "looker")
    assert result.out.split() == [f"{t.home}/bin/looker", "looker"], result
    # With a package of node, its interpreter is found by name, too.
    put(t.home / "node/lib/node_modules/@maker/npm-tool/cli.js", f"#!/usr/bin/env node-of-tests\n{script}\n")
    out = sorted(run(t, "--", "npm-tool").out.split())
    node = t.home / ".nvm/versions/node/v22.1.0/bin/node-of-tests"
    package = t.home / "node/lib/node_modules/@maker/npm-tool"
    places = [node, t.home / "node/bin/npm-tool", package / "cli.js", package / "data"]
    assert out == sorted([*map(str, places), "node-of-tests", "npm-tool"]), out


def test_programs_cannot_be_changed(t):
    install(t)
    script = put(t.home / "bin/change", f"#!/bin/sh\necho x >>{t.home}/bin/change; rm -f {t.home}/bin/change; chmod 777 {t.home}/bin/change\n")
    before = script.read_text()
    result = run(t, "--", "change", check=None)
    assert result.code != 0 and "ead-only" in result.err, result
    assert script.read_text() == before


def test_start_and_resume(t):
    project = t.repository()
    names = install(t)
    t.profile("fake", "extends: shell\nharness:\n  program: npm-tool\n  command: [/bin/sh, -c, 'exec npm-tool \"$@\"', npm-tool]\n  task: []\n  install: install it with `make`\n")
    assert "npm-tool" in names
    t.run_task("a", "anything", cwd=project, profile="fake")
    logs = t.cloche("logs", "a", cwd=project).out
    assert "npm-tool:data" in logs, logs
    t.cloche("resume", "a", cwd=project)
    t.wait_ended("a", project)
    assert t.cloche("logs", "a", cwd=project).out.count("npm-tool:data") == 2
    assert f"{t.home}/node/lib/node_modules/@maker/npm-tool" in t.cloche("explain", "a", "--plan", cwd=project).out
    (t.home / "node/bin/npm-tool").unlink()
    for words in (["resume", "a"], ["start", "b", "--profile", "fake", "x"]):
        result = t.cloche(*words, cwd=project, check=127)
        assert "install it with `make`" in result.err and "npm-tool is not installed" in result.err, result
    assert "b" not in t.agents(project)


def test_a_link_that_an_agent_made_brings_nothing_in(t):
    """Where an agent works, or worked, nothing decides what the next sandbox is shown."""
    project = t.repository()
    code = t.home / "code"
    code.mkdir()
    private = put(t.home / "private/tool", "#!/bin/sh\necho canary-private\n")
    link(t.home / ".local/bin/tool", code / "tool")
    link(code / "tool", private)
    # The control: nobody but the user works there.
    assert run(t, "--", "tool").out == "canary-private\n"
    (code / "tool").unlink()
    t.cloche("start", "a", "--profile", "shell", "--workspace", "dir", f"ln -s {private} tool", cwd=code)
    t.wait_ended("a", code)
    assert (code / "tool").is_symlink()
    result = run(t, "--", "tool", check=127, cwd=project)
    assert "agents can write" in result.err and "canary" not in result.out, result
    t.profile("fake", "extends: shell\nharness: {command: [tool]}\n")
    refused = t.cloche("start", "b", "--profile", "fake", cwd=project, check=127)
    assert "agents can write" in refused.err, refused


def test_a_bind_that_an_agent_writes_brings_nothing_in(t):
    project = t.repository()
    node_package(t, t.home / ".npm-global", "tool")
    put(t.home / "tools/node-of-tests", NODE)
    path = {"PATH": f"{t.home}/tools:{t.env['PATH']}"}
    # The control.
    assert run(t, "--", "tool", env=path, cwd=project).out.startswith("tool:data")
    # A profile that nobody uses now; agents may have.
    t.profile("writer", "extends: shell\nfilesystem:\n  binds: [{source: ~/tools, mode: rw}]\n")
    result = run(t, "--", "tool", env=path, cwd=project, check=127)
    assert "agents can write" in result.err, result


def test_a_directory_that_others_can_write_brings_nothing_in(t):
    native(t, t.home / "bin/tool", "tool")
    assert run(t, "--", "tool").out.startswith("tool:data")
    (t.home / "bin").chmod(0o777)
    result = run(t, "--", "tool", check=127)
    assert "others can write" in result.err and "chmod" in result.err, result


def test_doctor_and_init_tell_what_was_found(t):
    project = t.repository()
    environment(t, t.home / ".local/share/pipx/venvs/aider-chat", "aider")
    link(t.home / ".local/bin/aider", t.home / ".local/share/pipx/venvs/aider-chat/bin/aider")
    native(t, t.home / ".opencode/bin/opencode", "opencode")
    (t.home / ".opencode/bin").chmod(0o777)
    checks = json.loads(t.cloche("doctor", "--json", cwd=project, check=None).out)
    check = next(check for check in checks if check["id"] == "agent-programs")
    programs = {program["program"]: program for program in check["programs"]}
    assert {"claude", "codex", "gemini", "opencode", "copilot", "aider", "mini"} <= programs.keys(), programs
    assert programs["aider"]["place"] == f"{t.home}/.local/bin/aider", programs
    assert "others can write" in programs["opencode"]["refusal"] and not programs["opencode"]["installed"], programs
    text = t.cloche("doctor", cwd=project, check=None).out
    assert f"aider ({t.home}/.local/bin/aider)" in text and "opencode is not brought in" in text, text
    out = t.cloche("init", cwd=project).out
    assert "default profile: aider" in out and f"{t.home}/.local/bin/aider" in out and "missing  claude" in out, out


def test_a_missing_program_is_told_with_how_to_install_it(t):
    project = t.repository()
    result = t.cloche("start", "a", "--profile", "aider", "x", cwd=project, check=127)
    assert "uv tool install aider-chat" in result.err and t.agents(project) == {}, result
