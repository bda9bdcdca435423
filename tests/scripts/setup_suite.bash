# Before the first test: an emulator of AWS (ministack) on a free loopback port, and the app deployed to it as
# `npx cdk deploy` does, with a program that never runs.

setup_suite() {
    root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    export root PATH="$root/.venv/bin:$PATH"
    export HOME=$BATS_SUITE_TMPDIR
    # A key per emulator: the CDK caches the account of a key.
    export AWS_ACCESS_KEY_ID=000000000042 AWS_SECRET_ACCESS_KEY=none AWS_REGION=eu-central-1 AWS_DEFAULT_REGION=eu-central-1
    export AWS_EC2_METADATA_DISABLED=true CDK_DISABLE_CLI_TELEMETRY=true CI=true NODE_NO_WARNINGS=1
    unset AWS_PROFILE AWS_SESSION_TOKEN MCP_STACK
    start_ministack
    export STACK=operated
    cdk bootstrap
    cdk deploy --require-approval never
}

teardown_suite() {
    [ -z "${MINISTACK_PID:-}" ] || kill "$MINISTACK_PID"
}

start_ministack() {
    GATEWAY_PORT=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
    export GATEWAY_PORT AWS_ENDPOINT_URL=http://127.0.0.1:$GATEWAY_PORT AWS_ENDPOINT_URL_S3=http://127.0.0.1:$GATEWAY_PORT
    # Without IOT_MTLS_ENABLED=0 it would listen on all interfaces as well.
    BIND_HOST=127.0.0.1 IOT_MTLS_ENABLED=0 "$root/.venv/bin/ministack" >"$BATS_SUITE_TMPDIR/ministack.log" 2>&1 3>&- &
    MINISTACK_PID=$!
    export MINISTACK_PID
    for _ in $(seq 1 150); do
        if node -e 'fetch(process.argv[1]).then(it => process.exit(it.ok ? 0 : 1), () => process.exit(1))' \
            "$AWS_ENDPOINT_URL/_ministack/health"; then return; fi
        kill -0 "$MINISTACK_PID" 2>/dev/null || break
        sleep 0.2
    done
    cat "$BATS_SUITE_TMPDIR/ministack.log" >&2
    return 1
}

# ministack has no alarms on metric math and no saved queries; their templates are tested elsewhere.
cdk() {
    (cd "$root" && node_modules/.bin/cdk "$@" --no-notices --output "$BATS_SUITE_TMPDIR/cdk.out" \
        -c server.name="$STACK" -c server.code=tests/infra/program -c tasks.enabled=true -c observability.alarms=false -c observability.saved_queries=false) \
        >"$BATS_SUITE_TMPDIR/cdk.log" 2>&1 || { cat "$BATS_SUITE_TMPDIR/cdk.log" >&2; return 1; }
}
