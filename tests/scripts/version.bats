#!/usr/bin/env bats
# scripts/version and scripts/release-notes, in a copy of the files that have the version.

bats_require_minimum_version 1.5.0

setup() {
    copy=$BATS_TEST_TMPDIR/clone
    mkdir -p "$copy"
    (cd "$root" && git ls-files -z 'Cargo.toml' 'Cargo.lock' '*package.json' 'package-lock.json' CHANGELOG.md scripts |
        xargs -0 cp --parents -t "$copy")
    version="$copy/scripts/version"
    current=$("$version")
    cd "$copy"
}

@test "version: prints that of Cargo.toml" {
    [[ $current == "$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)" ]]
}

@test "version: is set everywhere at once, and nothing else changes" {
    run -0 "$version" 7.8.9
    [[ $output == "$current -> 7.8.9 in "*Cargo.lock*infra/package.json*runtime/client/npm/package.json*CHANGELOG.md ]]
    run -0 "$version" --check
    [[ $("$version") == 7.8.9 ]]
    # Cargo finds its lock file complete: a version that was left would need another one.
    changed=$(diff "$root/Cargo.lock" Cargo.lock | grep '^>' | sort -u)
    [[ $changed == '> version = "7.8.9"' ]]
    run ! grep -rnF "\"version\": \"$current\"" infra/package.json runtime/client/npm/package.json package.json
    grep -q "^## \[7.8.9\] - $(date -u +%F)$" CHANGELOG.md
    [[ $(grep -c '^## \[Unreleased\]$' CHANGELOG.md) == 1 ]]
}

@test "version: one that is no version, or was released already, changes nothing" {
    printf '\n## [5.0.0] - 2026-01-01\n\n- **added:** a thing.\n' >>CHANGELOG.md
    before=$(sha256sum Cargo.toml Cargo.lock CHANGELOG.md infra/package.json)
    run -1 "$version" 1.2
    [[ $output == "version: '1.2' is not a version: write it as 1.2.3 or 1.2.3-rc.1" ]]
    run -1 "$version" 5.0.0
    [[ $output == 'version: CHANGELOG.md has a section [5.0.0] already' ]]
    [[ $before == "$(sha256sum Cargo.toml Cargo.lock CHANGELOG.md infra/package.json)" ]]
}

@test "version --check: names a file that was forgotten" {
    sed -i 's/"version": "[^"]*"/"version": "0.0.9"/' infra/package.json
    run -1 "$version" --check
    [[ $output == "version: infra/package.json has 0.0.9, Cargo.toml has $current" ]]
}

@test "release-notes: the part of the changelog, and how to install it" {
    run -1 scripts/release-notes 7.8.9
    [[ ${lines[0]} == 'release-notes: CHANGELOG.md has no section [7.8.9]' ]]
    "$version" 7.8.9
    printf '\n## [0.0.1] - 2025-01-01\n\n- **added:** long ago.\n' >>CHANGELOG.md
    run -0 scripts/release-notes
    [[ ${lines[0]} == '- **'* && $output == *'cargo add mcp-lambda-server@7.8.9'* && $output != *'long ago'* ]]
}
