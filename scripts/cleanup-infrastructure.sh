#!/bin/sh
# Removes what setup-infrastructure.sh made, and everything in it: scripts/cleanup-infrastructure.sh [--yes]
#
#     Lists what is there, asks, removes it and looks that it is gone. Names come from the same variables. A .env is
#     removed only if it is as it was written.
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

# --- the parts: each is found, removed, and looked for again ----------------------------------------------------------

remove_subscription() {
    must aws sns unsubscribe --subscription-arn "$subscription_arn"
}

remove_permission() {
    must aws lambda remove-permission --function-name "$function_name" --statement-id "$statement_id"
}

remove_topic() {
    must aws sns delete-topic --topic-arn "$topic_arn"
}

remove_table() {
    must aws dynamodb delete-table --table-name "$1"
    wait_for "table $1 to go" 300 table_is_gone "$1"
}

table_is_gone() {
    ! table_exists "$1"
}

remove_role() {
    ! look aws iam get-role-policy --role-name "$role_name" --policy-name "$policy_name" ||
        must aws iam delete-role-policy --role-name "$role_name" --policy-name "$policy_name"
    must aws iam delete-role --role-name "$role_name"
}

env_is_ours() {
    [ -e "$env_file" ] || return 1
    [ "$(cat "$env_file")" = "$(env_lines n)" ] || [ "$(cat "$env_file")" = "$(env_lines y)" ]
}

# What there is, one word each, in the order in which it has to go.
inventory() {
    there=
    function_arn=
    if function_exists; then function_arn=$found; fi
    topic=
    if topic_exists; then topic=' topic'; fi
    if [ -n "$topic" ] && [ -n "$function_arn" ] && find_subscription "$function_arn"; then
        subscription_arn=$found
        there="$there subscription"
    fi
    if [ -n "$function_arn" ] && permission_exists; then there="$there permission"; fi
    there=$there$topic
    if table_exists "$event_table"; then there="$there events"; fi
    if table_exists "$state_table"; then there="$there state"; fi
    if role_exists; then there="$there role"; fi
    if env_is_ours; then there="$there env"; fi
}

title() {
    case $1 in
    subscription) echo "subscription of $function_name to $topic_name" ;;
    permission) echo "permission of $topic_name to invoke $function_name" ;;
    topic) echo "topic $topic_name" ;;
    events) echo "table $event_table and every event in it" ;;
    state) echo "table $state_table and every session in it" ;;
    role) echo "role $role_name" ;;
    env) echo "$env_file" ;;
    esac
}

remove() {
    case $1 in
    events) remove_table "$event_table" ;;
    state) remove_table "$state_table" ;;
    env) rm -- "$env_file" ;;
    *) "remove_$1" ;;
    esac
    say "    removed   $(title "$1")"
}

# --- all of them -----------------------------------------------------------------------------------------------------

need_aws
name_everything
inventory
if [ -z "$there" ]; then
    say "Account $account, region $AWS_REGION: nothing is there"
    exit 0
fi
say "Account $account, region $AWS_REGION. This will be removed:"
for part in $there; do
    say "    $(title "$part")"
done
ask 'Remove all of it?' || die 'nothing was removed'
for part in $there; do
    remove "$part"
done
inventory
for part in $there; do
    say "    STILL THERE  $(title "$part")"
done
[ -z "$there" ] || die 'not everything is gone' 'Run this again.'
say 'everything is gone'
