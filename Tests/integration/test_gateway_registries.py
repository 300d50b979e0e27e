"""Package registries through the gateway: pip and npm themselves, without network, from registries on loopback."""

import base64
import gzip
import hashlib
import io
import json
import os
import pathlib
import shutil
import tarfile
import zipfile

import case
import test_gateway

TOKEN = "pypi-canary81c05ff2d9"


def wheel(name, version):
    """A package with one module that says its name."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"print('{name} {version} is here')\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    room = io.BytesIO()
    with zipfile.ZipFile(room, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return room.getvalue()


def index(t, *, source="public: true", header='authorization: "Basic {basic __token__}"', more="", name="registry"):
    """An index of packages whose files are at another server, as those of the real one are."""
    content = wheel("canary_package", "1.2")
    file = "/packages/aa/canary_package-1.2-py3-none-any.whl"
    files = test_gateway.Service(
        lambda handler, _: handler.reply(content, kind="application/octet-stream") if handler.path == file else handler.reply(b"", 404)
    )

    def answer(handler, _):
        if handler.path == "/simple/Canary.Package/":
            # From the root of the index, as the real one does.
            handler.send_response(301)
            handler.send_header("location", "/simple/canary-package/")
            handler.send_header("content-length", "0")
            return handler.end_headers()
        if handler.path != "/simple/canary-package/":
            return handler.reply(b"no such package", 404)
        link = f"http://127.0.0.1:{files.port}{file}#sha256={hashlib.sha256(content).hexdigest()}"
        filler = "<!-- http://127.0.0.1 htt http:// -->\n" * 3000
        page = f'<!DOCTYPE html><html><body>{filler}<a href="{link}">canary_package-1.2-py3-none-any.whl</a></body></html>'.encode()
        if handler.headers.get("x-chunked"):
            return handler.events([page[start : start + 7] for start in range(0, len(page), 7)], kind="text/html; charset=utf-8")
        handler.reply(page, kind="text/html; charset=utf-8")

    registry = test_gateway.Service(answer)
    t.env["REAL_KEY"] = TOKEN
    t.profile(
        name,
        f"""
extends: shell
services:
  pypi:
    url: http://127.0.0.1:{registry.port}
    headers: {{{header}}}
    paths: [/simple/]
    links: [pypi-files]
    variables: {{PIP_INDEX_URL: "{{root}}/simple/", BY_PATH: "{{url}}/simple/"}}
  pypi-files:
    url: http://127.0.0.1:{files.port}
