#!/bin/sh
# Installs the servers that the benchmark measures ours beside, from Debian's packages, or says how.
# The benchmark goes on without them: what is measured beside them then says so.
set -u

command -v janus >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing janus for the benchmark"
    # Debian would start it at once; policy-rc.d keeps packages from starting what they bring.
    ours=
    [ -e /usr/sbin/policy-rc.d ] || {
        printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
        chmod +x /usr/sbin/policy-rc.d
        ours=yes
    }
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends janus >/dev/null
    [ -z "$ours" ] || rm -f /usr/sbin/policy-rc.d
fi
command -v janus >/dev/null ||
    echo "janus is not installed, so nothing is measured beside it (Debian: sudo apt-get install janus)" >&2
