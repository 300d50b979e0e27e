# The sum of its arguments.
sum() {
    total=1
    for number in "$@"; do total=$((total + number)); done
    echo "$total"
}
