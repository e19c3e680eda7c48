#!/bin/sh
# Mutation testing of the rules of calling with cosmic-ray:  tools/mutants.sh MODULE...
#
# cosmic-ray changes the sources in place, so it works in a copy of the tree (build/mutants/tree), one mutant at a time.
# The session (build/mutants/session.sqlite) is kept: an interrupted run goes on where it was.  FRESH=1 begins anew.
set -eu
cd "$(dirname "$0")/.."

root=$PWD
work=${MUTANTS_DIR:-$root/build/mutants}
[ -z "${FRESH:-}" ] || rm -rf "$work"
rm -rf "$work/tree" # an interrupted run leaves a mutant in it
mkdir -p "$work/tree/tests"
cp -R signaling common pyproject.toml "$work/tree/"
cp -R tests/__init__.py tests/signaling "$work/tree/tests/"
find "$work/tree" -name __pycache__ -prune -exec rm -rf {} +
{
    echo '[cosmic-ray]'
    printf 'module-path = ['
    printf '"%s", ' "$@"
    echo ']'
    cat tests/mutation/cosmic-ray.toml
} | sed "s|PYTHON|$root/.venv/bin/python|" >"$work/tree/mutants.toml"

cd "$work/tree"
export PATH="$root/.venv/bin:$PATH" INTERLEAVINGS="${INTERLEAVINGS:-300}" PYTEST_DISABLE_PLUGIN_AUTOLOAD=1
session=../session.sqlite
# The tests have to pass without a mutant; what this compiles is not compiled again for each.
sh -c "$(sed -n 's/^test-command = "\(.*\)"/\1/p' mutants.toml)"
if [ ! -e "$session" ]; then
    cosmic-ray --verbosity ERROR init mutants.toml "$session"
    python "$root/tests/mutation/filter.py" "$session"
fi
nice -n 10 cosmic-ray --verbosity ERROR exec mutants.toml "$session"
python "$root/tests/mutation/report.py" "$session"
