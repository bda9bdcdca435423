#!/bin/sh
# Creates the server's resources in AWS without the CDK: scripts/setup-infrastructure.sh [--yes] [--sns y|n] [--overwrite-env]
#
#     Two tables with time to live, a role for the function, with --sns y the topic of events, and a .env with the environment of
#     the server: their names, and the keys that sign requestState. If the function exists, it gets the variables that it lacks, is
#     subscribed to the topic, and SNS may invoke it.
#
#     --yes            asks no questions
#     --sns y|n        whether to create a topic; asked otherwise
#     --overwrite-env  replaces a .env with other contents; it is kept otherwise
#
# A second run changes nothing, and keeps the keys. Names come from MCP_PREFIX (mcp-lambda), or one by one from SESSION_TABLE_NAME,
# EVENT_TABLE_NAME, MCP_TOPIC_NAME, MCP_ROLE_NAME, MCP_FUNCTION_NAME and MCP_ENV_FILE.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=scripts/aws.sh
. "$root/scripts/aws.sh"
# shellcheck source=scripts/infrastructure.sh
. "$root/scripts/infrastructure.sh"

usage='scripts/setup-infrastructure.sh [--yes] [--sns y|n] [--overwrite-env]'
yes=
sns=
overwrite_env=
changed=0
function_arn=

while [ $# -gt 0 ]; do
    case $1 in
    --yes) yes=1 ;;
    --sns)
        [ $# -gt 1 ] || die '--sns needs y or n' "$usage"
        sns=$2
        shift
        ;;
    --overwrite-env) overwrite_env=1 ;;
    --help | -h)
        sed -n '2,/^set -eu/{/^#/s/^# \{0,1\}//p;}' "$0"
        exit 0
        ;;
    *) die "there is no option '$1'" "$usage" ;;
    esac
    shift
done
case $sns in
'' | y | n) ;;
*) die "--sns must be y or n, got: $sns" "$usage" ;;
esac

# --- the resources ---------------------------------------------------------------------------------------------------

created() {
    changed=$((changed + 1))
    say "    created   $*"
}

exists() {
    say "    exists    $*"
}

create_table() {
    if table_is_active "$1"; then
        exists "table $1"
    elif [ -z "$found" ]; then
        must aws dynamodb create-table --table-name "$1" --billing-mode PAY_PER_REQUEST \
            --attribute-definitions AttributeName=pk,AttributeType=S AttributeName=sk,AttributeType=S \
            --key-schema AttributeName=pk,KeyType=HASH AttributeName=sk,KeyType=RANGE
        created "table $1"
        wait_for "table $1" 120 table_is_active "$1"
    else
        exists "table $1"
        wait_for "table $1" 120 table_is_active "$1"
    fi
    expire_items "$1"
}

table_is_active() {
    table_exists "$1" && [ "$found" = ACTIVE ]
}

expire_items() {
    look aws dynamodb describe-time-to-live --table-name "$1" --query TimeToLiveDescription.TimeToLiveStatus --output text ||
        die "table $1 was deleted meanwhile" 'Run this again.'
    case $found in
    ENABLED | ENABLING) exists "time to live of $1" ;;
    *)
        must aws dynamodb update-time-to-live --table-name "$1" \
            --time-to-live-specification Enabled=true,AttributeName=ttl
        created "time to live of $1"
        ;;
    esac
}

enable_recovery() {
    look aws dynamodb describe-continuous-backups --table-name "$1" --output text \
        --query ContinuousBackupsDescription.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus ||
        die "table $1 was deleted meanwhile" 'Run this again.'
    if [ "$found" = ENABLED ]; then
        exists "recovery of $1"
        return
    fi
    must aws dynamodb update-continuous-backups --table-name "$1" \
        --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true
    created "recovery of $1"
}

create_topic() {
    if topic_exists; then
        exists "topic $topic_name"
        return
    fi
    must aws sns create-topic --name "$topic_name"
    created "topic $topic_name"
}

create_role() {
    if role_exists; then
        exists "role $role_name"
    else
        must aws iam create-role --role-name "$role_name" --assume-role-policy-document \
            '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
        created "role $role_name"
    fi
    wanted=$(policy)
    if look aws iam get-role-policy --role-name "$role_name" --policy-name "$policy_name" --query PolicyDocument --output json &&
        [ "$(without_spaces "$found")" = "$(without_spaces "$wanted")" ]; then
        exists "permissions of $role_name"
        return
    fi
    must aws iam put-role-policy --role-name "$role_name" --policy-name "$policy_name" --policy-document "$wanted"
    created "permissions of $role_name"
}

without_spaces() {
    printf %s "$1" | tr -d ' \n\t'
}

