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

@test "metrics: one value each" {
    name=$(of_stack FunctionName)
    for value in 3 4; do
        aws cloudwatch put-metric-data --namespace AWS/Lambda --metric-name Invocations --value "$value" --dimensions "FunctionName=$name"
    done
    run -0 $operate metrics --period 2h
    echo "$output"
    [[ ${lines[0]} == "$STACK, the last 2h" ]]
    [[ $output =~ requests\ +7(\.0)?$'\n' ]]
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
