#!/usr/bin/env bats
# scripts/operate, on the stack that setup_suite deployed. The last test deletes it.

bats_require_minimum_version 1.5.0

setup() {
    operate="$root/scripts/operate --stack $STACK"
}

of_stack() {
    aws cloudformation describe-stacks --stack-name "$STACK" --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue" --output text
}

version_of() {
    aws lambda get-alias --function-name "$(of_stack FunctionName)" --name live --query FunctionVersion --output text
}

@test "outputs: as text and as JSON" {
    run -0 $operate outputs
    [[ $output == *McpEndpoint*https://*/mcp* && $output == *StateTableName* ]]
    run -0 $operate outputs --json
    [[ $(node -p "JSON.parse(process.argv[1]).FunctionName" "$output") == "$(of_stack FunctionName)" ]]
}

@test "a stack that does not exist is an error" {
    run -1 "$root/scripts/operate" --stack nowhere outputs
    [[ $output == *'there is no stack nowhere in eu-central-1'* ]]
}

@test "logs: recent lines of a function, oldest first" {
    group=$(aws lambda get-function-configuration --function-name "$(of_stack FunctionName)" --query LoggingConfig.LogGroup --output text)
    aws logs create-log-stream --log-group-name "$group" --log-stream-name s
    now=$(($(date +%s) * 1000))
    aws logs put-log-events --log-group-name "$group" --log-stream-name s --log-events \
        "timestamp=$((now - 7200000)),message=old" "timestamp=$((now - 2000)),message=first" "timestamp=$((now - 1000)),message=second" >/dev/null
    run -0 $operate logs --since 30m
    [[ ${#lines[@]} == 2 && ${lines[0]} == *' first' && ${lines[1]} == *' second' ]]
    run -0 $operate logs --function ingest
    [[ -z $output ]]
    write_lines WorkerFunctionName "$now" 'a line of the worker'
    run -0 $operate logs --function worker
    # The worker itself may have run since: a schedule invokes it each minute.
    [[ $output == *' a line of the worker'* ]]
    run -1 $operate logs --function other
    [[ $output == *'server, ingest or worker'* ]]
    run -1 $operate logs --since soon
    [[ $output == *"'soon' is not a time"* ]]
}

@test "logs --tail follows the log, and prints nothing twice" {
    group=$(aws lambda get-function-configuration --function-name "$(of_stack IngestFunctionName)" --query LoggingConfig.LogGroup --output text)
    aws logs create-log-stream --log-group-name "$group" --log-stream-name s
    put() {
        aws logs put-log-events --log-group-name "$group" --log-stream-name s --log-events "timestamp=$(($(date +%s) * 1000)),message=$1" >/dev/null
    }
    put one
    $operate logs --tail --function ingest >"$BATS_TEST_TMPDIR/tail" 3>&- &
    tailing=$!
    seen() {
        for _ in $(seq 1 100); do
            if grep -q "$1\$" "$BATS_TEST_TMPDIR/tail"; then return; fi
            sleep 0.2
        done
        return 1
    }
    seen one
    put two
    seen two
    kill "$tailing"
    [[ $(wc -l <"$BATS_TEST_TMPDIR/tail") == 2 ]]
}

@test "logs --request-id: the lines of all functions that contain an id, by time" {
    id=8f507cfc-4697-b07a-ac58fc914c95
    now=$(($(date +%s) * 1000))
    write_lines FunctionName "$((now - 2000))" "{\"requestId\":\"$id\",\"of\":\"server\"}"
    write_lines FunctionName "$now" "another line"
    write_lines IngestFunctionName "$((now - 9000))" "{\"requestId\":\"$id\",\"of\":\"ingest\"}"
    write_lines WorkerFunctionName "$((now - 1000))" "{\"requestId\":\"$id\",\"of\":\"worker\"}"
    run -0 $operate logs --request-id $id
    echo "$output"
    [[ ${#lines[@]} == 3 && ${lines[2]} == *'"of":"worker"'* && ${lines[0]} == *'"of":"ingest"'* && ${lines[1]} == *'"of":"server"'* ]]
    run -1 $operate logs --request-id 00000000-nowhere --since 1h
    [[ $output == *'no line of the last 1h contains 00000000-nowhere'* ]]
    run -1 $operate logs --request-id 'x" || "'
    [[ $output == *'is not an id'* ]]
    run -1 $operate logs --request-id $id --tail
    [[ $output == *'do not go together'* ]]
}

# write_lines OUTPUT TIMESTAMP LINE: a line in the log of a function
write_lines() {
    group=$(aws lambda get-function-configuration --function-name "$(of_stack "$1")" --query LoggingConfig.LogGroup --output text)
    stream=s-$RANDOM-$RANDOM
    aws logs create-log-stream --log-group-name "$group" --log-stream-name "$stream"
    node -p 'JSON.stringify([{ timestamp: Number(process.argv[1]), message: process.argv[2] }])' "$2" "$3" >"$BATS_TEST_TMPDIR/events"
    aws logs put-log-events --log-group-name "$group" --log-stream-name "$stream" --log-events "file://$BATS_TEST_TMPDIR/events" >/dev/null
}

# answer_traces TRACE: ministack has no X-Ray. Its call is answered here, from a file; every other goes to ministack.
answer_traces() {
    mkdir -p "$BATS_TEST_TMPDIR/bin"
    printf '%s\n' '#!/bin/sh' 'case " $* " in' \
        "*' xray batch-get-traces '*$1*) cat '$BATS_TEST_TMPDIR/traces' ;;" \
        "*' xray '*) echo '{\"Traces\": []}' ;;" \
        "*) exec '$(command -v aws)' \"\$@\" ;;" 'esac' >"$BATS_TEST_TMPDIR/bin/aws"
    chmod +x "$BATS_TEST_TMPDIR/bin/aws"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

@test "trace: the segments of a trace, by its id or by the id of a request" {
    trace=1-5759e988-bd862e3fe1be46a994272793
    answer_traces $trace
    node -e '
        const segments = [
            { id: "a", name: "api", start_time: 10, end_time: 10.5, http: { response: { status: 502 } }, fault: true },
            { id: "b", parent_id: "a", name: "server", origin: "AWS::Lambda", start_time: 10.1, end_time: 10.4,
                subsegments: [{ id: "c", name: "DynamoDB", aws: { operation: "GetItem" }, start_time: 10.2, end_time: 10.21 }] },
        ];
        console.log(JSON.stringify({ Traces: [{ Segments: segments.map(it => ({ Id: it.id, Document: JSON.stringify(it) })) }] }));
    ' >"$BATS_TEST_TMPDIR/traces"
    run -0 $operate trace $trace
    echo "$output"
    [[ ${lines[0]} =~ ^\ +\+0\ ms\ +500\ ms\ \ api\ 502\ fault$ ]]
    [[ ${lines[1]} =~ ^\ +\+100\ ms\ +300\ ms\ \ \ \ server\ AWS::Lambda$ ]]
    [[ ${lines[2]} =~ ^\ +\+200\ ms\ +10\ ms\ \ \ \ \ \ DynamoDB\ GetItem$ ]]

    id=11111111-2222-3333-4444-555555555555
    write_lines FunctionName "$(($(date +%s) * 1000))" "{\"requestId\":\"$id\",\"tracing\":\"Root=$trace;Sampled=1\"}"
    run -0 $operate trace $id
    [[ ${#lines[@]} == 3 ]]

    run -1 $operate trace 1-00000000-000000000000000000000000
    [[ $output == *'there is no trace 1-00000000-'* ]]
    run -1 $operate trace 99999999-0000-0000-0000-000000000000
    [[ $output == *'names a trace of'* ]]
}

@test "metrics --tool: those of one tool, as the contract names them" {
    name=$(of_stack FunctionName)
    namespace=$(node -p 'require(process.argv[1]).namespace' "$root/tests/contract/metrics.json")
    run -0 $operate metrics --tool echo
    [[ $output == *'writes no such metrics'* ]]
    for value in 2 3; do
        aws cloudwatch put-metric-data --namespace "$namespace" --metric-name Calls --value $value --dimensions "FunctionName=$name,Tool=echo"
    done
    aws cloudwatch put-metric-data --namespace "$namespace" --metric-name Calls --value 100 --dimensions "FunctionName=$name,Tool=other"
    run -0 $operate metrics --tool echo --period 2h
    echo "$output"
    [[ ${lines[0]} == "$STACK, tool echo, the last 2h" && $output =~ calls\ +5(\.0)?$'\n' && $output != *'no such metrics'* ]]
    run -0 node -e '
        const { metrics } = require(process.argv[1]);
        const script = require("fs").readFileSync(process.argv[2], "utf8").split("tool_metrics() {")[1].split("\n}")[0];
        const used = [...script.matchAll(/"\$(?:server|tasks)" (\w+)/g)].map(([, name]) => name);
        const byTool = metrics.filter(({ by }) => by.includes("Tool")).map(({ name }) => name);
        const unknown = used.filter(name => !byTool.includes(name));
        if (used.length < 5 || unknown.length > 0) throw new Error(`not in the contract: ${unknown}`);
    ' "$root/tests/contract/metrics.json" "$root/scripts/operate"
}

@test "metrics: one value each" {
    name=$(of_stack FunctionName)
    for value in 3 4; do
        aws cloudwatch put-metric-data --namespace AWS/Lambda --metric-name Invocations --value "$value" --dimensions "FunctionName=$name"
    done
    run -0 $operate metrics --period 2h
    echo "$output"
    [[ ${lines[0]} == "$STACK, the last 2h" ]]
    [[ $output =~ requests\ +7(\.0)?$'\n' ]]
    [[ $output == *'tasks and sweeps '* && $output == *'worker errors '* ]]
    run -1 $operate metrics --period 30s
    [[ $output == *'is too short'* ]]
}

@test "rollback: to the previous version, to a given one, and not to one that does not exist" {
    run -1 $operate rollback --yes
    [[ $output == *'has no version before 1'* ]]
    name=$(of_stack FunctionName)
    aws lambda update-function-configuration --function-name "$name" --memory-size 512 >/dev/null
    aws lambda publish-version --function-name "$name" >/dev/null
    aws lambda update-alias --function-name "$name" --name live --function-version 2 >/dev/null
    run -1 env ANSWERS_FROM_STDIN=1 $operate rollback <<<n
    [[ $output == *"$name: version 2 -> 1"* && $(version_of) == 2 ]]
    run -0 $operate rollback --yes
    [[ $(version_of) == 1 ]]
    run -0 $operate rollback 2 --yes
    [[ $(version_of) == 2 ]]
    run -1 $operate rollback 9 --yes
    [[ $output == *'has no version 9'* && $output == *'It has: 1 2'* ]]
    # A deployment publishes a version of the worker as well.
    worker=$(of_stack WorkerFunctionName)
    aws lambda update-function-configuration --function-name "$worker" --memory-size 512 >/dev/null
    aws lambda publish-version --function-name "$worker" >/dev/null
    aws lambda update-alias --function-name "$worker" --name live --function-version 2 >/dev/null
    run -0 $operate rollback --yes
    [[ $output == *"$worker: version 2 -> 1"* ]]
    [[ $(aws lambda get-alias --function-name "$worker" --name live --query FunctionVersion --output text) == 1 ]]
}

@test "rollback: stops a deployment that moves requests, and asks first" {
    # The emulator has no CodeDeploy: what the script asks it for is answered here, and noted.
    mkdir "$BATS_TEST_TMPDIR/bin"
    cat >"$BATS_TEST_TMPDIR/bin/aws" <<'END'
#!/bin/sh
case $* in
*describe-stack-resources*AWS::CodeDeploy::DeploymentGroup*) echo group-1 ;;
*describe-stack-resources*AWS::CodeDeploy::Application*) echo application-1 ;;
*\ deploy\ list-deployments\ *) printf '%s\n' "$*" >>"$CALLS"; echo "$RUNNING" ;;
*\ deploy\ stop-deployment\ *) printf '%s\n' "$*" >>"$CALLS" ;;
*) exec "$REAL_AWS" "$@" ;;
esac
END
    chmod +x "$BATS_TEST_TMPDIR/bin/aws"
    REAL_AWS=$(command -v aws)
    export REAL_AWS CALLS=$BATS_TEST_TMPDIR/calls RUNNING=d-ABC PATH="$BATS_TEST_TMPDIR/bin:$PATH"
    before=$(version_of)
    run -1 env ANSWERS_FROM_STDIN=1 $operate rollback <<<n
    [[ $output == *'the deployment d-ABC moves requests'* && $(cat "$CALLS") != *stop-deployment* ]]
    run -0 $operate rollback --yes
    [[ $(cat "$CALLS") == *'list-deployments --application-name application-1 --deployment-group-name group-1 '* ]]
    [[ $(cat "$CALLS") == *'stop-deployment --deployment-id d-ABC --auto-rollback-enabled'* && $(version_of) == "$before" ]]
    RUNNING=None run -1 $operate rollback 9 --yes
    [[ $output == *'has no version 9'* ]]
}

@test "secrets: set from standard input, changed, listed by name only, deleted" {
    run -0 $operate secrets set API_TOKEN <<<first
    [[ $output != *first* ]]
    run -0 $operate secrets set API_TOKEN <<<second
    [[ $(aws secretsmanager get-secret-value --secret-id "$STACK/API_TOKEN" --query SecretString --output text) == second* ]]
    run -0 $operate secrets list
    [[ $output == API_TOKEN ]]
    run -0 $operate secrets delete API_TOKEN --yes
    run -0 $operate secrets list
    [[ -z $output ]]
    run -1 $operate secrets set '../OTHER' <<<x
    [[ $output == *'is not a name of a secret'* ]]
    run -1 $operate secrets set EMPTY </dev/null
    [[ $output == *'there is no value'* ]]
}

@test "destroy: lists the retained resources, asks, and deletes the others" {
    state=$(of_stack StateTableName)
    events=$(of_stack EventsTableName)
    run -1 env ANSWERS_FROM_STDIN=1 $operate destroy <<<n
    [[ $output == *"AWS::DynamoDB::GlobalTable $state"* && $output != *"$events"* ]]
    run -0 $operate destroy --yes
    [[ ${lines[-1]} == "$STACK is deleted" ]]
    run -0 aws dynamodb describe-table --table-name "$state"
    run ! aws dynamodb describe-table --table-name "$events"
    run -1 $operate destroy --yes
    [[ $output == *"there is no stack $STACK"* ]]
}
