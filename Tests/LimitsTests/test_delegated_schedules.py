"""A schedule on a machine with systemd: its timer starts an agent. Run by scripts/vm-test alone."""

import os
import pathlib
import pwd
import time

import case
import delegation


def systemctl(t, *words, check=True):
    return t.command("systemctl", "--user", *words, env={"XDG_RUNTIME_DIR": f"/run/user/{os.getuid()}"}, check=check).out.strip()


@case.timeout(180)
def test_a_timer_starts_agents_and_they_outlive_its_service(t):
    delegation.needs_delegation(t)
    project, home = t.repository(), pathlib.Path(pwd.getpwuid(os.getuid()).pw_dir)
    units = home / ".config/systemd/user"
    if not pathlib.Path(f"/run/user/{os.getuid()}/systemd/private").exists():
        refused = t.cloche("schedule", "add", "tick", "* * * * *", "--profile", "shell", cwd=project, check=False)
        assert refused.code != 0 and "systemd runs no manager for you" in refused.err, refused
        return
    # The directory in which this user's manager looks, and not the test's own.
    t.env = t.env | {"XDG_CONFIG_HOME": str(home / ".config")}
    # Without a cgroup of its own, the agent is in that of the timer's service.
    words = ("--profile", "shell", "--workspace", "none", "--set", "limits.enforcement=measured")
    task = "printf %s '50% $x \"quoted\"' > out\nexec sleep 1000"
    made = t.json("schedule", "add", "tick", "* * * * *", *words, task, cwd=project)
    service = made["unit"].replace(".timer", ".service")
    try:
        now = time.time() * 1000
        assert made["active"] and now - 60_000 < made["next"] <= now + 61_000 and made["next"] % 60_000 == 0, (made, now)
        assert systemctl(t, "is-enabled", made["unit"]) == "enabled"
        t.wait_until(lambda: t.agents(project), "the timer started an agent", 100)
        systemctl(t, "stop", made["unit"])
        (name,) = t.agents(project)
        out = t.workspace(name, project) / "out"
        t.wait_until(lambda: out.exists() and out.read_text() == "50% $x \"quoted\"", "its task ran as it was given")
        t.wait_until(lambda: systemctl(t, "is-active", service, check=None) == "inactive", "the service is over")
        # The next time is skipped, which is a success, and the agent goes on.
        systemctl(t, "start", service)
        shown = t.json("schedule", "list", cwd=project)
        assert shown[0]["last"] and shown[0]["result"] == "success" and shown[0]["active"] is False, shown
        assert [(one, entry["state"]) for one, entry in t.agents(project).items()] == [(name, "running")], t.agents(project)
        t.cloche("stop", name, cwd=project)
        systemctl(t, "start", service)
        assert len(t.agents(project)) == 2 and [e["state"] for e in t.agents(project).values()].count("running") == 1
    finally:
        t.cloche("schedule", "remove", "tick", cwd=project)
    assert "not-found" in systemctl(t, "show", "--property=LoadState", made["unit"]), made
    assert not list(units.glob("**/cloche-*")), list(units.glob("**/*"))
    assert len(t.agents(project)) == 2 and t.json("schedule", "list", cwd=project) == []


def test_units_where_the_manager_does_not_look_are_taken_back(t):
    delegation.needs_delegation(t)
    project = t.repository()
    refused = t.cloche("schedule", "add", "tick", "@daily", "--profile", "shell", cwd=project, check=False)
    assert refused.code != 0, refused
    if pathlib.Path(f"/run/user/{os.getuid()}/systemd/private").exists():
        assert "systemctl --user enable failed" in refused.err and ".timer" in refused.err, refused
    assert not list(t.config.glob("systemd/user/*")) and not list(t.state.rglob("tick.json"))
