#!/bin/sh
# mcp-conformance.sh: runs the client scenarios of the MCP project's conformance suite (npm) against our client.
# Needs npm and a JDK 25 in JAVA_HOME. Not part of the tests: it downloads a Node of its own (22; the suite needs it).
set -eu
home=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
dir=${TMPDIR:-/tmp}/turnstone-mcp-conformance
mkdir -p "$dir"
cd "$dir"
[ -f package.json ] || printf '{"private":true}\n' >package.json
[ -d node_modules/@modelcontextprotocol/conformance ] ||
  npm install --no-audit --no-fund --loglevel=error node@22 @modelcontextprotocol/conformance@0.1.16
if [ -z "${CLIENT_CLASSPATH-}" ]; then
  (cd "$home" && ./mvnw -B -ntp -q -pl env-adapters -am -Dspotless.check.skip=true -Dmdep.outputFile=target/test-classpath \
    -Dmdep.includeScope=test test-compile dependency:build-classpath)
  CLIENT_CLASSPATH=$home/env-adapters/target/test-classes:$home/env-adapters/target/classes:$(cat "$home/env-adapters/target/test-classpath")
fi
cat >client.sh <<EOF
#!/bin/sh
exec "$JAVA_HOME/bin/java" -cp "$CLIENT_CLASSPATH" dev.turnstone.envadapters.mcp.ConformanceClient "\$@"
EOF
chmod +x client.sh
passed=0
for scenario in initialize tools_call elicitation-sep1034-client-defaults sse-retry; do
  if node_modules/node/bin/node node_modules/@modelcontextprotocol/conformance/dist/index.js client \
    --command "$dir/client.sh" --scenario "$scenario" >"$scenario.log" 2>&1; then
    echo "passed $scenario"
    passed=$((passed + 1))
  else
    echo "FAILED $scenario: see $dir/$scenario.log"
  fi
done
echo "$passed of 4"
[ "$passed" = 4 ]
