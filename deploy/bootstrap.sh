#!/bin/sh
# Makes .venv with exactly the versions of constraints.txt, or leaves no half-made one behind; does nothing if it is there.
#   deploy/bootstrap.sh          what pagesieve needs to run
#   deploy/bootstrap.sh --dev    and what its tests and checks need
# Plain sh: it must run, and say what is missing, on a machine that has nothing yet.
set -eu
unset PYTHONPYCACHEPREFIX  # what is compiled while installing belongs beside it, also when make asks otherwise

cd "$(dirname "$0")/.."
venv=.venv
extra=""
[ "${1:-}" != --dev ] || extra="[dev]"

fail() {
    echo "pagesieve: $*" >&2
    exit 3
}

# What decides the content of .venv. The tools' own sections of pyproject.toml do not, so editing them costs nothing.
wanted() {
    { sed '/^\[tool\./,$d' pyproject.toml; cat constraints.txt; pwd; } | cksum
}

# Two stamps, each written last: what an interrupted install leaves behind has none, and is made again.
is_made() {
    [ "$(cat "$venv/$1" 2>/dev/null)" = "$(wanted)" ] && "$venv/bin/python" -c "import pipeline" 2>/dev/null
}

# The first Python >= 3.11 that can make environments; PYTHON, if set, is the only one asked.
find_python() {
    python="" too_old="" bare=""
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
        if ! "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
            too_old=${too_old:-$version}
        elif [ -z "$uv" ] && ! "$candidate" -c 'import venv, ensurepip; ensurepip.version()' 2>/dev/null; then
            bare=${bare:-$candidate}
        else
            python=$candidate
            return
        fi
    done
    # Debian splits ensurepip off; `python3 -m venv` would find out halfway and leave a broken folder.
    [ -z "$bare" ] || fail "$bare cannot make virtual environments. As root: apt install python3-venv"
    [ -z "$too_old" ] || fail "Python 3.11 or newer is needed, and this is $too_old. Name another one: PYTHON=/path/to/python3 make …"
    fail "Python 3.11 or newer is needed, and there is no ${PYTHON:-python3} here. As root: apt install python3 python3-venv"
}

make_venv() {
    if [ -e "$venv" ] && [ ! -e "$venv/.made-by-pagesieve" ]; then
        fail "$(pwd)/$venv was not made by this script. Move it away and run this again"
    fi
    rm -rf "$venv"
    mkdir "$venv"
    touch "$venv/.made-by-pagesieve"
    if [ -n "$uv" ]; then
        uv venv --quiet --allow-existing --python "$python" "$venv"
    else
        "$python" -m venv "$venv"
    fi
}

install() {
    if [ -n "$uv" ]; then
        uv pip install --quiet --python "$venv/bin/python" --constraint constraints.txt --editable ".$extra"
    else
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
            --constraint constraints.txt --editable ".$extra"
    fi
}

undo() {
    [ ! -e "$venv/.made-by-pagesieve" ] || [ -e "$venv/.stamp" ] || rm -rf "$venv"
}

if is_made .stamp-dev || { [ -z "$extra" ] && is_made .stamp; }; then
    exit 0
fi
uv=$(command -v uv || true)
find_python
trap undo EXIT
trap 'exit 130' INT TERM
# An environment that is whole and current only lacks the extra; anything else is made again from nothing.
is_made .stamp || make_venv
echo "pagesieve: installing into $(pwd)/$venv (once, about a minute)" >&2
install
wanted >"$venv/.stamp"
[ -z "$extra" ] || wanted >"$venv/.stamp-dev"
