# shellcheck shell=sh
# What the scripts that talk to AWS share: how they call it, ask, wait and stop. Sourced after lib.sh.

# Every service goes where AWS_ENDPOINT_URL says: versions of the AWS CLI differ in which of them they send there.
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
        die 'AWS does not know who you are' "$account" 'Run aws configure, or set AWS_PROFILE.'
}

say() {
    printf '%s\n' "$*"
}

# ask QUESTION: yes or no; --yes has answered all of them.
ask() {
    [ "${yes:-}" != 1 ] || return 0
    [ -t 0 ] || [ -n "${ANSWERS_FROM_STDIN:-}" ] || die 'nobody is there to answer' 'Run it in a terminal, or with --yes.'
    printf '%s [y/N] ' "$1"
    read -r answer || answer=
    case $answer in
    y | Y | yes) return 0 ;;
    *) return 1 ;;
    esac
}

# look COMMAND...: runs a read-only call and keeps what it said in $found. 1 if there is no such thing; every other
# failure stops the script, so that a missing permission is never taken for a missing resource.
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

# must COMMAND...: runs a call that changes something; what went wrong is said with what was tried.
must() {
    said=$("$@" 2>&1) || die "this call failed: $*" "$said"
}

# wait_for WHAT SECONDS COMMAND...: until the command succeeds. A dot each second shows that something goes on.
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
    die "$waiting took too long" 'Look in the AWS console how far it is, then run this again: it goes on where it was.'
}
