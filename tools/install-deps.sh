#!/bin/sh
# Installs the Debian packages of the named groups that are missing, and nothing when none is.
#   tools/install-deps.sh run|test|bench|deb ...
# Every package is here for a reason that docs/dependencies.md gives.
#
# Installing `prometheus` would start a server on the machine, which nobody asked for. The tests need two of its programs and
# nothing else of it, so its package is only unpacked, into build/prometheus.
#
# Debian's `npm` pulls in 400 packages. The linter of the contract needs Node.js (18 packages) and npm's own archive (2.6 MB),
# pinned by its hash; what is installed already is used as it is.
set -eu

run="gcc libc6-dev make libmicrohttpd-dev libgnutls28-dev libcurl4-openssl-dev libssl-dev libjansson-dev libsqlite3-dev
	libexpat1-dev libyaml-dev libglib2.0-dev zlib1g-dev tzdata curl ca-certificates"
test="clang clang-format libcmocka-dev git openssl python3 python3-pytest python3-hypothesis python3-requests python3-yaml
	python3-jsonschema python3-boto3 python3-cryptography python3-selenium systemd chromium chromium-driver fonts-dejavu-core"
npm_integrity="sha512-1g+6jLQvaIuB4zwvHL7yrXuXcWZwDsCtBX8bbWDqbvJSSr9nPiDDWTHNgwXR27iIcTTW7v3A57hDW9RYv2W4Yg=="
bench="python3 python3-boto3 nginx-light"
deb="debhelper dpkg-dev debootstrap python3"

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
	deb) wanted="$wanted $deb" ;;
	*) fail "no such group: $group (run, test, bench, deb)" ;;
	esac
done
wanted=$(echo $wanted)

unpacked=""
npm=""
case " $* " in
*" test "*)
	command -v node >/dev/null || wanted="$wanted nodejs"
	command -v npm >/dev/null || [ -f build/npm-cli/bin/npm-cli.js ] || npm=npm
	[ -x build/prometheus/usr/bin/promtool ] || command -v promtool >/dev/null || unpacked=prometheus
	;;
esac

if [ "${SKIP_DEPS:-}" = 1 ]; then
	say "not checked, as SKIP_DEPS=1 asks; needed: $wanted $unpacked $npm"
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
[ -n "$missing$unpacked$npm" ] || exit 0

log=$(mktemp)
trap 'rm -f "$log"' EXIT
as_root=""
apt() {
	$as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -q -y \
		-o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" >>"$log" 2>&1 </dev/null
}
give_up() {
	tail -n 20 "$log" >&2
	fail "$* (apt's last words are above)"
}

# Needed for the lists of packages and for installing.
become_root() {
	[ "$(id -u)" != 0 ] || return 0
	by_hand="as root, run: apt-get update${1:+ && apt-get install $1}"
	command -v sudo >/dev/null || fail "packages are missing and there is no sudo; $by_hand"
	as_root=sudo
	[ -t 0 ] || as_root="sudo -n" # without a terminal nobody can type a password
	$as_root true || fail "packages are missing and sudo refused; $by_hand"
}

# A package's files into build/PACKAGE; nothing of it is run. Needs no root where the lists of packages are at hand.
unpack() {
	rm -rf "build/$1" && mkdir -p "build/$1/download" || return 1
	(cd "build/$1/download" && as_root="" && apt download "$1") || return 1
	dpkg-deb -x "build/$1/download/"*.deb "build/$1" && rm -r "build/$1/download"
}

if [ -n "$missing" ]; then
	say "installing $missing"
	become_root "$missing"
	# A mirror that cannot be reached need not matter: the lists at hand may do. The install decides.
	apt update || true
	apt install --no-install-recommends $missing || give_up "apt-get could not install: $missing"
fi
for package in $unpacked; do
	say "unpacking $package into build/$package"
	unpack "$package" && continue
	become_root ""
	apt update || true
	unpack "$package" || give_up "apt-get could not download: $package"
done
if [ -n "$npm" ]; then
	tools/fetch-npm npm 10.9.9 "$npm_integrity" build/npm-cli || fail "npm is missing, and its archive could not be fetched"
fi
