"""Claude Code itself in an agent of `start`: on its terminal, without network and key, with a scripted model behind the gateway."""

import real_agents
from case import timeout
from model_server import ModelServer, Step
from test_terminal import Model

TASK, SECOND = "Mend `add` in calc.py", "Tell what was mended"
STEPS = {
    TASK: [
        Step(None, "Reading it first.", "Read", {"file_path": "/workspace/calc.py"}),
        Step(
            r"return a - b", "It subtracts.", "Edit",
            {"file_path": "/workspace/calc.py", "old_string": "return a - b", "new_string": "return a + b"},
        ),
        Step(r"updated", "Trying it.", "Bash", {"command": "sh check.sh", "description": "Run the check"}),
        Step(
            r"2 and 3 are 5", "Asking.", "AskUserQuestion",
            {
                "questions": [
                    {
                        "question": "Shall it be committed?", "header": "Commit", "multiSelect": False,
                        "options": [
                            {"label": "Commit it", "description": "Now"},
                            {"label": "Leave it", "description": "As it is"},
                        ],
                    }
                ]
            },
        ),
        Step(r"Commit it", "Committing.", "Bash", {"command": "git commit -qam 'Add adds' && git log --oneline", "description": "Commit"}),
        Step(r"Add adds", "MENDED AND COMMITTED"),
    ],
    SECOND: [Step(None, "The sign of add was MENDED BEFORE")],
}  # fmt: skip


def until(t, project, state, deadline="90s"):
    return t.json("wait", "a", "--for", f"state:{state}", "--timeout", deadline, cwd=project, timeout=120)["activity"]


def shown(t, project, words, deadline=60):
    """Waits until the agent's screen shows the words, whatever it breaks lines at."""
    look = lambda: " ".join(t.cloche("look", "a", cwd=project).out.split())  # noqa: E731
    t.wait_until(lambda: words in look(), f"{words!r} on the screen", deadline)


@timeout(300)
def test_a_whole_task_stop_and_resume(t):
    server = ModelServer(STEPS)
    real_agents.profile(t, "claude-gateway", "anthropic", server)
    project = real_agents.project(t)
    server.go_on.clear()
    t.start("a", f"{TASK}, please", "--model", "claude-opus-4-8", cwd=project, profile="real")
    first = t.agents(project)["a"]["activity"]
    assert first["state"] == "starting", first
    # By hooks of its own, while the model has it wait.
    assert until(t, project, "working")["by"] in ("hook", "output")
    t.wait_until(lambda: server.requests, "a request of the agent's", 60)
    known = lambda: [t.agents(project)["a"]["activity"][key] for key in ("state", "by")]  # noqa: E731
    t.wait_until(lambda: known() == ["working", "hook"], "its word that it works")
    server.go_on.set()

    # It asks; who attaches sees its interface, and answers there.
    shown(t, project, "Shall it be committed?")
    assert until(t, project, "waiting")["by"] == "hook"
    assert real_agents.KEY not in real_agents.environments(t, "a", project)
    terminal = Model(t, "attach", "a", cwd=project, columns=100, rows=40)
    terminal.until("Shall it be committed?")
    terminal.until("Commit it")
    terminal.terminal.send("\r")
    terminal.until("MENDED AND COMMITTED", 60)
    terminal.terminal.send("\x1dd")
    assert terminal.terminal.wait() == 0
    assert until(t, project, "idle")["by"] == "hook"
    assert not server.surprises, server.surprises

    t.cloche("sync", "a", cwd=project)
    assert t.git("log", "--format=%s", "cloche/a", cwd=project).out.split("\n")[:2] == ["Add adds", "First"]
    assert "return a + b" in t.git("show", "cloche/a:calc.py", cwd=project).out

    t.cloche("stop", "a", cwd=project)
    assert t.agents(project)["a"]["activity"]["state"] == "done"
    before = len(server.conversations)
    t.cloche("resume", "a", SECOND, cwd=project)
    shown(t, project, "MENDED BEFORE", 90)
    assert until(t, project, "idle")["by"] == "hook"
    # What is asked has the earlier task in it, with all results.
    turns = next(turns for turns in server.conversations[before:] if any(SECOND in text for _, text, _ in turns))
    assert any(TASK in text for role, text, _ in turns if role == "user"), turns
    assert sum(is_result for *_, is_result in turns) == 5, turns
    assert any("MENDED AND COMMITTED" in text for role, text, _ in turns if role == "assistant"), turns

    # It ends by itself, with what it is told to end by.
    t.cloche("message", "a", "/exit", cwd=project)
    ended = t.wait_ended("a", project)
    assert ended["activity"]["state"] == "done", ended
    assert not server.surprises, server.surprises
    real_agents.key_stayed_outside(t, server, "x-api-key", real_agents.KEY, "MENDED AND COMMITTED")
    real_agents.cost_is(t, project, server)
