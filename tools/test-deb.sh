#!/bin/bash
# The package on a clean Debian 12: installs, starts, upgrades from the previous schema, keeps its state when it is removed, and
# leaves nothing when it is purged. As root.
#   tools/test-deb.sh PACKAGE.deb
set -euo pipefail
package=$1
. "$(dirname "$0")/clean-root.sh"
root=$work/clean

# Nothing in the root could start the unit, so its own words are followed: ExecStart, as User, in StateDirectory.
unit() { sed -n "s/^$1=//p" "$root/lib/systemd/system/burstd.service" | head -n 1; }

start() {
	install -d -m 700 -o "$uid" -g "$gid" "$root/var/lib/$(unit StateDirectory)"
	# shellcheck disable=SC2046 # the words of ExecStart
	daemon_as "$work/burstd.log" "$uid:$gid" clean $(unit ExecStart) --listen 127.0.0.1:0
	address=$(ready_at "$work/burstd.log" "${daemons[0]}")
	curl -fsS "http://$address/healthz" >/dev/null || die "no answer from $address"
}
stop() {
	kill -TERM "${daemons[0]}"
	wait "${daemons[0]}" || die "burstd did not end well"
	daemons=()
}
ask() { curl -fsS -H "Authorization: Bearer $(cat "$root/var/lib/burstd/admin.token")" "http://$address$1"; }
schema() {
	/usr/bin/python3 -c "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('PRAGMA user_version').fetchone()[0])" "$root/var/lib/burstd/burstd.db"
}

step 'a clean Debian 12'
clean_root clean
quiet inside clean apt-get -q update

step 'install, as version 0.0.1'
dpkg-deb -R "$package" "$work/old"
sed -i 's/^Version: .*/Version: 0.0.1/' "$work/old/DEBIAN/control"
dpkg-deb --root-owner-group -b "$work/old" "$root/tmp/old.deb" >/dev/null
cp "$package" "$root/tmp/new.deb"
quiet inside clean apt-get -q -y install --no-install-recommends /tmp/old.deb
inside clean burstd --version
uid=$(inside clean id -u burstd) gid=$(inside clean id -g burstd)
ls "$root"/usr/share/man/man8/burstd.8* >/dev/null || die 'no man page'

step 'not configured: the start is refused, and says why'
if inside_as "$uid:$gid" clean burstd serve --config /etc/burstd/burstd.conf 2>"$work/refused.log"; then die 'it started'; fi
cat "$work/refused.log"
grep -q INFINITY_URL "$work/refused.log" || die 'it was refused for another reason'

step 'first start, as the unit says'
cat >>"$root/etc/burstd/burstd.conf" <<-'CONF'
	infinity_url      = http://127.0.0.1:9
	infinity_user     = nobody
	infinity_password = none
	aws_regions       = eu-west-2
	ec2_endpoint      = http://127.0.0.1:9
CONF
start
ask /v1/status >/dev/null
stop
[ "$(stat -c %a:%u "$root/var/lib/burstd/burstd.db")" = "600:$uid" ] || die 'others can read the database'

latest=$(basename "$(ls migrations/[0-9]*.sql | tail -n 1)")
step "upgrade from the schema before $latest"
/usr/bin/python3 tools/previous-schema.py "$root/var/lib/burstd/burstd.db"
chown "$uid:$gid" "$root"/var/lib/burstd/burstd.db*
before=$(schema)
quiet inside clean apt-get -q -y install --no-install-recommends /tmp/new.deb
grep -q '^infinity_url' "$root/etc/burstd/burstd.conf" || die 'the configuration was lost'
start
ask /v1/bursting >/dev/null || die 'the token was lost'
stop
[ "$(schema)" = $((before + 1)) ] || die "the schema is $(schema) after the upgrade from $before"

step 'remove: the state stays'
quiet inside clean apt-get -q -y remove burstd
[ -f "$root/var/lib/burstd/key" ] || die 'the state went with the package'

step 'purge: nothing stays'
quiet inside clean apt-get -q -y purge burstd
left=$(find "$root" -xdev -name '*burstd*' -not -path "$root/tmp/*" -not -path "$root/proc/*" -not -path '*/var/log/*' -not -path '*/var/cache/*')
[ -z "$left" ] || die "left behind: $left"
echo 'test-deb: everything passed'
