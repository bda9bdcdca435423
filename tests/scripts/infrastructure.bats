#!/usr/bin/env bats
# scripts/setup-infrastructure.sh and scripts/cleanup-infrastructure.sh. Each call of the AWS CLI takes half a second, so
# each test checks many things.

bats_require_minimum_version 1.5.0

setup() {
    export MCP_PREFIX="t$BATS_TEST_NUMBER"
    export MCP_TOPIC_NAME="$MCP_PREFIX-topic"
    export MCP_ENV_FILE="$BATS_TEST_TMPDIR/.env"
    set_up="$root/scripts/setup-infrastructure.sh"
    clean_up="$root/scripts/cleanup-infrastructure.sh"
    topic=arn:aws:sns:eu-central-1:$AWS_ACCESS_KEY_ID:$MCP_TOPIC_NAME
}

create_function() {
    (cd "$root/tests/infra/program" && "$root/.venv/bin/python" -m zipfile -c "$BATS_TEST_TMPDIR/program.zip" bootstrap)
    aws lambda create-function --function-name "$MCP_PREFIX-server" --runtime provided.al2023 --handler bootstrap \
        --role "arn:aws:iam::$AWS_ACCESS_KEY_ID:role/$MCP_PREFIX-role" --zip-file "fileb://$BATS_TEST_TMPDIR/program.zip" "$@" >/dev/null
}

function_variable() {
    aws lambda get-function-configuration --function-name "$MCP_PREFIX-server" --query "Environment.Variables.$1" --output text
}

create_table() {
    aws dynamodb create-table --table-name "$1" --billing-mode PAY_PER_REQUEST \
        --attribute-definitions AttributeName=pk,AttributeType=S AttributeName=sk,AttributeType=S \
        --key-schema AttributeName=pk,KeyType=HASH AttributeName=sk,KeyType=RANGE >/dev/null
}

