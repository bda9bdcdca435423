#!/usr/bin/env bats
# The template of scripts/cloudformation-template, deployed with the AWS CLI to the emulator that setup_suite started, in a
# region where nothing was bootstrapped.

bats_require_minimum_version 1.5.0

setup() {
    export AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1
    cd "$BATS_TEST_TMPDIR"
}

of_stack() {
    aws cloudformation describe-stacks --stack-name templated --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue" --output text
}

deploy() {
    aws cloudformation deploy --template-file template.json --stack-name templated --capabilities CAPABILITY_IAM \
        --parameter-overrides CodeS3Bucket=programs "$@"
}

@test "aws cloudformation deploy creates the server, and a new key is a new program" {
    printf '[observability]\nalarms = false\nsaved_queries = false\n' >deploy.toml
    "$root/scripts/cloudformation-template" >template.json
    aws s3 mb s3://programs
    for version in 1 2; do
        printf '#!/bin/sh\n# %s\n' "$version" >bootstrap
        chmod +x bootstrap
        python -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1], "w").write("bootstrap")' "program-$version.zip"
        aws s3 cp "program-$version.zip" "s3://programs/program-$version.zip"
    done
    deploy CodeS3Key=program-1.zip MemorySize=512
    name=$(of_stack FunctionName)
    [[ $(of_stack McpEndpoint) == https://*/mcp && $(of_stack StateTableName) != None ]]
    run -0 aws lambda get-function-configuration --function-name "$name" --qualifier live --query '[MemorySize,Handler]' --output text
    [[ $output == 512*bootstrap ]]
    before=$(aws lambda get-function-configuration --function-name "$name" --query CodeSha256 --output text)
    deploy CodeS3Key=program-2.zip
    [[ $(aws lambda get-function-configuration --function-name "$name" --qualifier live --query CodeSha256 --output text) != "$before" ]]
}
