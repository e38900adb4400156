#!/usr/bin/env bash
# ci/setup-browser.sh: Chromium, in which step `web` of `cargo xtask check` tries the page. Debian and Ubuntu; nothing
# where one is there already. Elsewhere: install one by hand, and name it in CHROMIUM if it is not called chromium.
set -euo pipefail
for name in "${CHROMIUM:-chromium}" chromium-browser google-chrome; do
  if "$name" --version 2>/dev/null; then exit 0; fi
done
root=()
[ "$(id -u)" = 0 ] || root=(sudo)
"${root[@]}" apt-get update -qq || true
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium fonts-dejavu-core >/dev/null
chromium --version
