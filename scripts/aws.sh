# shellcheck shell=sh
# Functions of the scripts that call AWS: calls, questions, waiting. Sourced after lib.sh.

# Sends the calls of every service to AWS_ENDPOINT_URL, if it is set: some versions of the AWS CLI do so for some
# services only.
aws() {
    command aws ${AWS_ENDPOINT_URL:+--endpoint-url "$AWS_ENDPOINT_URL"} "$@"
}

need_aws() {
    command -v aws >/dev/null 2>&1 || die 'the AWS CLI was not found' \
        'Install it from https://aws.amazon.com/cli, or with: pip install awscli'
    region=${AWS_REGION:-${AWS_DEFAULT_REGION:-$(command aws configure get region 2>/dev/null || true)}}
    [ -n "$region" ] || die 'no region is set' 'Set AWS_REGION, or run: aws configure'
    AWS_REGION=$region
    AWS_DEFAULT_REGION=$region
    AWS_PAGER=
    export AWS_REGION AWS_DEFAULT_REGION AWS_PAGER
    account=$(aws sts get-caller-identity --query Account --output text 2>&1) ||
        die 'AWS refused the credentials' "$account" 'Run aws configure, or set AWS_PROFILE.'
}

say() {
    printf '%s\n' "$*"
}

# ask QUESTION: succeeds if the answer is yes, or --yes was given.
ask() {
    [ "${yes:-}" != 1 ] || return 0
    [ -t 0 ] || [ -n "${ANSWERS_FROM_STDIN:-}" ] || die 'there is no terminal to ask in' 'Run it in a terminal, or with --yes.'
    printf '%s [y/N] ' "$1"
    read -r answer || answer=
    case $answer in
    y | Y | yes) return 0 ;;
    *) return 1 ;;
    esac
}

# look COMMAND...: runs a read-only call and sets $found to its output. Returns 1 if the resource does not exist. Any
# other failure ends the script, so that a missing permission is not taken for a missing resource.
look() {
    looked=0
    found=$("$@" 2>&1) || looked=1
    [ "$looked" = 1 ] || return 0
    case $found in
    *NotFound* | *NoSuchEntity* | *'does not exist'*)
        found=
        return 1
        ;;
    *) die "this call failed: $*" "$found" ;;
    esac
}

# must COMMAND...: runs a call that changes a resource. A failure ends the script with the call and its output.
must() {
    result=$("$@" 2>&1) || die "this call failed: $*" "$result"
}

# wait_for WHAT SECONDS COMMAND...: waits until the command succeeds, with a dot per second as progress.
wait_for() {
    waiting=$1
    remaining=$2
    shift 2
    "$@" && return 0
    printf '    waiting for %s ' "$waiting"
    while [ "$remaining" -gt 0 ]; do
        sleep 1
        printf .
        if "$@"; then
            printf ' done\n'
            return 0
        fi
        remaining=$((remaining - 1))
    done
    printf '\n'
    die "$waiting took too long" 'See its state in the AWS console, then run this again: it continues from there.'
}
