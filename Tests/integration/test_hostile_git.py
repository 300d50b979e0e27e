"""Invariants 5 and 9: an agent that writes whatever it likes makes no program of the user's do anything.

A canary is a script that leaves a file in a directory of the host. Inside a sandbox that directory does not
exist, so that the file appears only if the host ran the script. Each attack has a control: in a plain
repository the same setting does fire.
"""

import os
import pathlib
import shlex

import case


class Canary:
    """A script, by every path that it may be reached under, and the trace it leaves when the host runs it."""

    def __init__(self, t, place):
        self.fired_file, self.text = t.dir / "fired", f"#!/bin/sh\necho \"$0 $*\" >> {t.dir}/fired\n[ -t 0 ] || cat\nexit 0\n"
        self.place = place

    def paths(self, workspace):
        return ["/workspace/canary.sh", f"{workspace}/canary.sh", "./canary.sh"]

    def fired(self):
        return self.fired_file.read_text() if self.fired_file.exists() else ""


# Settings that make git run a program, by key; %s is the canary.
SETTINGS = {
    "core.fsmonitor": "%s",
    "core.hooksPath": "hooks-evil",
    "core.editor": "%s",
    "core.pager": "%s",
    "core.sshCommand": "%s",
    "core.askPass": "%s",
    "core.gitProxy": "%s",
    "core.alternateRefsCommand": "%s",
    "alias.status": "!%s",
    "alias.log": "!%s",
    "diff.external": "%s",
    "diff.evil.command": "%s",
    "diff.evil.textconv": "%s",
    "filter.evil.clean": "%s",
    "filter.evil.smudge": "%s",
    "filter.evil.process": "%s",
    "filter.evil.required": "true",
    "merge.evil.driver": "%s",
    "gpg.program": "%s",
    "commit.gpgSign": "true",
    "credential.helper": "!%s",
    "pager.log": "%s",
    "pager.diff": "%s",
    "sequence.editor": "%s",
    "uploadpack.packObjectsHook": "%s",
    "remote.origin.uploadpack": "%s",
    "protocol.ext.allow": "always",
    "remote.origin.url": "ext::%s",
    "submodule.lib.update": "!%s",
    "interactive.diffFilter": "%s",
    "init.templateDir": "hooks-evil",
}

HOOKS = "pre-commit post-checkout post-merge pre-merge-commit reference-transaction post-rewrite post-index-change pre-push update pre-receive post-receive fsmonitor-watchman push-to-checkout post-update"


def attack(canary, workspace):
    """A shell script that rewrites everything an agent can reach under its .git, and plants files."""
    lines = ["cd /workspace", f"printf %s {shlex.quote(canary.text)} > canary.sh; chmod +x canary.sh"]
    lines.append('dirs="$(git rev-parse --absolute-git-dir) $(git rev-parse --path-format=absolute --git-common-dir)"')
    for path in canary.paths(workspace):
        lines.append("for dir in $dirs; do")
        for key, value in SETTINGS.items():
            lines.append(f"git config --file $dir/config --add {key} {shlex.quote(value.replace('%s', path))} 2>/dev/null")
            lines.append(f"git config --file $dir/config.worktree --add {key} {shlex.quote(value.replace('%s', path))} 2>/dev/null")
        lines.append("done")
    lines += [
        "for dir in $dirs; do",
        f"for hook in {HOOKS}; do mkdir -p $dir/hooks hooks-evil; cp canary.sh $dir/hooks/$hook; cp canary.sh hooks-evil/$hook; done",
        "git config --file $dir/evil.config core.fsmonitor /workspace/canary.sh",
        f"git config --file $dir/config include.path {workspace}/evil.config; cp $dir/evil.config evil.config",
        f"git config --file $dir/config --add include.path {shlex.quote(str(workspace))}/evil.config",
        "mkdir -p $dir/info; echo '* filter=evil diff=evil merge=evil' > $dir/info/attributes",
        "done",
        "echo '* filter=evil diff=evil merge=evil' > .gitattributes",
        "printf '[submodule \"lib\"]\\n path = lib\\n url = ext::/workspace/canary.sh\\n update = !/workspace/canary.sh\\n' > .gitmodules",
        "for name in .git .GIT git~1; do mv $name moved-$name; rm -rf $name; mkdir $name; echo x > $name; ln -sfn /workspace/nested/.git $name; done",
        "true",
    ]
    return "\n".join(lines) + "\n"


