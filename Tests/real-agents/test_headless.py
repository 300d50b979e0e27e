"""aider and mini-swe-agent themselves: a task to its end with nobody at the terminal, with a scripted model behind the gateway."""

import real_agents
from case import timeout
from model_server import ModelServer, Step

TASK = "Mend add in"
# The bundles of these two give the key itself, and a network; a profile like claude-gateway gives neither.
GATEWAY = "network: {mode: none}\ncredentials: [{service: openai, env: OPENAI_API_KEY, required: true}]\n"


def edit(old, new):
    """A change as aider's models write it."""
    return f"calc.py\n```python\n<<<<<<< SEARCH\n    return {old}\n=======\n    return {new}\n>>>>>>> REPLACE\n```\n"


class Aider(ModelServer):
    """aider has no tools: it shows files that the model names, tries what was changed, and tells what came of it. It asks for a
    message to commit with."""

    def next_step(self, turns):
        self.conversations.append(turns)
        everything = "\n".join(text for _, text, _ in turns)
        # What stands behind the user's last word is a reminder of the rules.
        last = [text for role, text, _ in turns if role == "user"][-1]
        if "commit message" in everything.lower():
            return Step(None, "fix: add adds")
        if "return a - b" not in everything:
            return Step(None, "Let me see `calc.py` first.")
        if "AssertionError: 6" in last:
            return Step(None, "Not times.\n\n" + edit("a * b", "a + b"))
        if TASK in everything and "AssertionError" not in everything:
            return Step(None, "It subtracts.\n\n" + edit("a - b", "a * b"))
        self.surprises.append(last)
        return Step(None, "SURPRISED")


def finish(t, server, name, project, subject):
    """The agent ends well, and what it did is on its branch."""
    try:
        ended = t.wait_ended(name, project, 90)
    except AssertionError:
        print(t.cloche("logs", name, cwd=project).out)
        raise
    assert (ended["state"], ended["activity"]["state"]) == ("exited", "done"), (ended, server.surprises)
    assert not server.surprises, server.surprises
    t.cloche("sync", name, cwd=project)
    assert subject in t.git("log", "--format=%s", f"cloche/{name}", cwd=project).out.split("\n")
    assert "return a + b" in t.git("show", f"cloche/{name}:calc.py", cwd=project).out
    real_agents.key_stayed_outside(t, server, "authorization", f"Bearer {real_agents.KEY}", TASK)
    real_agents.cost_is(t, project, server)


@timeout(240)
def test_aider(t):
    server = Aider([])
    tried = "environment: {set: {AIDER_AUTO_TEST: 'true', AIDER_TEST_CMD: sh check.sh}}"
    real_agents.profile(t, "aider", "openai", server, GATEWAY + tried)
    project = real_agents.project(t)
    t.start("a", f"{TASK} the calculator", "--model", "openai/gpt-4o", cwd=project, profile="real")
    finish(t, server, "a", project, "fix: add adds")
    # It asks for no numbers with what is streamed, only with the message of the commit.
    assert sorted(sums["estimated"] for sums in server.usage.values()) == [0, 3], server.usage
    # It was shown the file, and what came of its first change.
    assert any("AssertionError: 6" in text for turns in server.conversations for _, text, _ in turns)


def bash(wanted, command):
    return Step(wanted, "Next.", "bash", {"command": command})


@timeout(240)
def test_mini_swe_agent(t):
    steps = [
        bash(None, "cat calc.py"),
        bash(r"return a - b", "sed -i 's/a - b/a + b/' calc.py"),
        bash(r'"returncode": 0', "sh check.sh"),
        bash(r"2 and 3 are 5", "git commit -qam 'Add adds' && git log --oneline"),
        bash(r"Add adds", "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"),
    ]
    server = ModelServer({TASK: steps})
    real_agents.profile(t, "mini-swe-agent", "openai", server, GATEWAY)
    project = real_agents.project(t)
    t.start("a", f"{TASK} the calculator", "--model", "openai/gpt-4o", cwd=project, profile="real")
    finish(t, server, "a", project, "Add adds")
