// swift-format-ignore-file
// Written by scripts/embed-profiles from profiles/*.yaml and profiles/harness/*.yaml. Do not edit: edit those files and run it again.
// ProfileLoading reads them from here and never from the disk, so that the program needs no
// installed files beside it.

/// The text of every built-in profile; `path` is relative to `profiles/` and in byte order.
package let embeddedProfiles: [(path: String, text: String)] = [
    (
        path: "agent.yaml",
        text: #"""
description: What agent programs have in common; the profiles of the programs extend it

# An agent program reaches the service it lives on, and nothing else: the profile of each names its hosts. What a task
# needs besides is yours to say, for one agent, or under `overrides` in config.yaml for all:
#   cloche start ... --set 'network.allow+=[pypi, github, "*.example.com:443"]'
# None of that is here, because what takes files from anybody with an account can carry off what the agent sees. A service
# of your own (ANTHROPIC_BASE_URL and the like) has to be named, too.
network:
  mode: allow

stop:
  # Enough to write a session's record.
  grace: 15s

"""#
    ),
    (
        path: "base.yaml",
        text: #"""
description: The system's programs and libraries, a home and a workspace; no network, no credentials
# Every profile extends this one unless it says otherwise, so that each file tells only what is its own.

filesystem:
  workspace: rw
  system: [/usr, /bin, /sbin, /lib, /lib32, /lib64, /libx32, /opt]

  # Where installers put files. Listed one by one because an overlay gives new files only to directories that the
  # agent owns; /usr/local/man is a link to share/man.
  writable:
    - /usr/local/bin
    - /usr/local/etc
    - /usr/local/games
    - /usr/local/include
    - /usr/local/lib
    - /usr/local/sbin
    - /usr/local/share
    - /usr/local/src
    - /opt
    - /etc
    - /var/cache
    - /var/lib

  # What programs read in /etc and no host keeps secrets in; each name costs a mount, so what only tools of the system's
  # administrator read is left out. Not here on purpose:
  #   ssl/private, pki/tls/private   keys of the host
  #   gitconfig, npmrc, pip.conf, gemrc, maven/settings.xml, apt, environment   may hold tokens or name programs
  #   ssh                            ssh refuses configuration owned by an unmapped uid; without it, it works
  #   ld.so.preload                  would load a host library into everything
  etc:
    # certificates and their policy
    - ssl/certs
    - ssl/cert.pem
    - ssl/openssl.cnf
    - ca-certificates
    - pki/ca-trust
    - pki/tls/cert.pem
    - pki/tls/certs
    - pki/tls/openssl.cnf
    - crypto-policies
    # the dynamic and the static linker, and which program a common name means
    - ld.so.cache
    - ld.so.conf
    - ld.so.conf.d
    - alternatives
    # which system this is
    - "*-release"
    - debian_version
    # time and language
    - localtime
    - timezone
    - locale.conf
    # tables of names
    - protocols
    - services
    - mime.types
    # shells, Emacs, and man with its typesetter, which stop or warn without their files
    - bash
    - bash.bashrc
    - bashrc
    - emacs
    - fish
    - groff
    - inputrc
    - manpath.config
    - profile
    - profile.d
    - zsh*
    # languages whose installed files are links into /etc
    - dotnet
    - java-*
    - maven/logging
    - maven/m2.conf
    - mono
    - perl
    - php
    - postgresql-common
    - python3*
    - R
    # fonts, documents, images, word lists, browsers without a window
    - chromium.d
    - dictionaries-common
    - fonts
    - ImageMagick-*
    - texmf
    - xml

  # Names in a workspace that programs on the user's side obey by themselves: because somebody opens the directory, stands
  # in it, or calls a program that has nothing to do with the file. Not what one runs on purpose (Makefile, package.json).
  # Where one is absent in a directory of the user's, something empty stands for it while a sandbox runs there. An empty
  # directory (/ at the end) is seen by neither `git status` nor the programs named here; a file is what programs expect
  # that would fail on a directory, inside or outside.
  protect:
    # version control: hooks, filters, fsmonitor, editors, aliases
    - .git/
    # A file: Go refuses to build, on the user's side too, where both `.git` and `.hg` are directories.
    - .hg
    - .jj/
    # hooks that a repository's configuration names
    - .husky/
    - .githooks/
    - .pre-commit-config.yaml/
    - lefthook.yml/
    - .lefthook.yml/
    # shells that one enters the directory with
    - .envrc/
    - .mise.toml/
    - mise.toml/
    # editors: tasks, interpreters and servers that are started when a folder is opened
    - .vscode/
    - .idea/
    - .zed/
    - .devcontainer/
    - .devcontainer.json/
    - .exrc/
    - .vimrc/
    # agent programs: hooks, permissions, servers (MCP), commands with shell lines in them
    - .claude/
    - .mcp.json
    - .cursor/
    - .codex/
    - .gemini/
    - .opencode/
    - opencode.json
    - .github/hooks/
    - .aider.conf.yml
    - .cloche/
    # which program a package manager really is, and with which tokens it goes where
    - .npmrc
    - .yarnrc
    - .yarnrc.yml
    - .cargo/
    # To be read in a diff, no more: git has the filters of .gitattributes from elsewhere, and asks before it fetches
    # submodules; Emacs and Neovim ask; the last are obeyed by servers, after a push.
    - "**/.gitattributes"
    - "**/.gitmodules"
    - "**/.gitconfig"
    - "**/.lfsconfig"
    - "**/.dir-locals.el"
    - "**/.nvim.lua"
    - "**/.github/workflows/"
    - "**/.github/actions/"
    - "**/.gitlab-ci.yml"
    - "**/.ci/"

environment:
  set:
    PATH: /home/agent/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    HOME: /home/agent
    USER: agent
    LOGNAME: agent
    SHELL: /bin/bash
    # The terminal is Cloche's own, whatever the user sits at.
    TERM: xterm-256color
    # Nobody can give files away inside: fakeroot is told not to try, or it takes the answer for a failure.
    FAKEROOTDONTTRYCHOWN: "1"
    # Where an empty `.git` stands for an absent one, Go asks git for a commit to note in the program, and fails.
    GOFLAGS: -buildvcs=false
  pass: [LANG, LANGUAGE, LC_ALL, LC_COLLATE, LC_CTYPE, LC_MESSAGES, LC_NUMERIC, LC_TIME, TZ, COLORTERM, NO_COLOR]

# What a gateway can speak to for an agent that has no key: `credentials: [{service: anthropic, env: ANTHROPIC_API_KEY}]`.
# The variables are those by which the programs of each find another address; an agent gets those of its own services.
services:
  anthropic:
    url: https://api.anthropic.com
    headers: {x-api-key: "{key}"}
    # Models, and nothing else that the account has there, as sessions and environments.
    paths: [/v1/messages, /v1/complete, /v1/models]
    variables: {ANTHROPIC_BASE_URL: "{url}", ANTHROPIC_API_KEY: "{placeholder}"}
    placeholder: sk-ant-cloche-holds-the-key
    usage: anthropic
  # A subscription: the login that Claude Code keeps and renews. Checked against Claude Code 2.1.329, which takes both locks.
  anthropic-login:
    url: https://api.anthropic.com
    headers: {authorization: "Bearer {key}"}
    append: {anthropic-beta: oauth-2025-04-20}
    paths: [/v1/messages, /v1/models]
    variables: {ANTHROPIC_BASE_URL: "{url}", CLAUDE_CODE_OAUTH_TOKEN: "{placeholder}"}
    placeholder: sk-ant-oat01-cloche-holds-the-token
    usage: anthropic
    login:
      token-url: https://platform.claude.com/v1/oauth/token
      fields: {client_id: 9d1c250a-e61b-44d9-88ed-5944d1962f5e}
      access: claudeAiOauth.accessToken
      refresh: claudeAiOauth.refreshToken
      expires: claudeAiOauth.expiresAt
      locks: ["{directory}/.oauth_refresh.lock", "{directory}.lock"]
  openai:
    url: https://api.openai.com
    headers: {authorization: "Bearer {key}"}
    drop: [openai-organization, openai-project]
    paths: [/v1/chat/completions, /v1/completions, /v1/responses, /v1/embeddings, /v1/models]
    # Clients of OpenAI's own write the version into the base.
    variables:
      OPENAI_BASE_URL: "{url}/v1"
      OPENAI_API_BASE: "{url}/v1"
      OPENAI_API_KEY: "{placeholder}"
    placeholder: sk-cloche-holds-the-key
    usage: openai
  gemini:
    url: https://generativelanguage.googleapis.com
    headers: {x-goog-api-key: "{key}"}
    paths: [/v1/, /v1beta/]
    variables: {GOOGLE_GEMINI_BASE_URL: "{url}", GEMINI_API_KEY: "{placeholder}"}
    usage: gemini
  # git over https, with a token that may do no more than it must. git inside asks for no user and no password.
  github:
    url: https://github.com
    headers: {authorization: "Basic {basic x-access-token}"}
    git: ["https://github.com/", "ssh://git@github.com/", "git@github.com:"]
    variables: {GIT_TERMINAL_PROMPT: "0"}
  # Registries of packages: for everybody (`public: true`), or with a token.
  npm:
    url: https://registry.npmjs.org
    headers: {authorization: "Bearer {key}"}
    # Files that a lock names with npm's own host are asked for at the same path of the registry.
    variables: {NPM_CONFIG_REGISTRY: "{root}/"}
  pypi:
    url: https://pypi.org
    headers: {authorization: "Basic {basic __token__}"}
    paths: [/simple/]
    links: [pypi-files]
    variables: {PIP_INDEX_URL: "{root}/simple/", UV_INDEX_URL: "{root}/simple/"}
  # Where the pages of pypi lead.
  pypi-files:
    url: https://files.pythonhosted.org
    paths: [/packages/]

syscalls:
  # One file each in syscalls/, with the reasons. Not here: debugging, nested-namespaces.
  groups: [files, aio, memory, processes, sandboxing, events, sockets, ipc, information]

limits:
  # Far above what a build needs, far below what makes a host unusable.
  processes: 8192

"""#
    ),
    (
        path: "claude-gateway.yaml",
        text: #"""
description: Claude Code with no key and no network; a gateway outside adds the key to what it asks Anthropic's API
extends: claude

network:
  mode: none

credentials:
  - {service: anthropic, env: ANTHROPIC_API_KEY, required: true}

"""#
    ),
    (
        path: "claude-login.yaml",
        text: #"""
description: Claude Code with the login of a subscription and no network; a gateway outside has the login, and renews it
extends: claude

network:
  mode: none

credentials:
  - {service: anthropic-login, login: ~/.claude/.credentials.json, required: true}

"""#
    ),
    (
        path: "claude-readonly.yaml",
        text: #"""
description: Claude Code; may read the workspace but not change it
extends: claude

filesystem:
  workspace: ro

"""#
    ),
    (
        path: "claude-vertex.yaml",
        text: #"""
description: Claude Code on Google Cloud Vertex AI
extends: claude

network:
  # Each region has a host of its own; add yours if it is not here.
  allow:
    - oauth2.googleapis.com   # where the login is renewed
    - aiplatform.googleapis.com
    - us-central1-aiplatform.googleapis.com
    - us-east5-aiplatform.googleapis.com
    - europe-west1-aiplatform.googleapis.com
    - europe-west4-aiplatform.googleapis.com
    - asia-southeast1-aiplatform.googleapis.com

environment:
  set:
    CLAUDE_CODE_USE_VERTEX: "1"
  pass+: [CLOUD_ML_REGION, ANTHROPIC_VERTEX_PROJECT_ID]

# A profile of its own because this file opens all of the user's Google Cloud, not only the model.
credentials:
  - {file: ~/.config/gcloud/application_default_credentials.json, required: true}

"""#
    ),
    (
        path: "codex-gateway.yaml",
        text: #"""
description: Codex with no key and no network; a gateway outside adds the key to what it asks OpenAI's API
extends: codex

harness:
  program: codex
  # It takes no other address from the environment (tried with 0.163.0): a provider of its own is named by options, and a key of
  # that is no login that it would ask for.
  command:
    - /bin/sh
    - -c
    - |
      provider="{name = \"cloche\", base_url = \"$OPENAI_BASE_URL\", env_key = \"OPENAI_API_KEY\", wire_api = \"responses\"}"
      exec codex -c 'model_provider="cloche"' -c "model_providers.cloche=$provider" "$@"
    - codex
    - --sandbox
    - danger-full-access
    - --dangerously-bypass-approvals-and-sandbox

network:
  mode: none

credentials:
  - {service: openai, env: OPENAI_API_KEY, required: true}

"""#
    ),
    (
        path: "codex-readonly.yaml",
        text: #"""
description: Codex; may read the workspace but not change it
extends: codex

filesystem:
  workspace: ro

"""#
    ),
    (
        path: "copilot-readonly.yaml",
        text: #"""
description: GitHub Copilot CLI; may read the workspace but not change it
extends: copilot

filesystem:
  workspace: ro

"""#
    ),
    (
        path: "gemini-gateway.yaml",
        text: #"""
description: Gemini CLI with no key and no network; a gateway outside adds the key to what it asks Google's API
extends: gemini

network:
  mode: none

credentials:
  - {service: gemini, env: GEMINI_API_KEY, required: true}

"""#
    ),
    (
        path: "gemini-oauth.yaml",
        text: #"""
description: Gemini CLI with the user's Google login
extends: gemini

harness:
  seeds:
    .gemini/settings.json: |
      {
        "security": {
          "auth": {"selectedType": "oauth-personal"},
          "folderTrust": {"enabled": false}
        },
        "general": {"disableAutoUpdate": true}
      }

credentials:
  - {file: ~/.gemini/oauth_creds.json, required: true}

"""#
    ),
    (
        path: "gemini-readonly.yaml",
        text: #"""
description: Gemini CLI with an API key; may read the workspace but not change it
extends: gemini

filesystem:
  workspace: ro

"""#
    ),
    (
        path: "gemini-vertex.yaml",
        text: #"""
description: Gemini CLI on Google Cloud Vertex AI
extends: gemini

harness:
  seeds:
    .gemini/settings.json: |
      {
        "security": {
          "auth": {"selectedType": "vertex-ai"},
          "folderTrust": {"enabled": false}
        },
        "general": {"disableAutoUpdate": true}
      }

network:
  # Each region has a host of its own; add yours if it is not here.
  allow:
    - oauth2.googleapis.com   # where the login is renewed
    - aiplatform.googleapis.com
    - us-central1-aiplatform.googleapis.com
    - us-east5-aiplatform.googleapis.com
    - europe-west1-aiplatform.googleapis.com
    - europe-west4-aiplatform.googleapis.com
    - asia-southeast1-aiplatform.googleapis.com

environment:
  pass+: [GOOGLE_CLOUD_PROJECT, GOOGLE_CLOUD_LOCATION]

# A profile of its own because this file opens all of the user's Google Cloud, not only the model.
credentials:
  - {file: ~/.config/gcloud/application_default_credentials.json, required: true}

"""#
    ),
    (
        path: "harness/aider.yaml",
        text: #"""
description: aider
extends: agent

harness:
  command: [aider, --yes-always, --no-check-update, --no-show-release-notes, --no-show-model-warnings]
  # One message, then it ends.
  task: [--message, "{task}"]
  resume: [--restore-chat-history]
  resume-task: [--restore-chat-history, --message, "{task}"]
  install: "install aider with `uv tool install aider-chat` or `pipx install aider-chat`"
  model: [--model, "{model}"]
  # It has no skills and no MCP servers.
  instructions: {file: .config/cloche/instructions.md, arguments: [--read, "{instructions-file}"]}
  messages: typed
  interrupt: [C-c]
  check: [aider, --version]
  rank: 60

network:
  # The services of the keys below. The program has a table of models and prices of its own, where it cannot fetch one.
  allow: [api.openai.com, api.anthropic.com, generativelanguage.googleapis.com, api.deepseek.com, openrouter.ai]

environment:
  set:
    # Its library would fetch a newer one, and wait.
    LITELLM_LOCAL_MODEL_COST_MAP: "True"
  pass+: [OPENAI_API_BASE, AIDER_MODEL]

stop:
  # It saves and ends at ctrl-c.
  signal: INT

credentials:
  - {env: OPENAI_API_KEY}
  - {env: ANTHROPIC_API_KEY}
  - {env: GEMINI_API_KEY}
  - {env: DEEPSEEK_API_KEY}
  - {env: OPENROUTER_API_KEY}

"""#
    ),
    (
        path: "harness/claude.yaml",
        text: #"""
description: Claude Code
extends: agent

harness:
  program: claude
  # A key in ANTHROPIC_API_KEY makes the program ask whether to use it, and nobody is there to answer (tried with 2.1.330).
  # A key from a helper does not, but without a key the helper is an error: so it is named only when there is one.
  # Hooks say what it does; only an agent of `start` has CLOCHE_STATE. Interrupted by Escape, it says so a minute later.
  # The sandbox is the fence, so the program need not ask before it acts; Chrome is not there.
  command:
    - /bin/sh
    - -c
    - |
      say() { printf '"%s": [{"hooks": [{"type": "command", "command": "%s"}]}]' "$1" "echo $2 >\\\"\$CLOCHE_STATE\\\""; }
      settings=
      if [ -n "$CLOCHE_STATE" ]; then
        hooks="$(say SessionStart idle), $(say UserPromptSubmit working), $(say PreToolUse working)"
        hooks="$hooks, $(say PostToolUse working), $(say Notification waiting), $(say Stop idle)"
        settings="\"hooks\": {$hooks}"
      fi
      if [ -n "$ANTHROPIC_API_KEY" ]; then
        export AGENT_KEY="$ANTHROPIC_API_KEY"
        unset ANTHROPIC_API_KEY
        settings="${settings:+$settings, }\"apiKeyHelper\": \"printenv AGENT_KEY\""
      fi
      if [ -n "$settings" ]; then set -- --settings "{$settings}" "$@"; fi
      exec claude "$@"
    - claude
    - --dangerously-skip-permissions
    - --no-chrome
  task: ["{task}"]
  resume: [--continue]
  resume-task: [--continue, "{task}"]
  seeds:
    # Without these, the first start waits at the onboarding, trust and bypass dialogs (tried with 2.1.329).
    .claude.json: |
      {
        "hasCompletedOnboarding": true,
        "bypassPermissionsModeAccepted": true,
        "projects": {
          "/workspace": {
            "hasTrustDialogAccepted": true,
            "hasCompletedProjectOnboarding": true
          }
        }
      }
    .claude/settings.json: |
      {
        "skipDangerousModePermissionPrompt": true
      }
  install: "install Claude Code with `npm install -g @anthropic-ai/claude-code`; see https://code.claude.com/docs"
  model: [--model, "{model}"]
  instructions: {file: .claude/CLAUDE.md}
  skills: .claude/skills
  mcp:
    # The program keeps its own state in it, too.
    file: .claude.json
    command: {type: stdio, command: "{command}", args: "{args}", env: "{env}"}
    url: {type: http, url: "{url}"}
  messages: typed
  interrupt: [Escape]
  check: [claude, --version]
  rank: 10

network:
  # Packages, GitHub and web pages are not here; see agent.yaml for how to add them.
  allow: [anthropic]

environment:
  set:
    # The program is read-only here; it would try to update itself, and nobody would see why it cannot.
    DISABLE_AUTOUPDATER: "1"
  pass+: [ANTHROPIC_BASE_URL, ANTHROPIC_MODEL, CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC, DISABLE_TELEMETRY]

# The first that is there is used, in this order.
credentials:
  - {env: ANTHROPIC_API_KEY}
  - {env: CLAUDE_CODE_OAUTH_TOKEN}
  - {file: ~/.claude/.credentials.json}

"""#
    ),
    (
        path: "harness/codex.yaml",
        text: #"""
description: Codex
extends: agent

harness:
  # Its own sandbox cannot be set up inside another one, and is not needed.
  command: [codex, --sandbox, danger-full-access, --dangerously-bypass-approvals-and-sandbox]
  task: ["{task}"]
  resume: [resume, --last]
  # `codex resume` takes no new prompt, so a new task begins a new session.
  resume-task: ["{task}"]
  seeds:
    .codex/config.toml: |
      approval_policy = "never"
      sandbox_mode = "danger-full-access"

      [projects."/workspace"]
      trust_level = "trusted"
  install: "install Codex with `npm install -g @openai/codex`"
  model: [--model, "{model}"]
  instructions: {file: .codex/AGENTS.md}
  skills: .agents/skills
  mcp:
    file: .codex/config.toml
    syntax: toml
    key: mcp_servers
    url: {url: "{url}"}
  messages: typed
  interrupt: [Escape]
  check: [codex, --version]
  rank: 20

network:
  allow: [openai]

environment:
  pass+: [OPENAI_BASE_URL]

credentials:
  - {env: CODEX_API_KEY}
  - {env: OPENAI_API_KEY}
  - {file: ~/.codex/auth.json}

"""#
    ),
    (
        path: "harness/command.yaml",
        text: #"""
description: Any program; give its command line as harness.command, where {task} stands for the task

harness:
  command: []
  install: "no command is set; use --set 'harness.command=[PROGRAM, ARGUMENT, \"{task}\"]', or a profile of your own"

"""#
    ),
    (
        path: "harness/copilot.yaml",
        text: #"""
description: GitHub Copilot CLI
extends: agent

harness:
  command: [copilot, --no-auto-update, --no-color, --allow-all]
  task: [-i, "{task}"]
  resume: [--continue]
  resume-task: [--continue, -i, "{task}"]
  install: "install Copilot CLI with `npm install -g @github/copilot`"
  model: [--model, "{model}"]
  instructions: {file: .copilot/copilot-instructions.md}
  skills: .copilot/skills
  mcp:
    file: .copilot/mcp-config.json
    command: {type: local, command: "{command}", args: "{args}", env: "{env}", tools: ["*"]}
    url: {type: http, url: "{url}", tools: ["*"]}
  messages: typed
  interrupt: [Escape]
  check: [copilot, --version]
  rank: 50

network:
  allow:
    - api.github.com   # where the token is tried
    # The service: which of them, depends on the subscription.
    - api.githubcopilot.com
    - api.individual.githubcopilot.com
    - api.business.githubcopilot.com
    - api.enterprise.githubcopilot.com

# It takes GH_TOKEN and GITHUB_TOKEN too, but those open the user's repositories. To give one all the same:
#   cloche start ... --set 'credentials+=[{env: GH_TOKEN, required: true}]'
credentials:
  - {env: COPILOT_GITHUB_TOKEN}
  - {file: ~/.copilot/config.json}

"""#
    ),
    (
        path: "harness/gemini.yaml",
        text: #"""
description: Gemini CLI with an API key
extends: agent

harness:
  command: [gemini, --yolo]
  task: [--prompt-interactive, "{task}"]
  resume: [--resume]
  resume-task: [--resume, --prompt-interactive, "{task}"]
  seeds:
    # Without these, the first start waits at the dialogs for authentication and folder trust.
    .gemini/settings.json: |
      {
        "security": {
          "auth": {"selectedType": "gemini-api-key"},
          "folderTrust": {"enabled": false}
        },
        "general": {"disableAutoUpdate": true}
      }
  install: "install Gemini CLI with `npm install -g @google/gemini-cli`"
  model: [--model, "{model}"]
  instructions: {file: .gemini/GEMINI.md}
  skills: .gemini/skills
  mcp:
    file: .gemini/settings.json
    url: {httpUrl: "{url}"}
  messages: typed
  interrupt: [Escape]
  check: [gemini, --version]
  rank: 30

network:
  allow: [google]

environment:
  set:
    # It would start itself a second time to set a memory limit.
    GEMINI_CLI_NO_RELAUNCH: "true"
  pass+: [GOOGLE_GEMINI_BASE_URL, GEMINI_MODEL]

credentials:
  - {env: GEMINI_API_KEY}
  - {env: GOOGLE_API_KEY}

"""#
    ),
    (
        path: "harness/mini-swe-agent.yaml",
        text: #"""
description: mini-swe-agent
extends: agent

harness:
  command: [mini]
  # With a task it ends when that is done, instead of asking for the next (tried with 2.4.6).
  task: [-t, "{task}", -y, --exit-immediately]
  install: "install mini-swe-agent with `uv tool install mini-swe-agent` or `pipx install mini-swe-agent`"
  # Its prompts are in its own configuration file, which replaces the one that comes with it: no instructions, therefore.
  model: [-m, "{model}"]
  messages: typed
  interrupt: [C-c]
  check: [mini, --help]
  rank: 70

network:
  # The services of the keys below.
  allow: [api.openai.com, api.anthropic.com, generativelanguage.googleapis.com]

environment:
  set:
    # The first start would ask for a model and a key.
    MSWEA_CONFIGURED: "true"
    # Its library would fetch a newer one, and wait.
    LITELLM_LOCAL_MODEL_COST_MAP: "True"
  pass+: [OPENAI_API_BASE, MSWEA_MODEL_NAME]

stop:
  signal: INT

credentials:
  - {env: OPENAI_API_KEY}
  - {env: ANTHROPIC_API_KEY}
  - {env: GEMINI_API_KEY}

"""#
    ),
    (
        path: "harness/opencode.yaml",
        text: #"""
description: OpenCode
extends: agent

harness:
  command: [opencode]
  task: [--prompt, "{task}"]
  resume: [--continue]
  resume-task: [--continue, --prompt, "{task}"]
  install: "install OpenCode with `npm install -g opencode-ai`"
  model: [--model, "{model}"]
  instructions: {file: .config/opencode/AGENTS.md}
  skills: .config/opencode/skills
  # A file of its own beside opencode.json, which is the user's; OPENCODE_CONFIG names it, and it must be there.
  seeds: {.config/opencode/cloche.json: "{}"}
  mcp:
    file: .config/opencode/cloche.json
    key: mcp
    command: {type: local, command: ["{command}", "{args}"], environment: "{env}", enabled: true}
    url: {type: remote, url: "{url}", enabled: true}
  messages: typed
  interrupt: [Escape]
  check: [opencode, --version]
  rank: 40

network:
  allow:
    # Those of the keys below. Other providers have to be added, and npm for plugins and for providers' packages.
    - anthropic
    - openai
    - models.dev   # the list of models

filesystem:
  binds+:
    - {source: ~/.config/opencode/opencode.json, optional: true}   # providers and models

environment:
  set:
    OPENCODE_CONFIG: /home/agent/.config/opencode/cloche.json
  pass+: [OPENAI_BASE_URL]

# GITHUB_TOKEN must never be here: with it, OpenCode picks another provider.
credentials:
  - {env: ANTHROPIC_API_KEY}
  - {env: OPENAI_API_KEY}
  - {file: ~/.local/share/opencode/auth.json}

"""#
    ),
    (
        path: "harness/shell.yaml",
        text: #"""
description: A shell; a task is a shell command line

harness:
  command: [/bin/bash]
  interactive: [-l]
  task: [-lc, "{task}"]
  interrupt: [C-c]
  check: [/bin/bash, -c, "true"]
  seeds:
    # /etc/profile of Debian sets PATH anew; this puts the agent's own programs back in front.
    .profile: |
      PATH="$HOME/.local/bin:$PATH"

"""#
    ),
    (
        path: "opencode-readonly.yaml",
        text: #"""
description: OpenCode; may read the workspace but not change it
extends: opencode

filesystem:
  workspace: ro

"""#
    ),
    (
        path: "shell-readonly.yaml",
        text: #"""
description: A shell; may read the workspace but not change it
extends: shell

filesystem:
  workspace: ro

"""#
    ),
]
