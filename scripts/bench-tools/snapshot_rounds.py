"""snapshot_rounds.py CLOCHE DIRECTORY ROUNDS: what `scripts/bench snapshots` times, on the file system that the directory is on.

An agent with 5,000 files of its project and 500 files of 1 MB that it installed into `/usr/local`. A round is a snapshot, a run that changes, removes and
makes files, and a rollback; in the same round `cp -a` copies what the agent has then, its layers too. Prints a line of milliseconds for each round: `cp`,
snapshot, rollback. All that was written before is on disk each time, so that nobody waits for what another one did."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

FILES, MEGABYTES = 5000, 500
MADE = f"for i in $(seq {MEGABYTES}); do head -c 1048576 /dev/urandom >/usr/local/lib/file$i; done; for f in d0/*; do echo more >>$f; done; seq 1000 >~/state"
CHANGED = "for f in d{0}/* d{1}/*; do echo more >>$f; done; rm -r d{2}; seq 100 >new; echo x >/usr/local/lib/x; rm /usr/local/lib/file{0}; seq 9 >~/state"


def run(*words, where, check=True):
    return subprocess.run([str(word) for word in words], check=check, cwd=where, capture_output=True, text=True).stdout


def project(place):
    """A repository with the files, and places for Cloche beside it."""
    variables = ("HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR")
    for variable in variables:
        os.environ[variable] = str(place / variable)
        (place / variable).mkdir(mode=0o700)
    (place / "project").mkdir()
    (place / "HOME/.gitconfig").write_text("[user]\n\tname = Bench\n\temail = bench@example.org\n")
    for number in range(FILES):
        file = place / f"project/d{number % 100}/f{number}"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"file {number}\n" * 50)
    # The objects in a pack, as a clone has them.
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "First"], ["gc", "-q"]):
        run("git", *words, where=place / "project")
    return place / "project"


def timed(*words, where, check=True):
    os.sync()
    began = time.perf_counter()
    run(*words, where=where, check=check)
    return (time.perf_counter() - began) * 1000


def checksums(workspace):
    """Of everything there, so that a rollback that is fast and wrong is seen."""
    return run("sh", "-c", "find . -type f ! -path ./.git -exec sha256sum {} + | sort", where=workspace)


def main():
    cloche, place, rounds = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
    here = project(place)
    run(cloche, "start", "a", "--profile", "shell", MADE, where=here)
    run(cloche, "wait", "a", where=here)
    agent = pathlib.Path(json.loads(run(cloche, "list", "--all", "--json", where=here))[0]["directory"])
    for number in range(rounds):
        copy = place / "copy"
        copy.mkdir()
        copied = timed("cp", "-a", agent, *(agent.parent / ".layers").glob("layer-*"), copy, where=here, check=False)
        # It fails on the overlay's own empty directory, which the kernel closes to everybody; all else has to be there.
        if sum(len(files) for _, _, files in os.walk(copy)) < FILES + MEGABYTES:
            sys.exit("cp -a has not copied the agent")
        run("chmod", "-R", "u+rwx", copy, where=here)
        shutil.rmtree(copy)
        was = checksums(agent / "workspace")
        made = timed(cloche, "snapshot", "a", f"s{number}", where=here)
        run(cloche, "resume", "a", CHANGED.format(number * 3 + 1, number * 3 + 2, number * 3 + 3), where=here)
        run(cloche, "wait", "a", where=here)
        if checksums(agent / "workspace") == was:
            sys.exit("the run has changed nothing")
        back = timed(cloche, "rollback", "a", f"s{number}", where=here)
        if checksums(agent / "workspace") != was:
            sys.exit("the rollback has not brought back what was there")
        print(copied, made, back, flush=True)
    run(cloche, "delete", "--force", "a", where=here)


main()
