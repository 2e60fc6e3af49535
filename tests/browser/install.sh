#!/bin/sh
# Chromium and its driver for tests/browser, where they are missing and may be installed.
set -eu
if command -v chromium >/dev/null && command -v chromedriver >/dev/null; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "tests/browser needs chromium and chromedriver: install them (Debian: apt-get install chromium chromium-driver)." >&2
    exit 0 # the tests themselves fail, saying so
fi
echo "Installing Chromium for the browser tests (once) …"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends chromium chromium-driver fonts-noto-core >/dev/null
