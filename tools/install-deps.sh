#!/bin/sh
# Installs the Debian packages of the named groups that are missing, and nothing when none is.
#   tools/install-deps.sh run|test|bench ...
# Every package is here for a reason that docs/dependencies.md gives.
set -eu

run="gcc libc6-dev make libmicrohttpd-dev libgnutls28-dev libcurl4-openssl-dev libssl-dev libjansson-dev libsqlite3-dev
	libexpat1-dev curl ca-certificates"
test="clang clang-format libcmocka-dev git openssl python3 python3-pytest python3-requests python3-yaml
	python3-jsonschema python3-boto3 python3-cryptography"
bench="python3 python3-boto3 nginx-light"

say() { echo "deps: $*"; }
fail() {
	say "$@" >&2
	exit 1
}

# The word splitting of package lists below is meant: no package name has a space.
wanted=""
for group in "$@"; do
	case $group in
	run) wanted="$wanted $run" ;;
	test) wanted="$wanted $test" ;;
	bench) wanted="$wanted $bench" ;;
	*) fail "no such group: $group (run, test, bench)" ;;
	esac
done
wanted=$(echo $wanted)

if [ "${SKIP_DEPS:-}" = 1 ]; then
	say "not checked, as SKIP_DEPS=1 asks; needed: $wanted"
	exit 0
fi
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	fail "this is not Debian. Install what stands for these packages, then try again with SKIP_DEPS=1: $wanted"
fi

missing=""
for package in $wanted; do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
	[ "$status" = installed ] || missing="$missing $package"
done
missing=$(echo $missing)
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" != 0 ]; then
	by_hand="as root, run: apt-get update && apt-get install $missing"
	command -v sudo >/dev/null || fail "packages are missing and there is no sudo; $by_hand"
	as_root=sudo
	[ -t 0 ] || as_root="sudo -n" # without a terminal nobody can type a password
	$as_root true || fail "packages are missing and sudo refused; $by_hand"
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
	$as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -q -y \
		-o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" >>"$log" 2>&1 </dev/null
}

say "installing $missing"
# A mirror that cannot be reached need not matter: the lists at hand may do. The install decides.
apt update || true
if ! apt install --no-install-recommends $missing; then
	tail -n 20 "$log" >&2
	fail "apt-get could not install: $missing (its last words are above)"
fi
