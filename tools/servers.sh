#!/bin/sh
# Installs the servers that the tests start for themselves from Debian's packages, or says how.
# Debian would start them at once, with data of their own: neither is wanted.
set -u

missing=
command -v redis-server >/dev/null || missing="redis-server"
[ -n "$(ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null)" ] || missing="$missing postgresql"
command -v turnserver >/dev/null || missing="$missing coturn"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing$(printf ' %s' $missing) for the tests"
    # postgresql-common reads this before it makes a cluster; policy-rc.d keeps packages from starting what they bring.
    mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] ||
        echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
    ours=
    [ -e /usr/sbin/policy-rc.d ] || {
        printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
        chmod +x /usr/sbin/policy-rc.d
        ours=yes
    }
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    [ -z "$ours" ] || rm -f /usr/sbin/policy-rc.d
fi
{ command -v redis-server && command -v turnserver && ls /usr/lib/postgresql/*/bin/initdb; } >/dev/null 2>&1 || {
    printf '\nerror: the tests need redis-server, PostgreSQL and coturn\nDebian: sudo apt-get install redis-server postgresql coturn\n\n' >&2
    exit 1
}
