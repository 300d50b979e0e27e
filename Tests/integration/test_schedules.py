"""Schedules: refused where systemd cannot run them; what is written where it can; what a timer starts.

systemd is tried in the virtual machine (Tests/LimitsTests/test_delegated_schedules.py). Here a script stands for systemctl,
and /run is the test's own.
"""

import json
import os

import surroundings

LINE = "30 2 * * 1-5"
USER = f"/run/user/{os.getuid()}"
NOTHING = "mount -t tmpfs none /run"
MANAGER = f"{NOTHING}; mkdir -p /run/systemd/system {USER}/systemd; : > {USER}/systemd/private"

# Says what it is asked for, and fails at what $FAIL names.
SYSTEMCTL = """#!/bin/sh
echo "$*" >> "$(dirname "$0")/log"
case " $* " in *" $(cat "$(dirname "$0")/fail" 2>/dev/null || echo '-') "*) echo "no $4 today" >&2; exit 1;; esac
case $* in *Id,*) for unit; do case $unit in
    *.timer) printf 'Id=%s\\nActiveState=active\\n\\n' "$unit";;
esac; done;; *list-timers*) for unit; do :; done; echo '[{"next":1795000000000000,"last":0,"unit":"'"$unit"'"}]';; esac
"""


def schedule(t, place, *words, cwd, env=None, **options):
    """`cloche schedule` where /run is this."""
    command = surroundings.words(t, place, t.program, "schedule", *words)
    return t.command(*command, cwd=cwd, env=env, **options)


def script(t):
    """A directory with a systemctl for PATH."""
    folder = t.dir / "fake"
    folder.mkdir()
    (folder / "systemctl").write_text(SYSTEMCTL)
    (folder / "systemctl").chmod(0o755)
    return folder, {"PATH": f"{folder}:{t.env['PATH']}"}


def written(t):
    """Every file of the test's state and of its units."""
    places = [t.state, t.config / "systemd"]
    return sorted(str(file.relative_to(t.dir)) for place in places for file in place.rglob("*") if file.is_file() or file.is_symlink())


def test_without_a_user_manager_it_is_refused_and_nothing_is_written(t):
    project = t.repository()
    folder, env = script(t)
    (t.dir / "empty").mkdir()
    words = ("add", "nightly", LINE, "--profile", "shell", "--set", "limits.idle=30m", "echo 5% of $HOME isn't")
    cases = [
        (NOTHING, env, "systemd does not run this machine: there is no /run/systemd/system"),
        (f"{NOTHING}; mkdir -p /run/systemd/system", env, f"systemd runs no manager for you: there is no {USER}/systemd/private"),
        (MANAGER, {"PATH": str(t.dir / "empty")}, "there is no systemctl in PATH"),
    ]
    for place, variables, why in cases:
        # PATH is for the program; what leads there needs the usual one.
        command = ["/usr/bin/env", f"PATH={variables['PATH']}", t.program, "schedule", *words]
        refused = t.command(*surroundings.words(t, place, *command), cwd=project, check=False)
        assert refused.code not in (0, 2) and why in refused.err, refused
        line = next(line.strip() for line in refused.err.splitlines() if line.strip().startswith(LINE))
        assert line.startswith(f"{LINE} cd {project} && ") and "nightly-$(date +\\%Y\\%m\\%d-\\%H\\%M)" in line, line
        assert line.endswith("-- 'echo 5\\% of $HOME isn'\\''t'"), line
        assert written(t) == [] and not (t.config / "systemd").exists(), written(t)
    assert not (folder / "log").exists()
    # The manager is there and does not answer.
    (folder / "fail").write_text("show")
    refused = schedule(t, MANAGER, *words, cwd=project, env=env, check=False)
    assert refused.code not in (0, 2) and "there is no systemd user manager: no show today" in refused.err and LINE in refused.err, refused
    assert written(t) == [] and "enable" not in (folder / "log").read_text(), written(t)
    # Neither is there anything to list or to remove.
    assert json.loads(schedule(t, NOTHING, "list", "--json", cwd=project).out) == []
    assert "NAME" in schedule(t, NOTHING, "list", cwd=project).out
    missing = schedule(t, NOTHING, "remove", "nightly", cwd=project, check=False)
    assert missing.code not in (0, 2) and "no schedule named nightly" in missing.err, missing
    # The control: with a manager that answers, the same words make one.
    (folder / "fail").unlink()
    schedule(t, MANAGER, *words, cwd=project, env=env)
    assert len(written(t)) > 2, written(t)


