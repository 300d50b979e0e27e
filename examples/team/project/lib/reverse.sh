# Its arguments, the last one first.
reverse() {
    line=
    for word in "$@"; do line="$line${line:+ }$word"; done
    echo "$line"
}
