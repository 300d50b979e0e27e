#!/bin/sh
# The reviewer: whether all tests pass, and nothing but the library was touched.
set -eu

base=$1
if ! ./run-tests; then
    cloche report failed "tests fail"
    exit 1
fi
others=$(git diff --name-only "$base" HEAD | grep -v '^lib/' || true)
if [ -n "$others" ]; then
    cloche report failed "changed beside lib/: $others"
    exit 1
fi
git diff --stat "$base" HEAD
cloche report done "approved"