def test_what_is_wrong_is_named_before_anything_is_made(t):
    project = t.repository()
    folder, env = script(t)
    cases = [
        (("nightly", "61 2 * * *"), "minute: 61 is not from 0 to 59"),
        (("nightly", "0 2 * * mo"), "day of week: \"mo\" is not a number"),
        (("nightly", "0 2 * *"), "it has 4 fields, and not five"),
        (("nightly", "0 2 31 2 *"), "day of month: there is no 31"),
        (("nightly", "@reboot"), "@reboot is no time"),
        (("../nightly", LINE), "not a name for a schedule"),
        (("n" * 33, LINE), "not a name for a schedule"),
        (("nightly", LINE, "--profile", "missing"), "missing"),
        (("nightly", LINE, "--set", "limits.idle=often"), "limits.idle"),
        (("nightly", LINE, "--workspace", "nowhere"), "bad workspace"),
        (("nightly", LINE, "--label", "a b"), "not a label"),
    ]
    for words, why in cases:
        refused = schedule(t, MANAGER, "add", *words, cwd=project, env=env, check=False)
        assert refused.code != 0 and why in refused.err, (words, refused)
    assert written(t) == [] and not (folder / "log").exists(), written(t)


def test_a_schedule_is_two_units_and_a_file(t):
    project = t.repository()
    folder, env = script(t)
    words = ("--profile", "shell", "--set", "limits.idle=30m", "--overlap", "-e", "A=1 2", "echo \"$x\" 5%\nexit")
    made = json.loads(schedule(t, MANAGER, "add", "nightly", "0 0 13 * 5", *words, "--json", cwd=project, env=env).out)
    assert made["calendar"] == ["*-*-13 00:00:00", "Fri *-*-* 00:00:00"] and made["overlap"] is True, made
    assert made["active"] is True and made["next"] == 1795000000000 and made["last"] is None, made
    assert made["start"] == ["--profile=shell", "--set=limits.idle=30m", "--env=A=1 2", "--", words[-1]], made
    units = t.config / "systemd/user"
    file = next((t.state / "cloche").glob("*/.schedules/nightly.json"))
    assert made["unit"] == f"cloche-{file.parent.parent.name}-nightly.timer"
    timer, service = (units / made["unit"]).read_text(), (units / made["unit"].replace(".timer", ".service")).read_text()
    assert "OnCalendar=*-*-13 00:00:00\nOnCalendar=Fri *-*-* 00:00:00\n" in timer and "Persistent=yes" in timer, timer
    assert f'ExecStart="{t.program}" "internal" "scheduled" "{file}"\n' in service and "5%" not in service, service
    assert f"enable --now {made['unit']}" in (folder / "log").read_text()
    shown = schedule(t, MANAGER, "list", cwd=project, env=env).out
    assert "nightly" in shown and "0 0 13 * 5" in shown and len(shown.splitlines()) == 2, shown
    # One of that name is enough, and another one is another one.
    again = schedule(t, MANAGER, "add", "nightly", LINE, "--profile", "shell", cwd=project, env=env, check=False)
    assert again.code != 0 and "exists already" in again.err, again
    schedule(t, MANAGER, "add", "weekly", "@weekly", "--profile", "shell", cwd=project, env=env)
    both = json.loads(schedule(t, NOTHING, "list", "--json", cwd=project).out)
    assert [(one["name"], one["active"]) for one in both] == [("nightly", None), ("weekly", None)], both
    before = (folder / "log").read_text()
    schedule(t, MANAGER, "remove", "nightly", cwd=project, env=env)
    assert f"disable --now {made['unit']}" in (folder / "log").read_text().removeprefix(before)
    # Without a manager the files go all the same.
    schedule(t, NOTHING, "remove", "weekly", cwd=project)
    assert not list(units.iterdir()) and json.loads(schedule(t, NOTHING, "list", "--json", cwd=project).out) == []


