#!/usr/bin/env bash
# Does without Docker what OSS-Fuzz does with this folder: builds the targets as its base image
# does, then checks them as its `bad_build_check` does, and more strictly.
#
#     fuzz/oss-fuzz/try.sh [TARGET...]
#
# Without arguments it tries every target. `SANITIZER=coverage` builds for coverage and checks that
# the targets write profiles. The last step breaks a target on purpose: then the checks have to fail.
#
# It needs cargo-fuzz, zip, unzip and a C++ compiler. It takes a nightly toolchain if there is one
# (`RUSTUP_TOOLCHAIN` names another), and otherwise lets the stable one accept unstable options.
# What it writes is below `target/oss-fuzz`, and in a temporary folder while it runs.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD

fail() { printf 'try.sh: %s\n' "$*" >&2; exit 1; }
step() { printf '\n=== %s (%s s)\n' "$*" "$SECONDS"; }
for tool in cargo-fuzz zip unzip c++ objdump; do
    command -v "$tool" >/dev/null || { echo "try.sh: $tool is not installed" >&2; exit 3; }
done

# The variables of infra/base-images/base-builder (Dockerfile, compile, compile_libfuzzer).
export SANITIZER=${SANITIZER:-address}
export FUZZING_ENGINE=libfuzzer FUZZING_LANGUAGE=rust ARCHITECTURE=x86_64
export SRC=$root/target/oss-fuzz/src OUT=$root/target/oss-fuzz/$SANITIZER
export WORK=$root/target/oss-fuzz/work
mkdir -p "$SRC" "$WORK"
rm -rf "$OUT"
mkdir "$OUT"
ln -sfn "$root" "$SRC/gcrucible"
case $SANITIZER in
address) RUSTFLAGS='--cfg fuzzing -Zsanitizer=address -Cdebuginfo=1 -Cforce-frame-pointers' ;;
coverage) RUSTFLAGS='--cfg fuzzing -Cdebuginfo=1 -Cforce-frame-pointers -Cinstrument-coverage' ;;
*) fail "SANITIZER is address or coverage, not $SANITIZER" ;;
esac
export RUSTFLAGS
if [ -z "${RUSTUP_TOOLCHAIN:-}" ]; then
    if rustup toolchain list 2>/dev/null | grep -q '^nightly-x86_64'; then
        export RUSTUP_TOOLCHAIN=nightly
    else
        export RUSTC_BOOTSTRAP=1
    fi
fi
# The image links with clang, and with the libFuzzer that belongs to it.
clang_rt=$(clang --print-file-name=libclang_rt.fuzzer.a 2>/dev/null || true)
if [ -f "$clang_rt" ]; then
    export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=clang
    cp "$clang_rt" "$WORK/libFuzzingEngine.a"
    export CUSTOM_LIBFUZZER_PATH=$WORK/libFuzzingEngine.a CUSTOM_LIBFUZZER_STD_CXX=stdc++
fi