def every_command(t, project, name, canary):
    """Each command of the program, and the user's own git, on the agent's material. What they answer does not
    matter here: only that they end, and that no canary fires."""
    workspace = t.workspace(name, project)
    commands = [
        ["list"], ["list", "--all", "--json"], ["logs", name], ["diff", name], ["diff", name, "--stat"], ["diff", name, "--name-only"],
        ["explain", name], ["path", name], ["sync", name], ["merge", name, "--dry-run"], ["merge", name], ["diff", name],
        ["resume", name, "true"], ["stop", name], ["delete", name], ["list", "--all"],
    ]  # fmt: skip
    for words in commands:
        t.cloche(*words, cwd=project, check=None, timeout=30)
        assert not canary.fired(), f"cloche {' '.join(words)} ran {canary.fired()}"
        if workspace.exists():
            for mine in (["status"], ["status", "--porcelain", "--ignored"], ["diff", "--stat"], ["log", "-1"], ["stash", "list"]):
                t.git(*mine, cwd=workspace, check=None, timeout=30)
                assert not canary.fired(), f"git {' '.join(mine)} after cloche {' '.join(words)} ran {canary.fired()}"
    t.git("status", cwd=project)
    t.git("fsck", cwd=project)
    assert not canary.fired(), canary.fired()


def test_control_the_settings_do_fire_in_a_plain_repository(t):
    for key, command in {
        "core.fsmonitor": ["status"],
        "alias.evil": ["evil"],
        "diff.external": ["diff"],
        "filter.evil.clean": ["add", "-A"],
        "core.pager": ["-p", "log"],
    }.items():
        place = t.repository("plain-" + key.replace(".", "-"))
        canary = Canary(t, place)
        (place / "canary.sh").write_text(canary.text)
        (place / "canary.sh").chmod(0o755)
        (place / ".gitattributes").write_text("* filter=evil\n")
        (place / "README.md").write_text("changed\n")
        value = ("!" if key.startswith("alias") else "") + str(place / "canary.sh")
        t.git("config", key, value, cwd=place)
        terminal = case.Terminal(["/usr/bin/git", *command], str(place), t.env, 80, 24)
        terminal.send("\n")
        terminal.wait()
        terminal.close()
        assert canary.fired(), f"{key} fired nothing: the canary proves nothing"
        canary.fired_file.unlink()


@case.timeout(120)
def test_rewritten_git_directory_hooks_filters_and_includes(t):
    project = t.repository()
    # The workspace's path on the host is part of the attack; a first start tells it.
    t.start("evil", "until [ -e attack.sh ]; do sleep 0.02; done; sh ./attack.sh > attack.log 2>&1; git add -A; git commit -qm Evil; echo loose > loose", cwd=project)
    workspace = t.workspace("evil", project)
    canary = Canary(t, workspace)
    (workspace / "attack.part").write_text(attack(canary, workspace))
    os.rename(workspace / "attack.part", workspace / "attack.sh")
    t.wait_ended("evil", project)
    assert (workspace / "canary.sh").exists(), "the attack did not run"
    assert (workspace / ".git").is_file(), "the host's .git file is not the user's own any more"
    every_command(t, project, "evil", canary)