def test_a_manager_that_refuses_leaves_nothing_half_made(t):
    project = t.repository()
    folder, env = script(t)
    for step in ("daemon-reload", "enable"):
        (folder / "fail").write_text(step)
        refused = schedule(t, MANAGER, "add", "nightly", LINE, "--profile", "shell", cwd=project, env=env, check=False)
        assert refused.code not in (0, 2) and f"systemctl --user {step} failed" in refused.err and "today" in refused.err, refused
        assert not list(t.state.rglob("*.json")) and not list((t.config / "systemd/user").iterdir()), written(t)
        assert "disable --now" in (folder / "log").read_text()
    # A place for units that cannot be written; the disk says the same to root.
    (folder / "fail").unlink()
    (t.config / "systemd/user").rmdir()
    (t.config / "systemd/user").write_text("")
    refused = schedule(t, MANAGER, "add", "nightly", LINE, "--profile", "shell", cwd=project, env=env, check=False)
    assert refused.code not in (0, 2) and "cannot write the units" in refused.err, refused
    assert not list(t.state.rglob("*.json")), written(t)


def test_what_a_timer_runs(t):
    project = t.repository()
    (project / "sub").mkdir()
    folder, env = script(t)
    task = "printf %s \"50% \\$x $A\" > out; exec sleep 1000"
    words = ("--profile", "shell", "--workspace", "none", "-e", "A=1 2", "--label", "kind=night", task)
    schedule(t, MANAGER, "add", "nightly", LINE, *words, cwd=project / "sub", env=env)
    file = next((t.state / "cloche").glob("*/.schedules/nightly.json"))

    def due(check=True):
        # As systemd runs it: in another directory, with little of this environment.
        bare = {name: t.env[name] for name in ("USER", "LANG", "CLOCHE_TEST_ID")} | {"HOME": "/nonexistent", "PATH": "/usr/bin:/bin"}
        command = ["/usr/bin/env", "-i", *(f"{key}={value}" for key, value in bare.items()), t.program, "internal", "scheduled", file]
        return t.command(*command, cwd="/", check=check)

    assert "nightly: started nightly-2" in due().out
    (name,) = t.agents(project)
    first = t.agents(project)[name]
    assert first["state"] == "running" and first["labels"] == {"kind": "night", "schedule": "nightly"}, first
    date, time = name.removeprefix("nightly-").split("-")
    assert len(date) == 8 and len(time) == 4 and (date + time).isdigit(), name
    out = t.workspace(name, project) / "out"
    t.wait_until(lambda: out.exists() and out.read_text() == "50% $x 1 2", "the task ran as it was given")
    # A second one waits for the first to end, however it came to run.
    assert f"nightly: skipped, since {name} of an earlier run still runs" in due().out
    assert list(t.agents(project)) == [name]
    t.cloche("stop", name, cwd=project)
    assert "started" in due().out and len(t.agents(project)) == 2
    # With --overlap it does not wait, and two in one minute have two names.
    record = json.loads(file.read_text())
    file.write_text(json.dumps(record | {"overlap": True}))
    due(), due()
    assert len(t.agents(project)) == 4, t.agents(project)
    # What has gone since is told, and starts nothing.
    (project / "sub").rmdir()
    gone = due(check=False)
    assert gone.code != 0 and f"cannot work in {project}/sub" in gone.err and len(t.agents(project)) == 4, gone
    file.write_text("{")
    broken = due(check=False)
    assert broken.code != 0 and "cannot read the schedule nightly" in broken.err, broken
