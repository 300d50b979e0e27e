# How many lines a file has, the last one included if it does not end.
count() {
    wc -l <"$1" | tr -d ' '
}
