#!/usr/bin/env bats
# scripts/start, in a copy of the files that it reads, with a cargo and a rustc that only note how they are called. The real ones
# are tested in tests/e2e/npm-start.test.ts.

bats_require_minimum_version 1.5.0

setup() {
    copy=$BATS_TEST_TMPDIR/clone
    mkdir -p "$copy/runtime/src" "$copy/bin"
    (cd "$root" && cp --parents -t "$copy" Cargo.toml Cargo.lock scripts/start scripts/lib.sh)
    echo 'fn main() {}' >"$copy/runtime/src/main.rs"
    cd "$copy"
    tool rustc 'echo "rustc 1.94.1 (e408947bf 2026-03-25)"'
    tool cargo 'echo "cargo $*"; mkdir -p target/ci
        printf "#!/bin/sh\necho serving on port \${PORT:-9000}\n" >target/ci/mcp-lambda-reference
        chmod +x target/ci/mcp-lambda-reference'
    tool node 'exec "$NODE" "$@"'
    NODE=$(command -v node)
    export NODE
    PATH=$copy/bin:/usr/bin:/bin
    unset CARGO_TARGET_DIR RUSTC PORT
}

# tool NAME SCRIPT: a program in the place of another one.
tool() {
    printf '#!/bin/sh\n%s\n' "$2" >"$copy/bin/$1"
    chmod +x "$copy/bin/$1"
}

@test "start: the first time it says how long the build takes, builds with the lock file, and serves" {
    run -0 --separate-stderr scripts/start
    [[ ${lines[0]} == 'cargo build --locked --profile ci --bin mcp-lambda-reference' ]]
    [[ ${lines[1]} == 'serving on port 9000' ]]
    [[ ${stderr_lines[0]} == 'The server is built, which takes about '*' the first time on two cores. Later starts take a second.' ]]
    [[ ${stderr_lines[1]} =~ ^'Built in '[0-9]+' s.'$ ]]
}

@test "start: the second time nothing is built and nothing but the server prints" {
    scripts/start
    run -0 --separate-stderr scripts/start
    [[ $output == 'serving on port 9000' && -z $stderr ]]
}

@test "start: a source that has changed is built again, a page of documentation is not" {
    scripts/start
    touch -d '+1 minute' runtime/README.md
    run -0 scripts/start
    [[ $output == 'serving on port 9000' ]]
    touch -d '+1 minute' runtime/src/main.rs
    run -0 --separate-stderr scripts/start
    [[ ${lines[0]} == 'cargo build '* && ${stderr_lines[0]} == 'The sources have changed: the server is built again.' ]]
}

@test "start: PORT reaches the server" {
    PORT=9123 run -0 --separate-stderr scripts/start
    [[ ${lines[1]} == 'serving on port 9123' ]]
}

@test "start: a build that fails is not taken for one the next time" {
    scripts/start
    touch -d '+1 minute' runtime/src/main.rs
    tool cargo 'echo "error: expected item" >&2; exit 101'
    run -1 --separate-stderr scripts/start
    [[ ${stderr_lines[-1]} == 'start: the server could not be built: the lines of cargo above say why' ]]
    run -1 --separate-stderr scripts/start
}

@test "start: no Rust, and one that is too old, are one sentence each" {
    rm bin/cargo
    # Where the system has a cargo of its own, it is not on this PATH.
    mkdir tools
    for name in sh dirname find head touch mkdir date sed; do ln -s "$(command -v $name)" tools/$name; done
    run -1 --separate-stderr env PATH="$copy/bin:$copy/tools" scripts/start
    [[ ${stderr_lines[0]} == 'start: cargo was not found, and the server is written in Rust' ]]
    tool cargo 'exit 0'
    for old in 1.93.0 1.80.1 0.9.0; do
        tool rustc "echo 'rustc $old (abc 2025-01-01)'"
        run -1 --separate-stderr scripts/start
        [[ $stderr == "start: Rust $old is too old: this project needs 1.94 or newer, which 'rustup update' installs" ]]
    done
    for new in 1.94.0 1.100.0; do
        tool rustc "echo 'rustc $new (abc 2025-01-01)'"
        tool cargo 'echo built; mkdir -p target/ci; printf "#!/bin/sh\n" >target/ci/mcp-lambda-reference; chmod +x target/ci/*'
        rm -rf target
        run -0 --separate-stderr scripts/start
        [[ ${lines[0]} == built ]]
    done
}

@test "start: an old Node.js is one warning, and the server runs" {
    scripts/start
    # The script asks node itself whether it is new enough.
    tool node 'case $1 in --version) echo v18.20.4 ;; *) exit 1 ;; esac'
    run -0 --separate-stderr scripts/start
    [[ $stderr == 'Warning: Node.js v18.20.4 is too old for npm test and the Inspector, which need 20.19 or newer.' ]]
    [[ $output == 'serving on port 9000' ]]
}
