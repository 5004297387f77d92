#!/bin/sh
# mcp-servers.sh DIR: installs the MCP reference servers that the tests talk to, once.
set -eu
dir=$1
[ -f "$dir/done" ] && exit 0
mkdir -p "$dir"
cd "$dir"
[ -f package.json ] || printf '{"private":true}\n' >package.json
npm install --no-audit --no-fund --loglevel=error \
  @modelcontextprotocol/server-everything@2026.8.31 \
  @modelcontextprotocol/server-filesystem@2026.8.31 \
  @modelcontextprotocol/server-memory@2026.8.31
# Jails run as nobody.
chmod -R a+rX "$dir"
touch done
