SUMMARY = "What is on every box of the ledger appliance"
DESCRIPTION = "The agent, its command line and dapps, and the few programs that the box's scripts call."

require conf/ledger-machines.inc

PACKAGE_ARCH = "${MACHINE_ARCH}"

inherit packagegroup

# Boards with a radio have more.
LEDGER_RADIOS[raspberrypi] = "\
    linux-firmware-rpidistro-bcm43430 \
    linux-firmware-rpidistro-bcm43455 \
    linux-firmware-rpidistro-bcm43456 \
    wpa-supplicant \
"
LEDGER_WIRELESS ?= "${@d.getVarFlag('LEDGER_RADIOS', d.getVar('LEDGER_BOARD')) or ''}"

RDEPENDS:${PN} = "\
    ${LEDGER_WIRELESS} \
    busybox \
    ca-certificates \
    dropbear \
    e2fsprogs-e2fsck \
    e2fsprogs-resize2fs \
    ledger-dapps \
    ledger-init \
    ledgerctl \
    ledgerd \
    util-linux-resizepart \
"
