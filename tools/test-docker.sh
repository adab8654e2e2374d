#!/bin/bash
# What docker/Dockerfile would build and docker/compose.yaml would run, without a Docker engine: the same scripts in two clean
# roots, then both programs with the environment, the user and the read-only root that the files name. As root.
set -euo pipefail
. "$(dirname "$0")/clean-root.sh"

# From compose.yaml and the Dockerfile, so that this test is about them and not about a copy.
compose() {
	/usr/bin/python3 - "$1" <<-'PYTHON'
		import sys, yaml
		service = yaml.safe_load(open("docker/compose.yaml"))["services"][sys.argv[1]]
		print("\n".join(service.get("command", [f"{k}={v}" for k, v in service.get("environment", {}).items()])))
	PYTHON
}
user=$(sed -n 's/^USER //p' docker/Dockerfile | sort -u)
image_environment=$(sed -n 's/^ENV //p' docker/Dockerfile)
health=$(sed -n 's/^HEALTHCHECK .* CMD \[\(.*\)\]$/\1/p' docker/Dockerfile | tr -d '",')

step 'the build stage: docker/build.sh'
clean_root build
mkdir "$work/build/src"
tar -c --exclude=./build --exclude=./.git --exclude=node_modules . | tar -x -C "$work/build/src"
quiet inside build /src/docker/build.sh /src /out
ls -s "$work/build/out"

step 'the last stage: docker/install.sh'
clean_root image
cp -r "$work/build/out" "$work/image/out"
cp docker/install.sh "$work/image/"
quiet inside image /install.sh /out burstd
quiet inside image /install.sh /out world
rm -r "$work/image/out" "$work/image/install.sh"
if inside image sh -c 'command -v gcc || command -v make'; then die 'there is a compiler in the image'; fi

step "a morning's burst, as user $user, with a read-only root"
mkdir "$work/container"
mount --bind "$work/image" "$work/container"
mount -o remount,ro,bind "$work/container"
mount -t proc proc "$work/container/proc"
mount -t tmpfs -o mode=700,uid="${user%:*}",gid="${user#*:}" state "$work/container/var/lib/burstd"
mapfile -t command < <(compose world)
mapfile -t environment < <(compose burstd)
daemon_as "$work/world.log" "$user" container burstd-world "${command[@]}"
# shellcheck disable=SC2086 # the words of ENV
daemon_as "$work/burstd.log" "$user" container env $image_environment "${environment[@]}" burstd serve
echo "burstd at $(ready_at "$work/burstd.log" "${daemons[1]}")"
# shellcheck disable=SC2086 # the words of CMD
inside_as "$user" container $health || die 'the health check fails'
token=$(cat "$work/container/var/lib/burstd/admin.token")
until curl -fsS -H "Authorization: Bearer $token" http://127.0.0.1:8080/v1/nodes | grep -q '"phase":"stopped"'; do
	kill -0 "${daemons[@]}" 2>/dev/null || die 'a program ended'
	sleep 0.2
done
echo 'test-docker: everything passed'