credentials: [{{service: pypi, {source}}}]
{more}
""",
    )
    return registry, files


def run(t, script, name="registry", **options):
    return t.cloche("run", "--profile", name, "--workspace", "none", "--", "sh", "-ec", script, timeout=120, **options)


READ = """
import os, urllib.request, urllib.parse, re, sys
index = os.environ[sys.argv[1]]
page = urllib.request.urlopen(urllib.request.Request(index + 'Canary.Package/', headers={'X-Chunked': sys.argv[2]} if sys.argv[2:] else {}))
text = page.read().decode()
link = re.search('href="([^"]+)"', text)[1]
content = urllib.request.urlopen(link).read()
print(page.url, link, len(text), len(content))
"""


@case.timeout(180)
def test_pip_installs_without_network(t):
    registry, files = index(t)
    if pathlib.Path("/usr/bin/pip3").exists() or pathlib.Path("/usr/lib/python3/dist-packages/pip").exists():
        result = run(
            t,
            "/usr/bin/python3 -m pip install -q --target /tmp/there --no-cache-dir --disable-pip-version-check Canary.Package"
            " && PYTHONPATH=/tmp/there /usr/bin/python3 -m canary_package",
        )
        assert result.out.endswith("canary_package 1.2 is here\n"), result
        assert len(files.requests) == 1 and "/simple/canary-package/" in [request[1] for request in registry.requests]
    # Nobody was shown a key, since there is none.
    t.env.pop("REAL_KEY")
    for variable, *chunks in (("PIP_INDEX_URL",), ("BY_PATH",), ("PIP_INDEX_URL", "yes")):
        result = t.cloche("run", "--profile", "registry", "--workspace", "none", "--", "python3", "-c", READ, variable, *chunks, timeout=60)
        place, link, length, size = result.out.split()
        # The redirection is found, and the link leads to the other server by way of the gateway.
        assert place == "http://127.65.0.1:4180/simple/canary-package/" and link.startswith("http://127.65.0.2:4180/packages/aa/"), result
        assert int(length) > 100_000 and int(size) == len(wheel("canary_package", "1.2")), result
    assert not any("authorization" in map(str.lower, headers) for _, _, headers, _ in registry.requests + files.requests)
    # Only what is asked for by an index, and no host but these two.
    places = "${PIP_INDEX_URL%simple/}admin http://127.65.0.3:4180/ http://127.0.0.1:4180/other/"
    refused = run(t, f"for place in {places}; do curl -sS -o /dev/null -w '%{{http_code}} ' $place; done")
    assert refused.out == "403 404 404 ", refused
    # A file that is cut out of a page is as it is.
    part = run(t, "curl -sS -D - -r 0-9 http://127.65.0.2:4180/packages/aa/canary_package-1.2-py3-none-any.whl -o /dev/null").out
    assert "200" in part.split("\r\n")[0] and f"content-length: {len(wheel('canary_package', '1.2'))}" in part.lower(), part
    # The control: without the service there is nothing.
    t.profile("none", "extends: shell\n")
    without = run(t, "curl -sS -m 5 http://127.65.0.1:4180/simple/canary-package/", name="none", check=None)
    assert without.code != 0, without


def test_a_key_of_a_registry_goes_to_the_registry_alone(t):
    """A private index is shown the key; the host of its files, which anybody may be, is not."""
    registry, files = index(t, source="env: REAL_KEY, required: true")
    result = t.cloche("run", "--profile", "registry", "--workspace", "none", "--", "python3", "-c", READ, "PIP_INDEX_URL")
    wanted = "Basic " + base64.b64encode(f"__token__:{TOKEN}".encode()).decode()
    assert [headers.get("authorization") for _, _, headers, _ in registry.requests] == [wanted] * 2, registry.requests
    assert len(files.requests) == 1 and TOKEN not in str(files.requests) and wanted not in str(files.requests), files.requests
    # A network by name beside it changes nothing: these addresses are asked directly.
    text = (t.config / "cloche/profiles/registry.yaml").read_text()
    t.profile("named", text.replace("extends: shell", "extends: shell\nnetwork: {mode: allow, proxy-variables: true}"))
    named = t.cloche("run", "--profile", "named", "--workspace", "none", "--", "python3", "-c", READ, "PIP_INDEX_URL")
    assert named.out == result.out, named
    # The same profile serves whoever has a key, and whoever has none; the order in it does not matter.
    registry, files = index(t, source="env: REAL_KEY", name="both")
    text = (t.config / "cloche/profiles/both.yaml").read_text()
    t.profile("both", text.replace("credentials: [{", "credentials: [{service: pypi, public: true}, {"))
    ask = "curl -sS -o /dev/null ${PIP_INDEX_URL}canary-package/"
    run(t, ask, name="both")
    t.env.pop("REAL_KEY")
    run(t, ask, name="both")
    assert ["Authorization" in headers or "authorization" in headers for _, _, headers, _ in registry.requests] == [True, False], registry.requests


def npm_package(name):
    room = io.BytesIO()
    with tarfile.open(fileobj=room, mode="w") as archive:
        for path, text in (("package/package.json", json.dumps({"name": name, "version": "1.0.0"})), ("package/index.js", f"console.log('{name} is here')\n")):
            entry = tarfile.TarInfo(path)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return gzip.compress(room.getvalue())


@case.timeout(180)
def test_npm_installs_without_network(t):
    """npm where it is: with files that it is told of at npm's own host, and from a lock that names that host."""
    package = npm_package("canary-package")
    checksum = "sha512-" + base64.b64encode(hashlib.sha512(package).digest()).decode()
    tarball = "https://registry.npmjs.org/canary-package/-/canary-package-1.0.0.tgz"

    def answer(handler, _):
        if handler.path == "/canary-package":
            dist = {"tarball": tarball, "integrity": checksum}
            version = {"name": "canary-package", "version": "1.0.0", "dist": dist}
            document = {"name": "canary-package", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}
            return handler.reply(json.dumps(document).encode(), kind="application/json")
        if handler.path == "/canary-package/-/canary-package-1.0.0.tgz":
            return handler.reply(package, kind="application/octet-stream")
        handler.reply(b"{}", 404, kind="application/json")

    registry = test_gateway.Service(answer)
    t.profile(
        "npm",
        f"""
extends: shell
services:
  npm:
    url: http://127.0.0.1:{registry.port}
    headers: {{authorization: "Bearer {{key}}"}}
    variables: {{NPM_CONFIG_REGISTRY: "{{root}}/"}}
credentials: [{{service: npm, public: true}}]
""",
    )
    # As npm does it, for a machine without it.
    ask = "curl -sS ${NPM_CONFIG_REGISTRY}canary-package | head -c 30; curl -sS ${NPM_CONFIG_REGISTRY}canary-package/-/canary-package-1.0.0.tgz | wc -c"
    assert str(len(package)) in run(t, ask, name="npm").out
    if not shutil.which("npm", path=t.env["PATH"]) or not os.path.realpath(shutil.which("npm", path=t.env["PATH"])).startswith("/usr/"):
        return
    quiet = "npm install --no-audit --no-fund --no-update-notifier --loglevel=error"
    result = run(
        t,
        f"mkdir /tmp/p && cd /tmp/p && echo '{{}}' >package.json && {quiet} canary-package >&2 && node -e 'require(\"canary-package\")'"
        " && grep resolved package-lock.json && rm -rf node_modules ~/.npm && npm ci --no-audit --loglevel=error >&2 && node -e 'require(\"canary-package\")'",
        name="npm",
    )
    assert result.out.count("canary-package is here") == 2 and f'"resolved": "{tarball}"' in result.out, result
    assert [path for _, path, _, _ in registry.requests].count("/canary-package/-/canary-package-1.0.0.tgz") == 3