@case.timeout(120)
def test_nested_repository_in_place_of_a_submodule(t):
    """`git status` looks into submodules with their own configuration: an agent could give it one."""
    inner = t.repository("inner")
    project = t.repository("outer")
    t.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "lib", cwd=project)
    t.git("commit", "-qm", "Submodule", cwd=project)
    t.start("evil", "until [ -e attack.sh ]; do sleep 0.02; done; sh ./attack.sh > attack.log 2>&1; echo loose > loose", cwd=project)
    workspace = t.workspace("evil", project)
    canary = Canary(t, workspace)
    script = f"""
        printf %s {shlex.quote(canary.text)} > canary.sh; chmod +x canary.sh
        for place in lib nested deep/er; do
            mkdir -p $place; cd $place; rm -rf .git; git init -q .; echo x > x; git add x; git commit -qm x
            git config core.fsmonitor {workspace}/canary.sh; git config --add core.fsmonitor /workspace/canary.sh
            git config core.hooksPath {workspace}/hooks; git config alias.status '!{workspace}/canary.sh'; cd /workspace
        done
        mkdir hooks; for hook in {HOOKS}; do cp canary.sh hooks/$hook; done
        git add -A; git commit -qm Evil
    """
    (workspace / "attack.part").write_text(script)
    os.rename(workspace / "attack.part", workspace / "attack.sh")
    t.wait_ended("evil", project)
    assert (workspace / "nested/.git").exists(), "the attack did not run"
    every_command(t, project, "evil", canary)


@case.once
@case.timeout(120)
def test_planted_files_neither_hang_nor_lead_out(t):
    project = t.repository()
    secret = t.home / "secret"
    secret.write_text("canary-secret\n")
    script = f"""
        ln -s {secret} committed; git add committed; git commit -qm Link
        mkfifo fifo .gitignore-fifo; rm -f .gitattributes .gitignore .mailmap; mkfifo .gitattributes .gitignore .mailmap
        ln -s {secret} link; ln -s {t.home} homelink; ln -s /dev/zero zero; ln -s /proc/self/environ environ; ln -s loop loop
        mkdir sub; mkfifo sub/.gitignore sub/.gitattributes; ln -s {secret} README.link; rm README.md; ln -s {secret} README.md
        rm -rf src; ln -s {t.home} src
        n=$(printf '%0255d' 0); echo x > $n; mkdir d$(printf '%0253d' 0); (i=0; while [ $i -lt 200 ]; do mkdir d; cd d; i=$((i+1)); done)
        touch "$(printf 'new\\nline')" "$(printf 'esc\\033]0;title\\007')" '-rf' '--force' "quote'\\"" "$(printf 'bad\\377utf8')"
        python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
        chmod 0 sub; touch planted
    """
    t.run_task("evil", script, cwd=project)
    assert (t.workspace("evil", project) / "planted").exists(), "the attack did not run"
    for words in (["diff", "evil"], ["diff", "--stat", "evil"], ["list"], ["sync", "evil"], ["merge", "--dry-run", "evil"]):
        result = t.cloche(*words, cwd=project, check=None, timeout=30)
        assert "canary-secret" not in result.out + result.err, result
        assert "\x1b]0;" not in result.out + result.err, result
    result = t.cloche("merge", "evil", cwd=project, check=None, timeout=30)
    assert secret.read_text() == "canary-secret\n" and sorted(path.name for path in t.home.iterdir()) == [".gitconfig", "secret"], result
    t.cloche("delete", "--force", "evil", cwd=project, timeout=30)
    assert secret.read_text() == "canary-secret\n"


@case.once
@case.timeout(200)
def test_a_huge_sparse_file_cannot_hold_up_the_user(t):
    """Two terabytes that cost the agent nothing: whatever reads them must stop and say so."""
    project = t.repository()
    t.run_task("evil", "truncate -s 2T sparse; echo x > x; git add x; git commit -qm X", cwd=project)
    t.cloche("list", cwd=project, timeout=10)
    result = t.cloche("sync", "evil", cwd=project, check=None, timeout=120)
    assert result.code == 0 or "sparse" in result.err or "large" in result.err or "long" in result.err, result
    t.cloche("delete", "--force", "evil", cwd=project, timeout=30)


