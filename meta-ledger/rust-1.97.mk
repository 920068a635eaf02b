################################################################################
#
# Rust for Buildroot 2026.02
#
################################################################################

# Buildroot 2026.02 has Rust 1.88, and our crates want 1.91. With
#   make BR2_PACKAGE_OVERRIDE_FILE=<this file>
# it takes the release that Buildroot 2026.08 has. patches/rust-bin has the hashes.
override RUST_BIN_VERSION = 1.97.1
