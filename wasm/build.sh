#!/bin/sh
# Builds the npm package into wasm/npm/dist, with its tools if they are missing or older than the lock file.
set -eu
cd "$(dirname "$0")"
# npm writes this file at the end of every install.
installed=npm/node_modules/.package-lock.json
if [ ! -e "$installed" ] || [ npm/package-lock.json -nt "$installed" ]; then
  (cd npm && npm ci --no-audit --no-fund)
fi
exec node make.mjs