# The permissions of the runtime. A test compares the DynamoDB actions with the construct's.
policy() {
    tables=arn:$partition:dynamodb:$AWS_REGION:$account:table
    publish=
    [ "$sns" != y ] || publish=',
    {"Effect": "Allow", "Action": ["sns:Publish"], "Resource": "'$topic_arn'"}'
    cat <<POLICY
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": ["dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"],
      "Resource": "$tables/$state_table"
    },
    {
      "Effect": "Allow",
      "Action": ["dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"],
      "Resource": "$tables/$event_table"
    },
    {
      "Effect": "Allow",
      "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
      "Resource": "arn:$partition:logs:$AWS_REGION:$account:log-group:/aws/lambda/$function_name:*"
    }$publish
  ]
}
POLICY
}

# The keys of the .env, else those that the function has, else new ones: every environment has to verify what another one signed.
find_state_keys() {
    read_state_keys && return
    if look aws lambda get-function-configuration --function-name "$function_name" \
        --query Environment.Variables.MCP_STATE_KEYS --output text && [ -n "$found" ] && [ "$found" != None ]; then
        state_keys=$found
        return
    fi
    state_keys=k1:$(head -c 32 /dev/urandom | base64 | tr -d '\n')
}

# Reads lines NAME=VALUE and prints those that $has, JSON, does not name: as members of JSON. AWS_REGION is Lambda's own.
lacking_variables() {
    separator=
    while IFS= read -r line; do
        case $line in '#'* | AWS_REGION=*) continue ;; esac
        case $has in *"\"${line%%=*}\":"*) continue ;; esac
        # The keys are in the secret then, and a server does not take both.
        case $line$has in MCP_STATE_KEYS=*'"MCP_STATE_KEYS_SECRET":'*) continue ;; esac
        printf '%s"%s":"%s"' "$separator" "${line%%=*}" "${line#*=}"
        separator=,
    done
}

update_function_environment() {
    result=$(aws lambda update-function-configuration --function-name "$function_name" --environment "file://$1" 2>&1)
}

# Gives the function the variables that it lacks. One that it has keeps its value.
configure_function() {
    if ! function_exists; then
        say "    missing   function $function_name: run this again when it exists, so that it gets its environment"
        return
    fi
    function_arn=$found
    look aws lambda get-function-configuration --function-name "$function_name" --query Environment.Variables --output json ||
        die "function $function_name was deleted meanwhile" 'Run this again.'
    has=$found
    lacking=$(env_lines "$sns" | lacking_variables)
    if [ -z "$lacking" ]; then
        exists "environment of $function_name"
        return
    fi
    case $has in
    null | '{}') gets="{$lacking}" ;;
    *) gets="${has%\}*},$lacking}" ;;
    esac
    # In a file: other processes can read a command line.
    file=$(mktemp)
    printf '{"Variables":%s}' "$gets" >"$file"
    update_function_environment "$file" || { rm -f "$file"; die "function $function_name did not get its environment" "$result"; }
    rm -f "$file"
    created "environment of $function_name"
}

connect_function() {
    if permission_exists; then
        exists "permission of $topic_name to invoke $function_name"
    else
        must aws lambda add-permission --function-name "$function_name" --statement-id "$statement_id" \
            --action lambda:InvokeFunction --principal sns.amazonaws.com --source-arn "$topic_arn"
        created "permission of $topic_name to invoke $function_name"
    fi
    if find_subscription "$function_arn"; then
        exists "subscription of $function_name to $topic_name"
    else
        must aws sns subscribe --topic-arn "$topic_arn" --protocol lambda --notification-endpoint "$function_arn"
        created "subscription of $function_name to $topic_name"
    fi
}

# The file has a secret: only its owner reads it.
put_env() {
    (umask 077 && printf '%s\n' "$wanted" >"$env_file") && chmod 600 "$env_file"
    created "$env_file"
}

write_env() {
    wanted=$(env_lines "$sns")
    if [ ! -e "$env_file" ]; then
        put_env
    elif [ "$(cat "$env_file")" = "$wanted" ]; then
        exists "$env_file"
    elif [ "$overwrite_env" = 1 ] || { [ "$yes" != 1 ] && ask "$env_file has other contents. Replace it?"; }; then
        put_env
    else
        say "    kept      $env_file, which has other contents; the new ones would be:"
        printf '%s\n' "$wanted" | sed 's/^\(MCP_STATE_KEYS=[^:]*\):.*/\1:<32 random bytes in base64>/; s/^/                  /'
    fi
}

# --- the set-up -----------------------------------------------------------------------------------------------------

need_aws
set_names
say "Account $account, region $AWS_REGION: tables $state_table and $event_table, role $role_name"
ask 'Create what is missing?' || die 'nothing was created'
if [ -z "$sns" ]; then
    sns=n
    [ "$yes" = 1 ] || ! ask "Also the topic $topic_name, for events?" || sns=y
fi

create_table "$state_table"
enable_recovery "$state_table"
create_table "$event_table"
[ "$sns" != y ] || create_topic
create_role
find_state_keys
write_env
configure_function
if [ "$sns" = y ] && [ -n "$function_arn" ]; then connect_function; fi
say "$changed created"
