#!/bin/sh
# From a checkout to what the images need: the Debian package and the built-in world.   docker/build.sh CHECKOUT OUT
set -eu
cd "$1"
out=$2
apt-get -q update
apt-get -q -y install --no-install-recommends make
make deb
make VARIANT=gcc build/gcc/burstd-world
mkdir -p "$out"
cp build/deb/burstd_*.deb "$out/burstd.deb"
cp build/gcc/burstd-world "$out/"
