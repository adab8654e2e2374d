#!/bin/bash
# What `make run` shows: the built-in world (a platform and EC2 on a weekday morning) and burstd against it, over real HTTP on
# loopback, until Ctrl-C. State lives in a temporary directory that is removed at the end.
#   tools/demo.sh [folder of the binaries, build/gcc]
set -euo pipefail

bin=${1:-build/gcc}
scale=${DEMO_SCALE:-240} # a morning of four and a half hours in 68 seconds
dir=$(mktemp -d "${TMPDIR:-/tmp}/burstd-demo.XXXXXX")
world_pid=
burstd_pid=

# shellcheck disable=SC2317 # called by the trap
finish() {
	trap - EXIT INT TERM
	for pid in $burstd_pid $world_pid; do
		kill -TERM "$pid" 2>/dev/null || true
	done
	for pid in $burstd_pid $world_pid; do
		wait "$pid" 2>/dev/null || true
	done
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 0' INT TERM

die() {
	echo "demo: $1" >&2
	[ -s "$dir/burstd.log" ] && tail -n 20 "$dir/burstd.log" >&2
	exit 1
}

# wait_for PID WHAT COMMAND...: until the command succeeds; ends early when the process does, and after 30 s.
wait_for() {
	local pid=$1 what=$2 end=$((SECONDS + 30))
	shift 2
	until "$@"; do
		kill -0 "$pid" 2>/dev/null || die "$what ended"
		[ $SECONDS -lt $end ] || die "$what is not ready after 30 s"
		sleep 0.05
	done
}

for program in burstd burstd-world; do
	[ -x "$bin/$program" ] || die "$bin/$program is missing: run make"
done

# --- the world ---
"$bin/burstd-world" --scenario demo --scale "$scale" >"$dir/world.out" 2>"$dir/world.err" &
world_pid=$!
wait_for $world_pid burstd-world grep -q control= "$dir/world.out"
infinity=$(sed -n 's/.*infinity=\([^ ]*\).*/\1/p' "$dir/world.out")
ec2=$(sed -n 's/.*ec2=\([^ ]*\).*/\1/p' "$dir/world.out")
bootstrap=$(sed -n 's/.*bootstrap=\([^ ]*\).*/\1/p' "$dir/world.out")

# --- burstd ---
port_is_taken() { (exec 3<>/dev/tcp/127.0.0.1/8080) 2>/dev/null; }
listen=127.0.0.1:8080
if port_is_taken; then listen=127.0.0.1:0; fi

mkdir -m 0700 "$dir/state"
# env -i: no setting and no key of the caller's reaches the demonstration
env -i PATH="$PATH" HOME="$dir" \
	BURSTD_LISTEN=$listen BURSTD_STATE_DIR="$dir/state" BURSTD_TIME_SCALE="$scale" \
	BURSTD_INFINITY_URL="$infinity" BURSTD_INFINITY_USER=admin BURSTD_INFINITY_PASSWORD=world-password \
	BURSTD_AWS_REGIONS=eu-west-1 BURSTD_EC2_ENDPOINT="$ec2" BURSTD_BOOTSTRAP_URL="$bootstrap/{address}" \
	AWS_ACCESS_KEY_ID=AKIAWORLDEXAMPLE0001 AWS_SECRET_ACCESS_KEY=world/secret+key/EXAMPLEONLY0123456789abcd \
	"$bin/burstd" serve 2>"$dir/burstd.log" &
burstd_pid=$!
wait_for $burstd_pid burstd grep -q 'msg="\?ready' "$dir/burstd.log"
url=http://$(sed -n 's/.*msg="\{0,1\}ready.* address="\{0,1\}\([^ "]*\).*/\1/p' "$dir/burstd.log" | head -n 1)
token=$(cat "$dir/state/admin.token")
wait_for $burstd_pid burstd curl -fs -o "$dir/readyz" "$url/readyz"

curl -fsS -o "$dir/enabled" -X PATCH -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
	-H 'If-Match: *' \
	-d '{"enabled": true, "mode": "control"}' "$url/v1/bursting" || die "bursting could not be enabled"

auth="-H 'Authorization: Bearer $token'"
brief='"(name|free_hd_calls|max_hd_calls|state|phase)":("[^"]*"|[0-9-]+)'
events='"(time|type|node_name|rule|reason)":"[^"]*"'
cat <<TEXT

A weekday morning, 07:30 to 12:00 in 68 seconds, again every 90 seconds. Oslo has 80 HD calls of its own and wants about 98
at nine: from about 10 s on burstd starts nodes in "AWS burst" one by one (a boot takes 5 minutes, here 1.3 s), they serve
calls, and from about 35 s on the idle ones past their lifetime are drained and stopped. Ctrl-C ends everything.

address  $url     (a browser shows the dashboard there; it asks for the token)
token    $token

the locations and the burst nodes in brief:
curl -s $auth $url/v1/status | grep -oE '$brief'
what happened and why, newest first:
curl -s $auth '$url/v1/history?limit=12' | grep -oE '$events'
each node with its instance:
curl -s $auth $url/v1/nodes
TEXT

# Either process ending ends the demonstration; so do INT and TERM.
status=0
wait -n $world_pid $burstd_pid || status=$?
die "a process ended by itself (status $status)"
