#!/bin/sh
# Builds the Debian package from the files of the checkout, as they are, in a folder of its own: build/deb/burstd_VERSION_ARCH.deb.
set -eu
version=$(cat VERSION)
changelog=$(sed -n '1s/^burstd (\(.*\)) .*/\1/p' debian/changelog)
[ "$version" = "$changelog" ] || {
	echo "deb: VERSION is $version, debian/changelog says $changelog" >&2
	exit 1
}
rm -rf build/deb
mkdir -p build/deb/src
tar -c --exclude=./build --exclude=./.git --exclude=node_modules . | tar -x -C build/deb/src
mkdir -p build/deb/src/build/npm
cp build/npm/swagger-ui-dist-*.tgz build/npm/uplot-*.tgz build/deb/src/build/npm/ # so that the build needs no network
log=build/deb/build.log
# -d: which packages are needed is tools/install-deps.sh's business, which has seen to it.
(cd build/deb/src && dpkg-buildpackage -d -b -us -uc) >"$log" 2>&1 || {
	tail -n 30 "$log" >&2
	exit 1
}
rm -rf build/deb/src
ls build/deb/burstd_*.deb
