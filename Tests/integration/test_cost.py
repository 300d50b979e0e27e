"""`cloche cost` on ledgers made by hand, and that deleting an agent keeps what it used. Counting itself: the gateway's tests."""

import json

DAY = 20778  # 2026-11-21


def row(day, model, requests=1, **numbers):
    keys = "requests input output cache-read cache-write cache-write-1h estimated unpriced nanodollars unpriced-nanodollars"
    sums = {key: 0 for key in keys.split()}
    return {"day": day, "model": model, **sums, "requests": requests, **{key.replace("_", "-"): n for key, n in numbers.items()}}


def ledger(t, name, *rows):
    directory = next(file for file in t.state.rglob("agent.json") if file.parent.name == name).parent
    created = json.loads((directory / "agent.json").read_text())["created"]
    text = {"version": 1, "agent": f"{name} {created}", "used": list(rows)}
    (directory / "usage.json").write_text(json.dumps(text))
    return directory / "usage.json"


def two(t):
    project = t.repository()
    for name in ("a", "b"):
        t.run_task(name, "true", cwd=project)
    ledger(
        t, "a",
        row(DAY, "claude-opus-4-8", 2, input=100, output=20_000, cache_read=1_500_000, cache_write_1h=5, nanodollars=4_020_000_000),
        row(DAY + 1, "m", estimated=1, unpriced=1, output=7, unpriced_nanodollars=9_000_000),
    )
    ledger(t, "b", row(DAY + 1, "claude-opus-4-8", 3, input=1, nanodollars=5_000_000))
    return project


def test_cost_by_agent_model_and_day(t):
    project = two(t)
    out = t.cloche("cost", cwd=project)
    table = [line.split("  ") for line in out.out.splitlines()]
    words = [[cell.strip() for cell in line if cell.strip()] for line in table]
    assert words == [
        ["AGENT", "REQUESTS", "INPUT", "OUTPUT", "CACHE-READ", "CACHE-WRITE", "COST"],
        ["a", "3", "100", "20k", "1.5M", "5", "$4.02", "~1 estimated, !1 unpriced"],
        ["b", "3", "1", "0", "0", "0", "$0.0050"],
        ["total", "6", "101", "20k", "1.5M", "5", "$4.03", "~1 estimated, !1 unpriced"],
    ], words
    assert "estimated by length" in out.err and "count as $0.0090" in out.err and "prices.yaml" in out.err, out.err
    assert [r["model"] for r in t.json("cost", "--by", "model", cwd=project)["rows"]] == ["claude-opus-4-8", "m"]
    days = t.json("cost", "--by", "day", cwd=project)
    assert [(r["day"], r["requests"]) for r in days["rows"]] == [("2026-11-21", 2), ("2026-11-22", 4)], days
    assert days["total"]["nanodollars"] == 4_025_000_000 and days["total"]["cache-write-1h"] == 5, days
    late = t.json("cost", "--since", "2026-11-22", cwd=project)
    assert late["since"] == "2026-11-22" and [r["requests"] for r in late["rows"]] == [1, 3], late
    assert [r["agent"] for r in t.json("cost", "b", cwd=project)["rows"]] == ["b"]
    nothing = t.cloche("cost", "--since", "2031-01-01", cwd=project)
    assert nothing.out == "" and "nothing was used of model APIs since then" in nothing.err, nothing
    assert "no agent named c" in t.cloche("cost", "c", cwd=project, check=125).err
    assert "bad value" in t.cloche("cost", "--since", "soon", cwd=project, check=2).err


def test_what_a_deleted_agent_used_stays(t):
    project = two(t)
    before = t.json("cost", cwd=project)
    t.cloche("delete", "a", cwd=project)
    after = t.json("cost", cwd=project)
    assert after["total"] == before["total"], after
    assert [(r["agent"], r["deleted"]) for r in after["rows"]] == [("b", False), ("a", True)], after
    assert "a (deleted)" in t.cloche("cost", "a", cwd=project).out
    # Another one of the name has its own sums.
    t.run_task("a", "true", cwd=project)
    ledger(t, "a", row(DAY, "m", 10))
    assert [(r["agent"], r["requests"]) for r in t.json("cost", cwd=project)["rows"]] == [("a", 10), ("b", 3), ("a", 3)]
    t.cloche("delete", "a", cwd=project)
    t.cloche("delete", "b", cwd=project)
    assert t.json("cost", cwd=project)["total"]["requests"] == 16


def test_a_ledger_that_cannot_be_read_is_an_error_and_not_nothing(t):
    project = t.repository()
    t.run_task("a", "true", cwd=project)
    file = ledger(t, "a", row(DAY, "m"))
    assert t.json("cost", cwd=project)["total"]["requests"] == 1
    file.write_text(file.read_text()[:-20])
    failed = t.cloche("cost", cwd=project, check=None)
    assert failed.code != 0 and "cannot read what was used of model APIs" in failed.err and str(file) in failed.err, failed
    failed = t.cloche("delete", "a", cwd=project, check=None)
    assert failed.code != 0 and "to begin anew, remove" in failed.err, failed
    t.cloche("delete", "--force", "a", cwd=project)
    nothing = t.cloche("cost", cwd=project)
    assert nothing.out == "" and "nothing was used" in nothing.err, nothing


def test_a_budget_is_checked_like_every_key(t):
    project = t.repository()
    t.start("a", "sleep 1000", "--set", "budget.cost=5 USD", "--set", "budget.per=day", cwd=project)
    assert t.json("explain", "a", cwd=project), "explain"
    bad = t.cloche("start", "b", "true", "--set", "budget.cost=5 EUR", cwd=project, check=None)
    assert bad.code != 0 and "an amount of US dollars" in bad.err, bad
    t.cloche("stop", "a", cwd=project)
    t.cloche("resume", "a", "--set", "budget.cost=8 USD", cwd=project)
    record = json.loads(next(file for file in t.state.rglob("agent.json") if file.parent.name == "a").read_text())
    assert record["effective"]["budget"]["cost"] == "8 USD" and record["effective"]["budget"]["per"] == "day", record
