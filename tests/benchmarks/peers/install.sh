#!/bin/sh
# Installs what the peers need: Debian's Sinatra and puma, Fastify, and the plain way's log handler.
# Run it as root (or have the Debian packages already) with the Python of the benchmark first in PATH.
set -eu
cd "$(dirname "$0")"
if ! command -v puma >/dev/null; then
    apt-get update
    apt-get install -y --no-install-recommends ruby-sinatra puma
fi
npm install --prefix fastify --no-package-lock --no-audit --no-fund
python -m pip install 'concurrent-log-handler>=0.9,<0.10'
