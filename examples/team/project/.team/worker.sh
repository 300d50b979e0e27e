#!/bin/sh
# A worker: mends what makes the tests fail that it was given, one commit for each.
set -eu

mend() {
    case $1 in
    sum) sed -i 's/total=1/total=0/' lib/sum.sh ;;
    max) sed -i 's/ -lt / -gt /' lib/max.sh ;;
    reverse) sed -i 's/line="$line${line:+ }$word"/line="$word${line:+ }$line"/' lib/reverse.sh ;;
    leap) sed -i 's/if .*; then/if [ $(($1 % 4)) -eq 0 ] \&\& { [ $(($1 % 100)) -ne 0 ] || [ $(($1 % 400)) -eq 0 ]; }; then/' lib/leap.sh ;;
    count) sed -i 's/wc -l <"$1" | tr -d . ./grep -c "" "$1"/' lib/count.sh ;;
    esac
}

for name in "$@"; do
    mend "$name"
    ./run-tests "$name"
    git commit --quiet -am "Mend $name"
    cloche message parent "$name is mended: $(git rev-parse --short HEAD)"
done
cloche report done "$*"
