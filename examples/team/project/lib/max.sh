# The largest of its arguments.
max() {
    best=$1
    for number in "$@"; do
        if [ "$number" -lt "$best" ]; then best=$number; fi
    done
    echo "$best"
}