@test "set-up creates and completes what is missing, and changes nothing in a second run; clean-up deletes all of it" {
    create_function
    create_table "$MCP_PREFIX-events"
    echo 'MINE=1' >"$MCP_ENV_FILE"

    run -0 "$set_up" --yes --sns y
    [[ $output == *"exists    table $MCP_PREFIX-events"*"created   time to live of $MCP_PREFIX-events"* ]]
    # A .env with other contents is not overwritten silently.
    [[ $output == *'which has other contents'*"SESSION_TABLE_NAME=$MCP_PREFIX-state"* && $(cat "$MCP_ENV_FILE") == MINE=1 ]]
    for table in state events; do
        run -0 aws dynamodb describe-time-to-live --table-name "$MCP_PREFIX-$table" \
            --query 'TimeToLiveDescription.[TimeToLiveStatus,AttributeName]' --output text
        [[ $output == "ENABLED	ttl" ]]
    done
    run -0 aws dynamodb describe-table --table-name "$MCP_PREFIX-state" --query 'Table.KeySchema[].AttributeName' --output text
    [[ $output == "pk	sk" ]]
    run -0 aws dynamodb describe-continuous-backups --table-name "$MCP_PREFIX-state" --output text
    [[ $output == *ENABLED* ]]
    run -0 aws sns list-subscriptions-by-topic --topic-arn "$topic" --query 'Subscriptions[].[Protocol,Endpoint]' --output text
    [[ $output == "lambda	arn:aws:lambda:eu-central-1:$AWS_ACCESS_KEY_ID:function:$MCP_PREFIX-server" ]]
    run -0 aws lambda get-policy --function-name "$MCP_PREFIX-server" --query Policy --output text
    [[ $output == *sns.amazonaws.com*"$topic"* ]]

    # The keys are in the function, and not in what is printed.
    run -0 function_variable MCP_STATE_KEYS
    [[ $output =~ ^k1:[A-Za-z0-9+/]{43}=$ ]]
    keys=$output
    run -0 "$set_up" --yes --sns y --overwrite-env
    [[ ${lines[-1]} == '1 created' && $output == *"created   $MCP_ENV_FILE"* && $output != *"${keys#k1:}"* ]]
    [[ $(stat -c %a "$MCP_ENV_FILE") == 600 ]]
    [[ $(cat "$MCP_ENV_FILE") == *"AWS_REGION=eu-central-1
SESSION_TABLE_NAME=$MCP_PREFIX-state
EVENT_TABLE_NAME=$MCP_PREFIX-events
MCP_STATE_KEYS=$keys
MCP_EVENTS=on
SNS_TOPIC_ARN=$topic" ]]

    run -1 env ANSWERS_FROM_STDIN=1 "$clean_up" <<<n
    [[ $output == *"table $MCP_PREFIX-state with all sessions"*'nothing was deleted'* ]]
    run -0 "$clean_up" --yes
    # The keys are kept: nothing else has them.
    [[ ${lines[-1]} == 'all resources are deleted' && ! -e $MCP_ENV_FILE ]]
    grep -qxF "MCP_STATE_KEYS=$keys" "$MCP_ENV_FILE.backup"
    run ! aws dynamodb describe-table --table-name "$MCP_PREFIX-state"
    run ! aws iam get-role --role-name "$MCP_PREFIX-role"
    run -0 aws lambda get-function --function-name "$MCP_PREFIX-server"
    run -0 "$clean_up" --yes
    [[ $output == *'no resource exists' ]]
}

@test "without --yes it asks; the next run connects a function that was created later; a changed .env is kept" {
    run -1 "$set_up" </dev/null
    [[ $output == *'there is no terminal to ask in'* ]]
    run -1 env ANSWERS_FROM_STDIN=1 "$set_up" <<<n
    [[ $output == *'nothing was created'* ]]
    run ! aws dynamodb describe-table --table-name "$MCP_PREFIX-state"
    run -0 env ANSWERS_FROM_STDIN=1 "$set_up" <<<$'y\ny'
    [[ $output == *"created   topic $MCP_TOPIC_NAME"*"missing   function $MCP_PREFIX-server"* ]]
    create_function --environment '{"Variables":{"MCP_PATH":"/tools","SESSION_TABLE_NAME":"mine","QUOTED":"a\"b"}}'
    run -0 "$set_up" --yes --sns y
    [[ ${lines[-1]} == '3 created' && $output == *"exists    $MCP_ENV_FILE"* ]]
    # What the function has stays.
    run -0 function_variable '[MCP_PATH,SESSION_TABLE_NAME,QUOTED,EVENT_TABLE_NAME,MCP_EVENTS]'
    [[ $output == "/tools	mine	a\"b	$MCP_PREFIX-events	on" ]]
    [[ "MCP_STATE_KEYS=$(function_variable MCP_STATE_KEYS)" == "$(grep ^MCP_STATE_KEYS= "$MCP_ENV_FILE")" ]]
    run -0 "$set_up" --yes --sns y
    [[ ${lines[-1]} == '0 created' ]]
    # A function whose keys are in a secret takes no others.
    secret=arn:aws:secretsmanager:eu-central-1:000000000000:secret:keys-AbCdEf
    aws lambda update-function-configuration --function-name "$MCP_PREFIX-server" \
        --environment "{\"Variables\":{\"MCP_STATE_KEYS_SECRET\":\"$secret\"}}" >/dev/null
    run -0 "$set_up" --yes --sns y
    run -0 function_variable '[MCP_STATE_KEYS,MCP_STATE_KEYS_SECRET,MCP_EVENTS]'
    [[ $output == "None	$secret	on" ]]
    echo 'MINE=1' >>"$MCP_ENV_FILE"
    run -0 "$clean_up" --yes
    grep -qx MINE=1 "$MCP_ENV_FILE"
}

@test "invalid options are refused before anything is created" {
    run -1 "$set_up" --yes --sns perhaps
    [[ $output == *'--sns must be y or n, got: perhaps'* ]]
    run -1 "$set_up" --force
    [[ $output == *"there is no option '--force'"* ]]
    run -1 env AWS_ENDPOINT_URL=http://127.0.0.1:9 AWS_MAX_ATTEMPTS=1 "$set_up" --yes
    [[ $output == *'AWS refused the credentials'* ]]
}
