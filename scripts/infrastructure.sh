# shellcheck shell=sh
# What setup-infrastructure.sh makes and cleanup-infrastructure.sh removes: its names, and where it is looked for.
# Sourced after lib.sh and aws.sh. The variables of this file are used by those that source it.
# shellcheck disable=SC2034,SC2154

name_everything() {
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
    # Names the permission, so that it is found again.
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

# The subscription of the function to the topic, in $found; 1 if there is none.
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

# What the server is told, as a file that a shell and most tools read.
env_lines() {
    cat <<LINES
# Written by scripts/setup-infrastructure.sh
AWS_REGION=$AWS_REGION
SESSION_TABLE_NAME=$state_table
EVENT_TABLE_NAME=$event_table
LINES
    [ "$1" != y ] || echo "SNS_TOPIC_ARN=$topic_arn"
}
