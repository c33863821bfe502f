#!/usr/bin/env bash
# See that FluidSynth and what OpenCV needs are there; install them with apt where they are missing and we may.
# With the word "test", Chromium too, which tests of the web page drive (without it they are skipped).
set -uo pipefail
[ "$(uname -s)" = Linux ] || exit 0

known=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null)
has() { [[ $known == *"$1"* ]]; }

glib=libglib2.0-0
if command -v apt-cache >/dev/null && apt-cache show libglib2.0-0t64 >/dev/null 2>&1; then glib=libglib2.0-0t64; fi
missing=()
has libfluidsynth.so.3 || missing+=(libfluidsynth3)
has libGL.so.1 || missing+=(libgl1)
has libgthread-2.0.so.0 || missing+=("$glib")
ubuntu=$(grep -c '^ID=ubuntu' /etc/os-release 2>/dev/null) # its package chromium is only a pointer to a snap
if [ "${1:-}" = test ] && [ "${ubuntu:-0}" = 0 ]; then
    command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing+=(chromium)
fi
[ ${#missing[@]} -gt 0 ] || exit 0

run=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
        echo "Please install what is missing: sudo apt-get install ${missing[*]}" >&2
        exit 0
    fi
    run=(sudo -n)
fi
if command -v apt-get >/dev/null; then
    "${run[@]}" apt-get update -qq >/dev/null 2>&1
    "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
        echo "apt-get could not install ${missing[*]}; please install them by hand." >&2
else
    echo "Please install what is missing: ${missing[*]}" >&2
fi
exit 0
