#!/bin/bash -eu
# Builds the fuzz targets for OSS-Fuzz and ClusterFuzzLite, with what belongs to them, into `$OUT`.
#
#     SRC=... OUT=... WORK=... build.sh [TARGET...]
#
# It is called by `compile` of OSS-Fuzz's base image, which sets these variables, `RUSTFLAGS` and
# others. `try.sh` does so without that image. Without arguments it builds every target.

cd "$SRC/gcrucible"
settings=fuzz/oss-fuzz

# The image's toolchain may be older than `rust-version` in Cargo.toml.
minor() { sed -n "s/^$1 *\"\{0,1\}1\.\([0-9]*\).*/\1/p"; }
has=$(rustc --version | minor 'rustc')
needs=$(minor 'rust-version =' < Cargo.toml)
if [ "$has" -lt "$needs" ]; then
    export RUSTUP_TOOLCHAIN=nightly-2026-05-20
    rustup toolchain install "$RUSTUP_TOOLCHAIN" --profile minimal --component rust-src
fi

if [ $# -gt 0 ]; then
    targets=("$@")
else
    mapfile -t targets < <(basename -s .rs fuzz/fuzz_targets/*.rs)
fi

# `-s none`: the sanitizer is in RUSTFLAGS if there is one. The profile `release` already has debug
# assertions.
export CARGO_TARGET_DIR=$WORK/target
if [ $# -gt 0 ]; then
    for target in "${targets[@]}"; do
        cargo fuzz build -s none "$target"
    done
else
    cargo fuzz build -s none
fi

for target in "${targets[@]}"; do
    cp "$CARGO_TARGET_DIR/x86_64-unknown-linux-gnu/release/$target" "$OUT/"
    cp "$settings/default.options" "$OUT/$target.options"
    cp "$settings/default.dict" "$OUT/$target.dict"
    rm -f "$OUT/${target}_seed_corpus.zip"
    zip --quiet --junk-paths --recurse-paths "$OUT/${target}_seed_corpus.zip" "fuzz/corpus/$target"
done
