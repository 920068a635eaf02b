#!/bin/sh
# Buildroot's call at the end: from kernel, root and boot loaders to a card and an update bundle.
#
# post-image.sh BINARIES_DIR BOARD LINUX_DIR BUSYBOX_DIR UBOOT_DIR
set -eu
images=$1 board=$2 linux=$3
boards=$(realpath "$BR2_EXTERNAL_LEDGER_PATH/../board")
firmware=$images/firmware
parts=$images/parts

ledger() {
	step=$1
	shift
	"$HOST_DIR/bin/ledger-image" "$step" --boards "$boards" --board "$board" "$@"
}

# Boot loaders and firmware, by the names that they have on the card.
rm -rf "$firmware" "$parts"
mkdir -p "$firmware" "$parts"
for file in u-boot.bin u-boot.img MLO; do
	[ ! -f "$images/$file" ] || cp "$images/$file" "$firmware/"
done
for file in "$images"/rpi-firmware/*; do
	[ ! -f "$file" ] || cp "$file" "$firmware/"
done
[ ! -f "$firmware/LICENCE.broadcom" ] || mv "$firmware/LICENCE.broadcom" "$firmware/LICENCE.firmware"

ledger trees --source "$linux" --compiler gcc --to "$parts/trees"
ledger parts --kernel "$images" --root "$images/rootfs.erofs" --trees "$parts/trees" --firmware "$firmware" --to "$parts"
ledger card --to "$parts"
mv "$parts/card.img" "$parts/update.tar" "$images/"
