// swift-format-ignore-file
// Written by scripts/embed-profiles from profiles/network/*.yaml. Do not edit: edit those files and run it again.
// ProfileLoading reads them from here and never from the disk, so that the program needs no
// installed files beside it.

/// The text of every built-in bundle of hosts; `path` is relative to `profiles/` and in byte order.
let embeddedNetworkBundles: [(path: String, text: String)] = [
    (
        path: "network/anthropic.yaml",
        text: #"""
description: The API of Anthropic, with keys and with subscriptions

# Not here: claude.ai, which only the browser of a login visits; statsig.anthropic.com and sentry.io, which get statistics
# and crash reports; downloads.claude.ai, for updates of the program.
allow:
  - api.anthropic.com
  # Logins are renewed here; until 2025 it was the second one.
  - platform.claude.com
  - console.anthropic.com

"""#
    ),
    (
        path: "network/crates.yaml",
        text: #"""
description: Packages for Rust, for cargo

# Not here: crates.io, where packages are published and searched; static.rust-lang.org, from which rustup takes toolchains.
allow:
  - index.crates.io
  - static.crates.io

"""#
    ),
    (
        path: "network/debian.yaml",
        text: #"""
description: Packages of Debian, for apt

# What apt asks for in plain HTTP is signed; it asks with GET alone.
allow:
  - {host: deb.debian.org, ports: [80], methods: [GET, HEAD]}
  - {host: security.debian.org, ports: [80], methods: [GET, HEAD]}
  - deb.debian.org:443
  - security.debian.org:443

"""#
    ),
    (
        path: "network/github.yaml",
        text: #"""
description: Reading from GitHub by https - git, the API, files and releases

# Whoever has an account can also write there: with a token of an attacker's, an agent can carry off what it has. Not here:
# gists, uploads of releases, packages, LFS (which is on hosts of Amazon), and git by ssh.
allow:
  - github.com
  - api.github.com
  - codeload.github.com                    # archives
  - raw.githubusercontent.com              # single files
  - objects.githubusercontent.com          # releases
  - release-assets.githubusercontent.com

"""#
    ),
    (
        path: "network/go.yaml",
        text: #"""
description: Modules for Go

# proxy.golang.org sends some large modules to storage.googleapis.com. That is not here: anybody's files are there, and
# with a token of an attacker's an agent can carry off what it has. Where it is needed: allow+: [storage.googleapis.com].
allow:
  - proxy.golang.org
  - sum.golang.org

"""#
    ),
    (
        path: "network/google.yaml",
        text: #"""
description: Google's models, with keys, with a Google login and on Vertex AI

# Not here: accounts.google.com, which only the browser of a login visits; play.googleapis.com, which gets statistics;
# *.googleapis.com as a whole, because storage.googleapis.com takes files for everybody. A region of Vertex AI has a host
# of its own, such as us-central1-aiplatform.googleapis.com.
allow:
  - generativelanguage.googleapis.com   # keys
  - cloudcode-pa.googleapis.com         # a Google login
  - aiplatform.googleapis.com           # Vertex AI, the region `global`
  - oauth2.googleapis.com               # logins are renewed here

"""#
    ),
    (
        path: "network/npm.yaml",
        text: #"""
description: Packages for Node, for npm, pnpm and bun

# Some packages fetch a program when they are installed, from hosts of their own. Yarn 1 has registry.yarnpkg.com.
# Packages are published to the same host: with a token of an attacker's, an agent can carry off what it has.
allow:
  - registry.npmjs.org

"""#
    ),
    (
        path: "network/openai.yaml",
        text: #"""
description: The API of OpenAI, with keys and with subscriptions

allow:
  - api.openai.com
  # Subscriptions: the service itself, and where logins are renewed.
  - chatgpt.com
  - auth.openai.com

"""#
    ),
    (
        path: "network/pypi.yaml",
        text: #"""
description: Packages for Python, for pip, uv and poetry

# Not here: upload.pypi.org.
allow:
  - pypi.org                 # the index
  - files.pythonhosted.org   # the packages

"""#
    ),
]
