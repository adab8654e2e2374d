# Sourced by tests that need a clean Debian 12: makes roots with debootstrap, and removes them at the end. As root.
# DEBIAN_MIRROR=... names another mirror. shellcheck shell=bash

mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
work=$(mktemp -d "${TMPDIR:-/var/tmp}/burstd-root.XXXXXX")
daemons=()

finish() {
	trap - EXIT INT TERM
	[ ${#daemons[@]} = 0 ] || kill "${daemons[@]}" 2>/dev/null || true
	wait
	for mounted in $(sed -n "s|^[^ ]* \($work/[^ ]*\) .*|\1|p" /proc/mounts | sort -r); do
		umount "$mounted" || umount -l "$mounted" # never may the removal below reach into a mount
	done
	rm -rf --one-file-system "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

step() { echo "== $*"; }

# die WHAT: the last lines of the newest log, and the end.
die() {
	for log in "$work"/*.log; do
		echo "-- $log" && tail -n 20 "$log"
	done >&2
	echo "$(basename "$0"): $*" >&2
	exit 1
}

quiet() { "$@" >"$work/last.log" 2>&1 </dev/null || die "$* failed"; }

# clean_root NAME: a minimal Debian 12 in $work/NAME, without a service manager.
clean_root() {
	quiet debootstrap --variant=minbase bookworm "$work/$1" "$mirror"
	# Authorities that this machine trusts beside Debian's, such as a proxy's, count in there, too.
	cp -r /usr/local/share/ca-certificates "$work/$1/usr/local/share/" 2>/dev/null || true
	mount -t proc proc "$work/$1/proc"
	printf '#!/bin/sh\nexit 101\n' >"$work/$1/usr/sbin/policy-rc.d"
	chmod +x "$work/$1/usr/sbin/policy-rc.d"
}

# In it: `inside NAME COMMAND...` as root, `inside_as UID:GID NAME COMMAND...` as somebody else, `daemon_as LOG UID:GID NAME
# COMMAND...` in the background until the end.
inside() {
	local root=$work/$1
	shift
	chroot "$root" env -i DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}
inside_as() {
	local user=$1 root=$work/$2
	shift 2
	chroot --userspec="$user" "$root" env -i LC_ALL=C PATH=/usr/bin:/bin "$@"
}
daemon_as() {
	local log=$1 user=$2 root=$work/$3
	shift 3
	: >"$log"
	chroot --userspec="$user" "$root" env -i LC_ALL=C PATH=/usr/bin:/bin "$@" >>"$log" 2>&1 &
	daemons+=($!)
}

# ready_at LOG PID: the address in burstd's "ready" record, as soon as it is there.
ready_at() {
	until grep -q 'msg="\?ready' "$1"; do
		kill -0 "$2" 2>/dev/null || die "burstd ended at its start"
		sleep 0.1
	done
	sed -n 's/.*msg="\{0,1\}ready.* address="\{0,1\}\([^ "]*\).*/\1/p' "$1" | head -n 1
}
