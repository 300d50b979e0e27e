# Sourced by the other scripts, never run: goes to the top of the checkout and finds the Swift toolchain.
# Leaves $root (absolute path of the checkout) and `swift` on PATH; stops with a remedy when there is none.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

fail() {
    printf '%s: %s\n' "$(basename "$0")" "$1" >&2
    shift
    for line in "$@"; do printf '  %s\n' "$line" >&2; done
    exit 1
}

wanted=$(cat .swift-version)
for directory in "" /opt/swift/usr/bin "$HOME/.local/share/swiftly/bin" /usr/local/swift/usr/bin; do
    [[ -z $directory || -x $directory/swift ]] || continue
    [[ -z $directory ]] || PATH=$directory:$PATH
    command -v swift >/dev/null && break
done
command -v swift >/dev/null || fail "no Swift toolchain found: neither on PATH nor in /opt/swift/usr/bin" \
    "Cloche needs Swift $wanted, which Debian does not package. Get it from https://www.swift.org/install/linux/" \
    "and unpack it so that /opt/swift/usr/bin/swift exists, or put its usr/bin on PATH. Then run this again."