def test_packages_cost_nothing(t):
    """Under a budget of no request more, packages still come: nothing is counted that nobody is named for."""
    registry, _ = index(t, more="budget: {requests: 1}")
    project = t.repository()
    t.start("a", "exec sleep 1000", cwd=project, profile="registry")
    script = "for n in 1 2 3; do curl -sS -o /dev/null -w '%{http_code} ' ${PIP_INDEX_URL}canary-package/; done"
    assert t.cloche("exec", "-T", "a", "--", "sh", "-c", script, cwd=project).out == "200 200 200 "
    assert t.json("cost", cwd=project)["total"]["requests"] == 0
    lines = lambda: [json.loads(line) for line in t.cloche("audit", "a", "--json", cwd=project).out.splitlines()]  # noqa: E731
    paths = lambda: [line["path"] for line in lines() if line["event"] == "request"]  # noqa: E731
    t.wait_until(lambda: paths() == ["/simple/canary-package/"] * 3, "three records")
    # Nothing is written where anybody may read.
    ask = lambda script: t.cloche("exec", "-T", "a", "--", "sh", "-c", script, cwd=project).out  # noqa: E731
    code = "curl -sS -o /dev/null -w '%{http_code} '"
    assert ask(f"{code} -d secret ${{PIP_INDEX_URL}}canary-package/; {code} -X PUT http://127.65.0.2:4180/packages/x") == "403 403 "
    wheel_url = "http://127.65.0.2:4180/packages/aa/canary_package-1.2-py3-none-any.whl"
    assert ask(f"{code} {wheel_url}") == "200 "
    # It can be taken away like one with a key, and what came along with it goes with it.
    t.cloche("credential", "revoke", "pypi")
    assert ask(script) == "403 403 403 " and ask(f"{code} {wheel_url}") == "403 "
    # What came along can be taken away alone.
    t.start("b", "exec sleep 1000", cwd=project, profile="registry")
    t.cloche("credential", "revoke", "pypi-files")
    asked = t.cloche("exec", "-T", "b", "--", "sh", "-c", f"{script}; {code} {wheel_url}", cwd=project).out
    assert asked == "200 200 200 403 ", asked
