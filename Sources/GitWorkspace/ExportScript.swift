// The program that runs inside a one-shot sandbox without network to hand an agent's commits to the host: a
// POSIX shell script (with GNU find, grep, sed, sort, comm). It trusts nothing it reads, and whatever it is
// made to run stays inside.
//
// It never uses the agent's git directory as a git directory: HEAD, refs, index, shallow, info/exclude are
// copied into a temporary one with a configuration of ours, which borrows the agent's and the repository's
// objects. What it exports is a second temporary directory that holds these refs and nothing else:
//   refs/cloche/head      the commit that the agent has checked out
//   refs/cloche/snapshot  the same plus uncommitted changes; equal to head when there are none
//   refs/cloche/other/*   branches, tags and the stash that the agent made or moved
//   refs/cloche/report    a blob: NUL-ended `kind value` records, read by SyncReport

package import ClocheModel

enum ExportScript {
    /// Arguments: agent, object format, fallback commit, then settings of `[core]`.
    ///
    /// Paths come from variables with the sandbox's own as defaults, so that tests run it without one.
    static let text = #"""
        set -u
        umask 077
        for name in $(env | sed -n 's/^\(GIT_[A-Z_0-9]*\)=.*/\1/p'); do unset "$name"; done
        agent=$1 format=$2 fallback=$3
        shift 3
        workspace=${CLOCHE_WORKSPACE:-/workspace}
        private=${CLOCHE_GIT:-/run/cloche/git}
        objects=${CLOCHE_OBJECTS:-/run/cloche/objects}
        patience=${CLOCHE_SNAPSHOT_SECONDS:-60}
        # Memory of each process, in KiB: what an agent's objects make git ask for beyond that, it does not get. Mapped packs
        # do not count. A limit that is lower already stays.
        ulimit -d "${CLOCHE_EXPORT_MEMORY:-1048576}" 2>/dev/null
        exec 3>&1 4<&0 >&2 </dev/null
        tmp=$(mktemp -d "${TMPDIR:-/tmp}/cloche-export.XXXXXX") || exit 70
        trap 'rm -rf "$tmp"' EXIT
        export LC_ALL=C.UTF-8 HOME="$tmp" XDG_CONFIG_HOME="$tmp/none" GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
        export GIT_ATTR_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 GIT_ALLOW_PROTOCOL=none GIT_LITERAL_PATHSPECS=1

        # A plain file of the agent's, no larger than $3 blocks of 512 bytes.
        take() {
            [ -f "$private/$1" ] && [ ! -L "$private/$1" ] || return 1
            [ -n "$(find "$private/$1" -size "-$3" 2>/dev/null)" ] || return 1
            timeout 20 cp "$private/$1" "$2" 2>/dev/null
        }
        report() { printf '%s %s\0' "$1" "$2" >>"$tmp/report"; }
        # A git directory $1, bare or not ($2), with further settings of [core].
        directory() {
            dir=$1 bare=$2
            shift 2
            mkdir -p "$dir/objects/info" "$dir/refs/heads" "$dir/info"
            {
                printf '[core]\n\tbare = %s\n\trepositoryformatversion = 1\n\tfsync = none\n' "$bare"
                printf '\tlooseCompression = 1\n\tuntrackedCache = false\n\tfsmonitor = false\n'
                printf '\tbigFileThreshold = 8m\n'
                printf '\thooksPath = /dev/null\n\tattributesFile = /dev/null\n\tsafecrlf = false\n'
                for setting; do printf '\t%s\n' "$setting"; done
                printf '[pack]\n\twindowMemory = 64m\n\tthreads = 2\n'
                printf '[gc]\n\tauto = 0\n[submodule]\n\trecurse = false\n[index]\n\tsparse = false\n'
                printf '[user]\n\tname = cloche\n\temail = cloche@localhost\n'
                [ "$format" = sha1 ] || printf '[extensions]\n\tobjectFormat = %s\n' "$format"
            } >"$dir/config"
            printf 'ref: refs/heads/none\n' >"$dir/HEAD"
            printf '%s\n' "$objects" "$private/objects" >"$dir/objects/info/alternates"
            number=1
            while [ -d "$objects.$number" ]; do
                printf '%s\n' "$objects.$number" >>"$dir/objects/info/alternates"
                number=$((number + 1))
            done
        }