# The image's `cargo` makes an ordinary build of a coverage build, and puts the programs where
# cargo-fuzz would have put them.
bin=$WORK/bin
mkdir -p "$bin"
cat > "$bin/cargo" <<'CARGO'
#!/usr/bin/env bash
set -eu
PATH=${PATH#*:}
if [ "$SANITIZER $1 ${2:-}" = 'coverage fuzz build' ]; then
    cd fuzz
    export RUSTFLAGS="$RUSTFLAGS -C debug-assertions=no"
    cargo build --bins
    mkdir -p "$CARGO_TARGET_DIR/x86_64-unknown-linux-gnu/release"
    cp -r "$CARGO_TARGET_DIR"/debug/* "$CARGO_TARGET_DIR/x86_64-unknown-linux-gnu/release/"
    exit 0
fi
exec cargo "$@"
CARGO
chmod +x "$bin/cargo"

step "build ($SANITIZER, $(rustc --version))"
PATH=$bin:$PATH bash -eu fuzz/oss-fuzz/build.sh "$@"
targets=()
for zip in "$OUT"/*_seed_corpus.zip; do
    targets+=("$(basename "$zip" _seed_corpus.zip)")
done
[ $# -eq 0 ] || [ "${#targets[@]}" -eq $# ] || fail 'not every target was built'

# From here on as on another machine: the programs lie in another folder, from which nothing can be
# written but the temporary folder.
runner=$(mktemp -d)
trap 'chmod -R u+w "$runner"; rm -rf "$runner"' EXIT
chmod 755 "$runner"
cp -r "$OUT" "$runner/out"
mkdir -m 777 "$runner/tmp"
chmod -R a+rX,a-w "$runner/out"
drop=()
[ "$(id -u)" -ne 0 ] || drop=(setpriv --reuid=65534 --regid=65534 --clear-groups)

# The variables of infra/base-images/base-runner/Dockerfile.
asan_options=alloc_dealloc_mismatch=0:allocator_may_return_null=1
asan_options+=:allocator_release_to_os_interval_ms=500:check_malloc_usable_size=0
asan_options+=:detect_container_overflow=1:detect_odr_violation=0:detect_leaks=1
asan_options+=:detect_stack_use_after_return=1:fast_unwind_on_fatal=0:handle_abort=1
asan_options+=:handle_segv=1:handle_sigill=1:max_uar_stack_size_log=16:print_scariness=1
asan_options+=:quarantine_size_mb=10:strict_memcmp=1:symbolize=1:use_sigaltstack=1
asan_options+=:dedup_token_length=3
fuzzer_args=(-rss_limit_mb=2560 -timeout=25)

# A section of an options file, as parse_options.py and run_fuzzer read it.
options() {
    local format=$3
    sed -n "/^\[$2\]/,/^\[/s/^\([a-z_]*\) *= *\(.*\)/$format/p" "$runner/out/$1.options"
}

# Runs a target as run_fuzzer does. The output is in `$log`, whatever the status.
run_fuzzer() {
    local target=$1
    shift
    local asan
    asan=$(options "$target" asan '\1=\2' | paste -sd:)
    mapfile -t own < <(options "$target" libfuzzer '-\1=\2')
    (cd "$runner/out" && timeout 300 "${drop[@]}" env -i PATH=/usr/bin:/bin TMPDIR="$runner/tmp" \
        ASAN_OPTIONS="$asan_options:$asan" LLVM_PROFILE_FILE="$runner/tmp/$target.profraw" \
        "./$target" -- "${fuzzer_args[@]}" "$@" "${own[@]}" "-dict=$target.dict") \
        > "$log" 2>&1 < /dev/null
}

# Says what is wrong with a target, if anything is.
wrong() {
    local target=$1 binary=$runner/out/$1
    log=$runner/$target.log
    [ "$(head -c 4 "$binary" | tail -c 3)" = ELF ] || { echo 'is no program'; return; }
    grep -q LLVMFuzzerTestOneInput "$binary" || { echo 'is no fuzz target'; return; }
    local library
    # What is in the runner's image: libc6, libgcc and libstdc++.
    for library in $(ldd "$binary" | awk '{ print $1 }'); do
        case $(basename "$library") in
        linux-vdso.so.1 | ld-linux-x86-64.so.2 | libc.so.6 | libm.so.6 | libdl.so.2) ;;
        libpthread.so.0 | librt.so.1 | libgcc_s.so.1 | libstdc++.so.6) ;;
        *) echo "needs $library, which the runner does not have"; return ;;
        esac
    done
    if [ "$SANITIZER" = coverage ]; then
        check_profile "$target"
        return
    fi
    # A process substitution would be killed by grep's early end, so all is read.
    local calls
    calls=$(objdump -d --no-show-raw-insn "$binary" | grep -c 'call.*<__asan')
    [ "$calls" -ge 1000 ] || { echo "has $calls calls of AddressSanitizer"; return; }
    run_fuzzer "$target" -seed=1337 -runs=4 || true
    local edges
    edges=$(sed -n 's/.*Loaded .* module.*counters): *\([0-9]*\).*/\1/p' "$log" | head -n 1)
    [ "${edges:-0}" -ge 100 ] || { echo "has ${edges:-no} edges"; return; }
    grep -q '^INFO: [0-9]* Extra Counters' "$log" || { echo 'says nothing of rules'; return; }
    grep -q 'Done 4 runs' "$log" || { echo 'crashes or ends at its start'; return; }
    seeds "$target"
    run_fuzzer "$target" -runs=0 "$runner/tmp/$target" || echo 'crashes on its seed corpus'
}

# Unpacks a target's seed corpus.
seeds() {
    local folder=$runner/tmp/$1
    mkdir -p "$folder"
    unzip -q -o -d "$folder" "$runner/out/$1_seed_corpus.zip"
    chmod -R a+rX "$folder"
}

# The coverage job merges the corpus into nothing, and reads the profile that this writes.
check_profile() {
    seeds "$1"
    mkdir -m 777 "$runner/tmp/$1.merged"
    run_fuzzer "$1" -merge=1 -timeout=100 "$runner/tmp/$1.merged" "$runner/tmp/$1" || true
    [ -s "$runner/tmp/$1.profraw" ] || echo 'writes no profile'
}

# Says of each target what is wrong with it. Fails if something is.
judge() {
    local target what broken=0
    for target in "$@"; do
        what=$(wrong "$target")
        echo "$target: ${what:-good} ($SECONDS s)"
        if [ -n "$what" ]; then
            broken=$((broken + 1))
            tail -n 40 "$runner/$target.log" 2>/dev/null || true
        fi
    done
    [ "$broken" -eq 0 ]
}
judge "${targets[@]}" || fail 'a target is broken'

victim=${targets[0]}
if [ "$SANITIZER" = address ]; then
    step 'cargo fuzz runs a target and prints an input'
    export CARGO_TARGET_DIR=$WORK/target
    mkdir "$runner/corpus"
    cargo fuzz run -s none "$victim" "$runner/corpus" -- -runs=100 -seed=1
    printf 'an input' > "$runner/input"
    cargo fuzz fmt -s none "$victim" "$runner/input" > "$runner/printed" 2>&1
    grep -A 3 'Output of `std::fmt::Debug`' "$runner/printed"
fi

step 'with one broken target, all of this fails'
chmod -R u+w "$runner/out"
if [ "$SANITIZER" = address ]; then
    printf '[libfuzzer]\nrss_limit_mb=1\n' >> "$runner/out/$victim.options"
    ! judge "$victim" > "$runner/judged" || fail "$victim passes with one megabyte of memory"
fi
cp "$(type -P true)" "$runner/out/$victim"
! judge "${targets[@]: -1}" "$victim" > "$runner/judged" || fail 'a program that is no target passes'
grep "^$victim: is no fuzz target" "$runner/judged"

echo "${#targets[@]} targets are good ($SECONDS s)"
