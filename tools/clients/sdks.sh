#!/bin/sh
# Installs OpenAI's and Anthropic's SDKs for Python and Node.js into a folder, for OtherSdksTest:
#
#   tools/clients/sdks.sh /tmp/sdks && TURNSTONE_SDKS=/tmp/sdks ./mvnw -pl server -am test \
#     -Dtest=OtherSdksTest -Dsurefire.failIfNoSpecifiedTests=false
set -eu
folder=${1:?say which folder}
mkdir -p "$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --only-binary :all: openai anthropic
cd "$folder"
npm install --silent --no-fund --no-audit openai @anthropic-ai/sdk
