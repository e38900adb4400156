#!/usr/bin/env bash
# ci/setup-browser.sh: Chromium and Firefox, in which step `web` of `cargo xtask check` tries the page. Debian and Ubuntu;
# nothing where they are there already. Elsewhere: install them by hand, and name them in CHROMIUM and FIREFOX if they are
# not called chromium and firefox.
set -euo pipefail
there() {
  local name
  for name in "$@"; do
    if "$name" --version 2>/dev/null; then return 0; fi
  done
  return 1
}
wanted=()
there "${CHROMIUM:-chromium}" chromium-browser google-chrome || wanted+=(chromium)
there "${FIREFOX:-firefox-esr}" firefox || wanted+=(firefox-esr)
[ "${#wanted[@]}" -gt 0 ] || exit 0
root=()
[ "$(id -u)" = 0 ] || root=(sudo)
"${root[@]}" apt-get update -qq || true
for package in "${wanted[@]}"; do
  # Ubuntu calls it firefox.
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$package" fonts-dejavu-core >/dev/null ||
    [ "$package" = firefox-esr ]
done
there chromium chromium-browser
there firefox-esr firefox || echo "no Firefox: the page is tried in Chromium alone"
