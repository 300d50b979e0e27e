"""The team of examples/ with Claude Code itself in each of its five places: a planner, three workers and a reviewer, a scripted
model behind their gateways, no network, no person."""

import pathlib
import shutil

import real_agents
from case import timeout
from model_server import ModelServer, Step

PLAN, REVIEW = "Have the five bugs mended by a team", "Review what the workers have mended"
WORK = {1: "sum leap", 2: "max count", 3: "reverse"}


def task(number):
    return f"Mend these as worker {number}: {WORK[number]}"


def bash(command, seconds=240):
    return "Bash", {"command": command, "description": "Go on", "timeout": seconds * 1000}


def worker(number):
    return [
        Step(None, "Looking.", *bash(f"./run-tests {WORK[number]}")),
        Step(r"not ok", "Mending.", *bash(f"sh .team/worker.sh {WORK[number]}")),
        Step(r"ok ", "MENDED"),
    ]


STEPS = {task(number): worker(number) for number in WORK} | {
    PLAN: [
        Step(None, "What can I do here?", *bash("cloche whoami; ./run-tests")),
        Step(
            r"you may have 4 at a time(.|\n)*not ok count", "Dealing them out.",
            *bash(" && ".join(f"cloche start worker-{number} '{task(number)}'" for number in WORK)),
        ),
        Step(r"worker-3 runs", "Waiting.", *bash("cloche wait worker-1 worker-2 worker-3 --timeout 200")),
        Step(
            r"worker-\d done: (.|\n)*done: (.|\n)*done: ", "Taking it over.",
            *bash("for n in 1 2 3; do git merge -q --no-edit $(cloche sync worker-$n) || exit; done; ./run-tests"),
        ),
        Step(r"ok count", "Having it reviewed.", *bash(f"cloche start reviewer --ro '{REVIEW}' && cloche wait reviewer --timeout 200")),
        Step(r"reviewer done: approved", "Offering it.", *bash("cloche merge planner --check ./run-tests && cloche report done 'one branch'")),
        Step(r"cloche-merged/planner has planner", "ALL MENDED"),
    ],
    REVIEW: [
        Step(None, "Reading.", *bash("sh .team/reviewer.sh $(git rev-list --max-parents=0 HEAD)")),
        Step(r"5 files changed", "APPROVED"),
    ],
}  # fmt: skip


@timeout(600)
def test_a_team_of_claude_code(t):
    server = ModelServer(STEPS)
    real_agents.profile(t, "claude-gateway", "anthropic", server, more="agents: {children: 4}\n")
    project = t.dir / "project"
    shutil.copytree(pathlib.Path(__file__).resolve().parent.parent / "examples/team/project", project)
    t.git("init", "-q", cwd=project)
    t.git("add", "-A", cwd=project)
    t.git("commit", "-qm", "Five bugs", cwd=project)
    t.projects.add(project)
    t.start("planner", PLAN, cwd=project, profile="real")
    told = lambda: (t.agents(project)["planner"].get("result") or {}).get("state")  # noqa: E731
    t.wait_until(lambda: told() or server.surprises, "the planner reports", 400)
    assert not server.surprises and told() == "done", server.surprises
    agents = t.agents(project)
    assert {"planner", "worker-1", "worker-2", "worker-3", "reviewer"} == set(agents), agents
    assert all(one["result"]["state"] == "done" for one in agents.values()), agents
    t.git("worktree", "add", "-q", t.dir / "merged", "cloche-merged/planner", cwd=project)
    assert t.command("sh", t.dir / "merged/run-tests").out.count("ok ") == 5
    # Every one of the five had its own program ask the model, with the key that one gateway gave the next.
    first = [turns for turns in server.conversations if any(word in text for _, text, _ in turns for word in [REVIEW, *map(task, WORK)])]
    assert len(first) >= 4
    assert all(request[2].get("x-api-key") == real_agents.KEY for request in server.requests if request[1].startswith("/v1/messages"))
    assert real_agents.KEY not in real_agents.environments(t, "worker-1", project)
