"""The part `gateway` of scripts/bench: requests to a server with TLS on loopback, through an agent's gateway and directly.

The client is the same program, in the agent's sandbox and beside it. Directly it speaks TLS itself; inside, the gateway does."""

import pathlib
import statistics
import subprocess

TOOLS = pathlib.Path(__file__).resolve().parent
STREAMS = 1000
PROFILE = """\
extends: idle
services:
  bench: {{url: "https://127.0.0.1:{port}", headers: {{x-api-key: "{{key}}"}}, certificates: "{folder}/ca.pem", usage: anthropic}}
credentials: [{{service: bench, file: "{folder}/key", required: true}}]
filesystem:
  binds:
    - {{source: "{tools}", target: /tools}}
"""


def certificates(folder):
    def openssl(*words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)

    folder.mkdir()
    new = ("req", "-newkey", "rsa:2048", "-nodes", "-days", "2")
    openssl(*new, "-x509", "-subj", "/CN=Bench", "-keyout", folder / "ca.key", "-out", folder / "ca.pem")
    openssl(*new, "-subj", "/CN=127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "request")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    authority = ("-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-CAcreateserial")
    openssl("x509", "-req", "-in", folder / "request", *authority, "-days", "2", "-extfile", folder / "names", "-out", folder / "cert.pem")
    (folder / "key").write_text("sk-bench-0123456789\n")


def memory(bench):
    """KiB PSS of the gateway; only root may look."""
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if b"gateway" in (process / "cmdline").read_bytes().split(b"\0") and str(bench.dir) in str((process / "exe").readlink()):
                for line in (process / "smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        return int(line.split()[1])
        except OSError:
            pass
    return None


def part(bench):
    folder = bench.dir / "tls"
    certificates(folder)
    tools = bench.dir / "tools"
    tools.mkdir()
    for name in ("gateway_service.py", "gateway_client.py"):
        (tools / name).write_bytes((TOOLS / name).read_bytes())
    if bench.is_root:
        subprocess.run(["chown", "-R", f"{bench.user}:", folder, tools], check=True)
    server = subprocess.Popen(
        bench.words_as_user(["/usr/bin/python3", tools / "gateway_service.py", folder]), stdout=subprocess.PIPE, text=True, cwd=bench.dir
    )
    try:
        port = int(server.stdout.readline())
        profile = bench.dir / "config/cloche/profiles/gateway.yaml"
        profile.write_text(PROFILE.format(port=port, folder=folder, tools=tools))
        if bench.is_root:
            subprocess.run(["chown", f"{bench.user}:", profile], check=True)
        return measure(bench, tools, folder, port)
    finally:
        server.terminate()
        server.wait()


def run(bench, words):
    answer = bench.as_user(words, stdin=subprocess.DEVNULL, timeout=600)
    if answer.returncode:
        raise SystemExit(f"bench: {' '.join(map(str, words))}: {answer.stderr.strip() or answer.returncode}")
    return answer.stdout.split()


def measure(bench, tools, folder, port):
    run(bench, [bench.cloche, "start", "bench", "--profile", "gateway", "--workspace", "none", "--set", "limits.open-files=8192"])
    direct = ["/usr/bin/python3", tools / "gateway_client.py", f"https://127.0.0.1:{port}", folder / "ca.pem"]
    inside = [bench.cloche, "exec", "-T", "bench", "--", "/usr/bin/python3", "/tools/gateway_client.py", "http://127.0.0.1:4180/bench", "-"]
    cases = {"direct": direct, "gateway": inside}
    rounds, count, size = (3, 200, 64 << 20) if bench.runs < 100 else (7, 500, 256 << 20)
    first, rate = {name: [] for name in cases}, {name: [] for name in cases}
    for turn in range(rounds):
        for name in list(cases)[:: 1 if turn % 2 else -1]:
            first[name] += map(int, run(bench, [*cases[name], "latency", count]))
            rate[name].append(float(run(bench, [*cases[name], "stream", size])[0]))
    idle = memory(bench)
    done, seconds = run(bench, ["sh", "-c", "ulimit -n 8192; exec \"$@\"", "sh", *inside, "concurrent", STREAMS])
    after = memory(bench)
    run(bench, [bench.cloche, "delete", "--force", "bench"])
    added = statistics.median(first["gateway"]) - statistics.median(first["direct"])
    ratio = statistics.median(rate["gateway"]) / statistics.median(rate["direct"])
    print("\n### Requests through the gateway and directly, over TLS\n\n| | first byte, us | stream, MB/s |\n|---|---:|---:|")
    for name in cases:
        print(f"| {name} | {statistics.median(first[name]):.0f} | {statistics.median(rate[name]):.0f} |")
    print(f"\nGoal: less than 1000 us more to the first byte: {'met' if added < 1000 else 'MISSED'} ({added:.0f}).")
    print(f"Goal: at least 0.8 x the rate: {'met' if ratio >= 0.8 else 'MISSED'} ({ratio:.2f}).")
    print(f"Goal: {STREAMS} streams of a second at once, none lost: {'met' if int(done) == STREAMS else 'MISSED'} ({done} in {float(seconds):.1f} s);", end=" ")
    print(f"gateway {idle} KiB PSS before, {after} after.", flush=True)
    return added < 1000 and ratio >= 0.8 and int(done) == STREAMS
