"""Codex itself in an agent of `start`: on its terminal, without network and key, with a scripted model behind the gateway."""

import real_agents
from case import timeout
from model_server import ModelServer, Step

TASK, SECOND = "Mend add in calc.py", "Tell what was mended"


def run(wanted, command):
    return Step(wanted, "Next.", "exec_command", {"cmd": command})


STEPS = {
    TASK: [
        run(None, "cat calc.py"),
        run(r"return a - b", "sed -i 's/a - b/a + b/' calc.py"),
        run(r"exited with code 0", "sh check.sh"),
        run(r"2 and 3 are 5", "git commit -qam 'Add adds' && git log --oneline"),
        Step(r"Add adds", "MENDED AND COMMITTED"),
    ],
    SECOND: [Step(None, "The sign of add was MENDED BEFORE")],
}


def shown(t, project, words):
    look = lambda: " ".join(t.cloche("look", "a", cwd=project).out.split())  # noqa: E731
    try:
        t.wait_until(lambda: words in look(), f"{words!r} on the screen", 90)
    except AssertionError:
        print(t.cloche("look", "a", cwd=project).out)
        raise


@timeout(300)
def test_a_whole_task_and_another(t):
    server = ModelServer(STEPS)
    real_agents.profile(t, "codex-gateway", "openai", server)
    project = real_agents.project(t)
    t.start("a", f"{TASK}, please", "--model", "gpt-5", cwd=project, profile="real")
    shown(t, project, "MENDED AND COMMITTED")
    assert not server.surprises, server.surprises
    assert real_agents.KEY not in real_agents.environments(t, "a", project)
    t.cloche("sync", "a", cwd=project)
    assert "Add adds" in t.git("log", "--format=%s", "cloche/a", cwd=project).out.split("\n")
    assert "return a + b" in t.git("show", "cloche/a:calc.py", cwd=project).out
    # The conversation goes on after a stop.
    t.cloche("stop", "a", cwd=project)
    t.cloche("resume", "a", cwd=project)
    shown(t, project, "MENDED AND COMMITTED")
    t.cloche("message", "a", SECOND, cwd=project)
    shown(t, project, "MENDED BEFORE")
    assert any(TASK in text for _, text, _ in server.conversations[-1]), server.conversations[-1]
    real_agents.key_stayed_outside(t, server, "authorization", f"Bearer {real_agents.KEY}", TASK)
    real_agents.cost_is(t, project, server)
