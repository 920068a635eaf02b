#!/bin/sh
# Buildroot's call before the root becomes a file system: our files over it, and what must be true by then.
#
# post-build.sh TARGET_DIR BOARD LINUX_DIR BUSYBOX_DIR UBOOT_DIR
set -eu
root=$1 board=$2 linux=$3 busybox=$4 uboot=$5
boards=$(realpath "$BR2_EXTERNAL_LEDGER_PATH/../board")

ledger() {
	step=$1
	shift
	"$HOST_DIR/bin/ledger-image" "$step" --boards "$boards" --board "$board" "$@"
}

# An option that did not stick fails the build.
ledger kernel-options --config "$linux/.config"
ledger options --config "$busybox/.config" --fragment "$boards/common/busybox.cfg"
ledger options --config "$uboot/.config" --fragment "$boards/common/u-boot.cfg"

ledger overlay --root "$root"
ledger programs --root "$root"