        : >"$tmp/report"
        directory "$tmp/git" false "$@"
        export GIT_DIR="$tmp/git" GIT_WORK_TREE="$workspace"
        (cd "$private" && find refs -type f -size -3 -exec timeout 60 cp --parents -t "$tmp/git" {} +) 2>/dev/null
        take packed-refs "$tmp/git/packed-refs" 200000
        if take shallow "$tmp/git/shallow" 20000; then
            grep -q -v -x -E '[0-9a-f]{40,64}' "$tmp/git/shallow" && rm "$tmp/git/shallow"
        fi
        take info/exclude "$tmp/git/info/exclude" 2000
        take info/attributes "$tmp/git/info/attributes" 2000

        # What the agent has checked out; failing that its branch, failing that what the host knew last.
        own="ref: refs/heads/cloche/$agent"
        commit() { git show -s --no-show-signature --format='%H %T %ct' HEAD 2>/dev/null; }
        take HEAD "$tmp/git/HEAD" 3 || echo "$own" >"$tmp/git/HEAD"
        if ! facts=$(commit); then
            report damaged HEAD
            echo "$own" >"$tmp/git/HEAD"
            if ! facts=$(commit); then
                rm -rf "$tmp/git/refs" "$tmp/git/packed-refs" "$tmp/git/shallow"
                mkdir -p "$tmp/git/refs"
                echo "$fallback" >"$tmp/git/HEAD"
                facts=$(commit) || exit 71
            fi
        fi
        read -r head committed date <<END
        $facts
        END
        report checkout "$(git symbolic-ref -q HEAD || echo detached)"

