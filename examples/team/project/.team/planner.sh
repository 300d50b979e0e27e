#!/bin/sh
# The planner: deals the failing tests out to three workers, takes what they commit, has it reviewed, and offers one branch.
set -eu

base=$(git rev-parse HEAD)
failing=$(./run-tests | sed -n 's/^not ok //p')
echo "failing: $(echo $failing)"

number=0 parts1= parts2= parts3=
for name in $failing; do
    case $((number % 3)) in
    0) parts1="$parts1 $name" ;;
    1) parts2="$parts2 $name" ;;
    2) parts3="$parts3 $name" ;;
    esac
    number=$((number + 1))
done

# Each works on a branch of its own; what they are told is a task like any other.
cloche start worker-1 "sh .team/worker.sh$parts1"
cloche start worker-2 "sh .team/worker.sh$parts2"
cloche start worker-3 "sh .team/worker.sh$parts3"
cloche wait worker-1 worker-2 worker-3 --timeout 10m
cloche inbox

for worker in worker-1 worker-2 worker-3; do
    git merge --quiet --no-edit "$(cloche sync "$worker")"
done
./run-tests

# It may read, and nothing else.
cloche start reviewer --ro "sh .team/reviewer.sh $base"
cloche wait reviewer --timeout 10m

# A branch of the repository, if the tests pass in a sandbox of their own; nobody's checkout is touched.
cloche merge planner --check ./run-tests
cloche report done "five bugs, three workers, one branch"
