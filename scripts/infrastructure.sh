# shellcheck shell=sh
# The resources of setup-infrastructure.sh and cleanup-infrastructure.sh: their names, and how they are found. Sourced
# after lib.sh and aws.sh. The scripts that source this file use its variables.
# shellcheck disable=SC2034,SC2154

set_names() {
    prefix=${MCP_PREFIX:-mcp-lambda}
    state_table=${SESSION_TABLE_NAME:-$prefix-state}
    event_table=${EVENT_TABLE_NAME:-$prefix-events}
    topic_name=${MCP_TOPIC_NAME:-mcp-global-events}
    role_name=${MCP_ROLE_NAME:-$prefix-role}
    function_name=${MCP_FUNCTION_NAME:-$prefix-server}
    env_file=${MCP_ENV_FILE:-.env}
    partition=aws
    case $AWS_REGION in
    cn-*) partition=aws-cn ;;
    us-gov-*) partition=aws-us-gov ;;
    esac
    topic_arn=arn:$partition:sns:$AWS_REGION:$account:$topic_name
    # The permission is found again by this id.
    statement_id=$prefix-events
    policy_name=$prefix-tables
}

table_exists() {
    look aws dynamodb describe-table --table-name "$1" --query Table.TableStatus --output text
}

topic_exists() {
    look aws sns get-topic-attributes --topic-arn "$topic_arn" --query Attributes.TopicArn --output text
}

role_exists() {
    look aws iam get-role --role-name "$role_name" --query Role.Arn --output text
}

function_exists() {
    look aws lambda get-function-configuration --function-name "$function_name" --query FunctionArn --output text
}

# Sets $found to the ARN of the function's subscription to the topic. Returns 1 if there is none.
find_subscription() {
    look aws sns list-subscriptions-by-topic --topic-arn "$topic_arn" \
        --query "Subscriptions[?Endpoint=='$1'].SubscriptionArn" --output text || return 1
    [ -n "$found" ] && [ "$found" != None ]
}

permission_exists() {
    look aws lambda get-policy --function-name "$function_name" --query Policy --output text || return 1
    case $found in
    *"\"$statement_id\""*) return 0 ;;
    *) return 1 ;;
    esac
}

# The environment variables of the server, as the lines of a .env file, with the keys $state_keys. $1: whether there is a topic.
env_lines() {
    cat <<LINES
# Written by scripts/setup-infrastructure.sh. MCP_STATE_KEYS is a secret: the same in every environment of the function.
AWS_REGION=$AWS_REGION
SESSION_TABLE_NAME=$state_table
EVENT_TABLE_NAME=$event_table
MCP_STATE_KEYS=$state_keys
LINES
    [ "$1" != y ] || printf '%s\n' MCP_EVENTS=on "SNS_TOPIC_ARN=$topic_arn"
}

# Sets $state_keys to the keys of the .env. Returns 1 if it has none.
read_state_keys() {
    state_keys=
    [ -f "$env_file" ] || return 1
    state_keys=$(sed -n 's/^MCP_STATE_KEYS=//p' "$env_file" | tail -n 1)
    [ -n "$state_keys" ]
}
