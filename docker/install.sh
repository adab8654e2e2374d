#!/bin/sh
# What is in an image: the package with the libraries it names, a user without rights, nothing to build with.
#   docker/install.sh OUT burstd|world
set -eu
out=$1 what=$2
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
# systemd-standalone-sysusers stands for systemd, which the package would bring along; curl asks for the health.
apt-get -q -y install --no-install-recommends systemd-standalone-sysusers curl "$out/burstd.deb"
rm -rf /var/lib/apt/lists/*
[ "$what" != world ] || install -m 755 "$out/burstd-world" /usr/bin/burstd-world
# The number that the image runs as, which volumes outside know, too.
install -d -m 700 -o 8080 -g 8080 /var/lib/burstd
