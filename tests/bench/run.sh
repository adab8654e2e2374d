#!/bin/sh
# Runs the benchmarks of one build and prints one table: tests/bench/run.sh BUILD
# Nothing is asserted: a goal that is missed is printed as missed. Only a benchmark that cannot be carried out fails.
set -eu

build=$1
table=$(mktemp)
trap 'rm -f "$table"' EXIT
failed=0

# Each is bounded. What one has started dies with it.
bench() {
	name=$1
	shift
	timeout -k 5 300 "$build/bench/bench_$name" "$@" || {
		echo "bench: bench_$name did not finish" >&2
		echo "$name" >>"$table.failed"
	}
}

all() {
	echo "burstd $(cat VERSION), $(nproc) cores, $(uname -sr), load $(cut -d ' ' -f 1-3 /proc/loadavg), $(date -u '+%F %T') UTC"
	printf '\n  %-62s %11s  %-19s %-13s\n' '' 'median' 'least - most' 'goal'
	bench status
	bench ec2
	bench infinity
	bench engine
	bench burst "$build/burstd"
	bench history
}

rm -f "$table.failed"
all | tee "$table"
met=$(grep -c ' met$' "$table" || true)
missed=$(grep -c ' MISSED$' "$table" || true)
printf '\n%s goals met, %s missed; load at the end %s. docs/performance.md says what the rows mean.\n' \
	"$met" "$missed" "$(cut -d ' ' -f 1-3 /proc/loadavg)"
if [ -e "$table.failed" ]; then
	rm -f "$table.failed"
	failed=1
fi
exit $failed