        # The uncommitted changes: an index of ours, the agent's as a start when it can be used.
        export GIT_INDEX_FILE="$tmp/index"
        cd "$workspace" || exit 72
        find . -mindepth 2 -name .git -printf '%h\0' 2>/dev/null | sed -z 's,^\./,,' | sort -z >"$tmp/nested"
        if [ -n "$(find . -type p \( -name '.git*' -o -path '*/.git/*' \) -print -quit 2>/dev/null)" ]; then
            [ "$patience" -lt 10 ] || patience=10
        fi
        links() { sed -z -n 's/^160000 [^\t]*\t//p' | sort -z; }
        : >"$tmp/links.head"
        fill() {
            [ -z "$stuck" ] || return 1
            git ls-files -s -z >"$tmp/entries" 2>/dev/null || return 1
            links <"$tmp/entries" >"$tmp/links.index"
            # A submodule would be entered, and its configuration obeyed; what the agent staged of it counts.
            if [ -s "$tmp/links.index" ]; then
                git update-index -z --skip-worktree --stdin <"$tmp/links.index" || return 1
            fi
            # Nothing else limits what a FIFO named like one of git's files may do to `git add`.
            timeout -k 2 "$patience" git -c advice.addEmbeddedRepo=false add -A --ignore-errors -- . 2>"$tmp/add"
            case $? in 0) partial= ;; 1) partial=yes ;; 124 | 137) stuck=yes; return 1 ;; *) return 1 ;; esac
            # A repository inside the workspace that is no submodule of the commit: its files would be lost in a bare id.
            if [ -s "$tmp/links.index" ] || [ -s "$tmp/nested" ]; then
                git ls-files -s -z | links >"$tmp/links.now"
                git ls-tree -r -z "$head" | links >"$tmp/links.head"
                comm -z -23 "$tmp/links.now" "$tmp/links.head" >"$tmp/links.new"
                git update-index -z --force-remove --stdin <"$tmp/links.new" || return 1
            fi
            tree=$(git write-tree 2>/dev/null) || return 1
            [ "$tree" != "$committed" ] || return 0
            # A forged index can name `.git/config`; reading the tree back refuses that.
            GIT_INDEX_FILE="$tmp/check" git read-tree "$tree" 2>/dev/null
        }
        fresh() { rm -f "$tmp/index" "$tmp/index.lock" "$tmp/check"; timeout 120 git read-tree "$head" 2>/dev/null; }
        tree= stuck=
        if { take index "$tmp/index" 4000000 && fill; } || { fresh && fill; } || {
            printf '* !working-tree-encoding !filter !ident\n' >"$tmp/git/info/attributes"
            fresh && fill
        }; then
            # git only warns of a directory that it may not list, and goes on as if it were empty.
            unread=$(grep -cE '^(error: unable to index file|warning: could not open directory) ' "$tmp/add")
            [ -z "$partial" ] || [ "$unread" -gt 0 ] || unread=1
            [ "$unread" -eq 0 ] || report unreadable "$unread"
        else
            tree=$committed
            [ -z "$stuck" ] || echo 'reading them did not end: is a FIFO in the place of one of its files?' >"$tmp/add"
            report unsnapshot "$(tail -n 1 "$tmp/add" 2>/dev/null | tr -d '\000')"
        fi
        if [ -s "$tmp/nested" ]; then
            timeout 10 git check-ignore -z --stdin <"$tmp/nested" 2>/dev/null | sort -z >"$tmp/ignored"
            sort -z -u "$tmp/ignored" "$tmp/links.head" | comm -z -23 "$tmp/nested" - |
                head -z -n 100 | sed -z 's/^/nested /' >>"$tmp/report"
        fi

        # Same tree and parent, same commit: a sync without changes brings nothing.
        snapshot=$head
        if [ "$tree" != "$committed" ]; then
            for date in "@$date +0000" '@1700000000 +0000'; do
                if snapshot=$(printf 'cloche: uncommitted changes of %s\n' "$agent" |
                    GIT_AUTHOR_DATE=$date GIT_COMMITTER_DATE=$date git commit-tree -p "$head" "$tree"); then break; fi
            done
            [ -n "$snapshot" ] || { snapshot=$head; report unsnapshot commit-tree; }
        fi

        # Branches, tags and the stash that are not as the agent got them.
        directory "$tmp/out" true
        printf '%s\n' "$tmp/git/objects" >>"$tmp/out/objects/info/alternates"
        cp "$tmp/git/shallow" "$tmp/out/shallow" 2>/dev/null
        git for-each-ref --format='%(objectname) %(refname:lstrip=1)' refs/heads refs/tags refs/stash >"$tmp/refs" 2>/dev/null
        take seeded-refs "$tmp/seeded" 200000 || : >"$tmp/seeded"
        sort "$tmp/refs" >"$tmp/refs.now"
        sort "$tmp/seeded" | comm -23 "$tmp/refs.now" - | head -n 500 | while read -r id name; do
            [ "$id" = "$head" ] || printf '%s refs/cloche/other/%s\n' "$id" "$name"
        done >"$tmp/out/packed-refs"
        blob=$(git hash-object -w --stdin <"$tmp/report") || exit 73
        {
            printf '%s refs/cloche/head\n%s refs/cloche/snapshot\n' "$head" "$snapshot"
            printf '%s refs/cloche/report\n' "$blob"
        } >>"$tmp/out/packed-refs"
        unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
        cd "$tmp/out" && git upload-pack "$tmp/out" <&4 >&3
        """#
}

extension AgentWorktree {
    /// The program and arguments to run inside the one-shot sandbox of a sync, with standard input and output
    /// connected to the host's `git fetch`.
    ///
    /// Its environment needs `PATH` only.
    ///
    /// - Parameter seconds: after this long everything of it is killed: an agent can plant files that block a
    ///   reader.
    package func exportCommand(seconds: Int = 1800) throws(ClocheError) -> [String] {
        var known = try repository.commit(refs.head)
        if known == nil { known = try repository.commit(refs.base) }
        // Plain words only: they are written into a file of the export's as they are.
        let settings = repository.configuration.settings(among: GitHardening.shapingContent).filter {
            setting in
            setting.value.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) }
        }
        return [
            "/usr/bin/timeout", "-s", "KILL", "\(seconds)", "/bin/sh", "-c", ExportScript.text,
            "cloche-export",
        ]
            + [agent, repository.objectFormat, known ?? ""]
            + settings.map { "\($0.key.withoutPrefix("core.")) = \($0.value)" }
    }
}
