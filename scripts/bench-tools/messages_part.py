"""The part `messages` of scripts/bench: from an agent's message to its text in another agent's terminal, and to it being on disk.

The recipient's program takes whatever it is typed and writes it into a FIFO, where the text is waited for. The Enter behind each text, which comes 150 ms
later, is not counted."""

import json
import os
import statistics
import subprocess
import time

PROFILE = """\
extends: shell
harness:
  command: [/bin/sh, {place}/listen.sh]
  interactive: []
  messages: typed
filesystem:
  binds:
    - {{source: "{place}", target: "{place}", mode: rw}}
"""
LISTEN = "stty raw -echo; echo ready; exec cat >{place}/typed\n"
GOAL = 20


def start(bench, name, profile):
    answer = bench.as_user([bench.cloche, "start", name, "--profile", profile, "--workspace", "none"], stdin=subprocess.DEVNULL)
    if answer.returncode:
        raise SystemExit(f"bench: cloche start failed: {answer.stderr.strip()}")


def part(bench):
    """Prints the table; whether the goal is met."""
    place = bench.shared
    os.mkfifo(place / "typed")
    (place / "listen.sh").write_text(LISTEN.format(place=place))
    (bench.dir / "config/cloche/profiles/listener.yaml").write_text(PROFILE.format(place=place))
    if bench.is_root:
        subprocess.run(["chown", "-R", f"{bench.user}:", bench.dir], check=True)
    start(bench, "listener", "listener")
    start(bench, "speaker", "idle")
    words = bench.words_as_user([bench.cloche, "internal", "post-messages", bench.dir, "speaker"])
    speaker = subprocess.Popen(words, cwd=bench.dir, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    typed, kept = [], []
    with open(place / "typed", "rb", buffering=0) as terminal:
        for number in range(bench.prompts + 3):
            shown, mark = b"", f"text-{number}-".encode()
            began = time.perf_counter()
            speaker.stdin.write(json.dumps({"to": "listener", "text": mark.decode()}) + "\n")
            speaker.stdin.flush()
            while mark not in shown:
                shown += terminal.read(65536)
            came = time.perf_counter()
            if '"error":null' not in (answer := speaker.stdout.readline()):
                raise SystemExit(f"bench: a message was refused: {answer}")
            if number >= 3:
                typed.append((came - began) * 1000)
                kept.append((time.perf_counter() - began) * 1000)
            while b"\r" not in shown.split(mark)[1]:
                shown += terminal.read(65536)
            time.sleep(0.05)
    speaker.stdin.close()
    speaker.wait()
    for name in ("listener", "speaker"):
        bench.as_user([bench.cloche, "delete", "--force", name])
    middle = statistics.median(typed)
    print("\n### A message from one agent to another whose program is ready, milliseconds\n")
    print("| | median | 95 % |\n|---|---:|---:|")
    for name, values in (("its text is in the terminal", typed), ("its sender knows that it is on disk", kept)):
        print(f"| {name} | {statistics.median(values):.1f} | {statistics.quantiles(values, n=20)[-1]:.1f} |")
    print(f"\nGoal: typed within {GOAL} ms: {'met' if middle <= GOAL else 'MISSED'} ({middle:.1f}).")
    return middle <= GOAL