@case.timeout(120)
def test_malformed_objects_and_refs_are_refused(t):
    """Trees with .git, .., absolute names; a branch that is a symlink; alternates that point elsewhere."""
    project = t.repository()
    script = """
import subprocess
def git(*words, data=b""):
    return subprocess.run(["git", *words], input=data, capture_output=True).stdout.strip().decode()
blob = git("hash-object", "-w", "--stdin", data=b"x")
name = %r
tree = git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", data=b"100644 " + name + b"\\0" + bytes.fromhex(blob))
commit = git("commit-tree", tree, "-p", "HEAD", "-m", "Evil")
git("update-ref", "refs/heads/cloche/" + %r, commit)
open("commit", "w").write(commit)
"""
    before = t.git("rev-parse", "HEAD", cwd=project).out
    for index, name in enumerate((b".git", b"..", b".GIT", b"git~1", b"a/b", b".git\xe2\x80\x8c")):
        agent = f"evil{index}"
        code = shlex.quote(script % (name, agent))
        t.run_task(agent, f"git update-index --refresh; python3 -c {code}", cwd=project)
        commit = (t.workspace(agent, project) / "commit").read_text()
        assert len(commit) == 40, "the attack did not run"
        result = t.cloche("merge", agent, cwd=project, check=None)
        assert t.git("rev-parse", "HEAD", cwd=project).out == before and result.code != 0, (name, result)
        missing = t.git("cat-file", "-e", commit, cwd=project, check=None)
        assert missing.code != 0 or t.git("fsck", "--strict", cwd=project, check=None).code == 0, name
        t.cloche("delete", "--force", agent, cwd=project)


@case.timeout(120)
def test_broken_private_repository(t):
    """The agent destroys or misdirects its own git directory: commands fail clearly or carry on, and can delete."""
    project = t.repository()
    attacks = {
        "gone": "rm -rf $dir/* $dir/.[a-z]*",
        "alternates": "echo /etc > $dir/objects/info/alternates",
        "headlink": "rm -f $dir/HEAD; ln -s /etc/passwd $dir/HEAD",
        "headout": "echo 'ref: ../../../../etc/passwd' > $dir/HEAD",
        "refs": "rm -rf $dir/refs; ln -s / $dir/refs",
        "fifos": "rm -rf $dir/HEAD $dir/config $dir/packed-refs; mkfifo $dir/HEAD $dir/config $dir/packed-refs",
        "locks": "touch $dir/index.lock $dir/HEAD.lock $dir/config.lock $dir/packed-refs.lock",
        "garbage": "for f in $(find $dir -type f | head -200); do head -c 4096 /dev/urandom > $f; done",
        "version": "git config --file $dir/config core.repositoryformatversion 99",
        "many": "i=0; while [ $i -lt 2000 ]; do echo $(git rev-parse HEAD) refs/heads/b$i; i=$((i+1)); done >> $dir/packed-refs",
    }
    for name, script in attacks.items():
        t.run_task(name, f"dir=$(git rev-parse --absolute-git-dir); {script}; echo done > done", cwd=project)
        assert (t.workspace(name, project) / "done").exists()
        for words in (["list"], ["diff", name], ["sync", name], ["merge", name, "--dry-run"], ["stop", name]):
            result = t.cloche(*words, cwd=project, check=None, timeout=30)
            assert result.code < 126 and "root:x:" not in result.out, (name, result)
        t.cloche("delete", "--force", name, cwd=project, timeout=30)
    t.git("fsck", cwd=project)
    assert t.git("branch", cwd=project).out.split() == ["*", "main"]


def test_the_users_checkout_is_out_of_reach(t):
    """By path, by the alternates that the agent reads, and by ../ from the workspace."""
    project = t.repository()
    script = f"""
        for place in {project} /workspace/.. $(cat $(git rev-parse --git-common-dir)/objects/info/alternates); do
            touch $place/planted; mkdir -p $place/hooks; cp README.md $place/hooks/post-checkout; rm -rf $place/pack/*; done
        find / -xdev -path /usr -prune -o -name alternates -print 2>/dev/null; ls -la $(cat $(git rev-parse --git-common-dir)/objects/info/alternates)
    """
    before = sorted(str(path) for path in project.rglob("*"))
    t.run_task("evil", f"({script}) > log 2>&1; true", cwd=project)
    after = sorted(str(path) for path in project.rglob("*") if "worktrees" not in str(path) and "cloche" not in str(path))
    assert [path for path in after if path not in before and not path.endswith((".git/refs/heads", ".git/logs/refs/heads"))] == [], after
    t.git("fsck", "--full", cwd=project)
    assert pathlib.Path(project / "README.md").read_text() == "# Project\n"
