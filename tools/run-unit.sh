#!/bin/sh
# Runs unit test programs side by side, each with a deadline, and prints each one's own closing lines. The first that
# fails ends the run with all that it said. A program without tests fails.
#   tools/run-unit.sh PROGRAM ...
set -eu

deadline_seconds=120

run_one() {
	log=$1.log
	status=0
	env -u CMOCKA_MESSAGE_OUTPUT timeout "$deadline_seconds" "$1" >"$log" 2>&1 || status=$?
	closing=$(grep -E '^\[(==========|  PASSED  )\] [0-9]+ test\(s\)' "$log" || true)
	if [ "$status" != 0 ] || ! echo "$closing" | grep -q 'PASSED.* [1-9]'; then
		cat "$log"
		echo "FAILED (exit $status): $1"
		exit 255 # tells xargs to start no more
	fi
	printf '%s\n%s\n' "$1" "$closing" # one write: programs run side by side
}

if [ "$1" = --one ]; then
	run_one "$2"
	exit 0
fi
printf '%s\0' "$@" | xargs -0 -n 1 -P "$(nproc)" "$0" --one || exit 1
echo "$# unit test programs passed"
