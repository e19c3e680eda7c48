#!/bin/sh
# Installs the browsers of the end-to-end tests from Debian's packages, or says how.
# Chromium is needed; the Firefox tests are skipped, with their reason, where Firefox is absent.
set -u

missing=
command -v chromium >/dev/null || missing="chromium"
command -v firefox-esr >/dev/null || missing="$missing firefox-esr"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing$(printf ' %s' $missing) for the end-to-end tests"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
command -v chromium >/dev/null || {
    printf '\nerror: the end-to-end tests need Chromium\nDebian: sudo apt-get install chromium firefox-esr\n\n' >&2
    exit 1
}
