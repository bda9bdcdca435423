#!/bin/sh
# Deletes the resources of setup-infrastructure.sh with their data: scripts/cleanup-infrastructure.sh [--yes]
#
#     Lists the resources that exist, asks, deletes them, and checks that they are deleted. Names come from the same
#     variables. A .env that is unchanged is moved to .env.backup, since it has the keys that sign requestState; another one stays.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=scripts/aws.sh
. "$root/scripts/aws.sh"
# shellcheck source=scripts/infrastructure.sh
. "$root/scripts/infrastructure.sh"

yes=
case ${1:-} in
'') ;;
--yes) yes=1 ;;
--help | -h)
    sed -n '2,/^set -eu/{/^#/s/^# \{0,1\}//p;}' "$0"
    exit 0
    ;;
*) die "there is no option '$1'" 'scripts/cleanup-infrastructure.sh [--yes]' ;;
esac

# --- the resources ---------------------------------------------------------------------------------------------------

delete_subscription() {
    must aws sns unsubscribe --subscription-arn "$subscription_arn"
}

delete_permission() {
    must aws lambda remove-permission --function-name "$function_name" --statement-id "$statement_id"
}

delete_topic() {
    must aws sns delete-topic --topic-arn "$topic_arn"
}

delete_table() {
    must aws dynamodb delete-table --table-name "$1"
    wait_for "the deletion of table $1" 300 table_is_deleted "$1"
}

table_is_deleted() {
    ! table_exists "$1"
}

delete_role() {
    ! look aws iam get-role-policy --role-name "$role_name" --policy-name "$policy_name" ||
        must aws iam delete-role-policy --role-name "$role_name" --policy-name "$policy_name"
    must aws iam delete-role --role-name "$role_name"
}

env_is_unchanged() {
    [ -e "$env_file" ] || return 1
    read_state_keys || :
    [ "$(cat "$env_file")" = "$(env_lines n)" ] || [ "$(cat "$env_file")" = "$(env_lines y)" ]
}

# Keeps earlier backups too: each has keys of its own.
back_up_env() {
    backup=$env_file.backup
    number=1
    while [ -e "$backup" ]; do
        number=$((number + 1))
        backup=$env_file.backup-$number
    done
    mv -- "$env_file" "$backup"
}

# Sets $remaining to the resources that exist, a word for each, in the order in which they are deleted.
inventory() {
    remaining=
    function_arn=
    if function_exists; then function_arn=$found; fi
    topic=
    if topic_exists; then topic=' topic'; fi
    if [ -n "$topic" ] && [ -n "$function_arn" ] && find_subscription "$function_arn"; then
        subscription_arn=$found
        remaining="$remaining subscription"
    fi
    if [ -n "$function_arn" ] && permission_exists; then remaining="$remaining permission"; fi
    remaining=$remaining$topic
    if table_exists "$event_table"; then remaining="$remaining events"; fi
    if table_exists "$state_table"; then remaining="$remaining state"; fi
    if role_exists; then remaining="$remaining role"; fi
    if env_is_unchanged; then remaining="$remaining env"; fi
}

title() {
    case $1 in
    subscription) echo "subscription of $function_name to $topic_name" ;;
    permission) echo "permission of $topic_name to invoke $function_name" ;;
    topic) echo "topic $topic_name" ;;
    events) echo "table $event_table with all events" ;;
    state) echo "table $state_table with all sessions" ;;
    role) echo "role $role_name" ;;
    env) echo "$env_file, of which a backup is kept" ;;
    esac
}

delete() {
    case $1 in
    events) delete_table "$event_table" ;;
    state) delete_table "$state_table" ;;
    env)
        back_up_env
        say "    moved     $env_file to $backup: it has the keys that sign requestState"
        return
        ;;
    *) "delete_$1" ;;
    esac
    say "    deleted   $(title "$1")"
}

# --- the clean-up -----------------------------------------------------------------------------------------------------

need_aws
set_names
inventory
if [ -z "$remaining" ]; then
    say "Account $account, region $AWS_REGION: no resource exists"
    exit 0
fi
say "Account $account, region $AWS_REGION. These resources will be deleted:"
for resource in $remaining; do
    say "    $(title "$resource")"
done
ask 'Delete all of them?' || die 'nothing was deleted'
for resource in $remaining; do
    delete "$resource"
done
inventory
for resource in $remaining; do
    say "    STILL EXISTS $(title "$resource")"
done
[ -z "$remaining" ] || die 'not all resources are deleted' 'Run this again.'
say 'all resources are deleted'
