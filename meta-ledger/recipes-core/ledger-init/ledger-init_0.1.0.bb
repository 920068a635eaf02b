SUMMARY = "Init's table and the scripts of a box"
DESCRIPTION = "What busybox init starts on a box of the ledger appliance, and the board's pin map."
SECTION = "base"
LICENSE = "MIT | Apache-2.0"
LIC_FILES_CHKSUM = "file://LICENSE-MIT;md5=822ffa42db5209c2838980ae64a21517"

DEPENDS = "ledger-imager-native"

FILESEXTRAPATHS:prepend := "${LEDGER_ROOT}:"
SRC_URI = "\
    file://LICENSE-MIT;subdir=ledger \
    file://board;subdir=ledger \
"

S = "${@d.getVar('UNPACKDIR') or d.getVar('WORKDIR')}/ledger"

require conf/ledger-machines.inc

# Accounts, host names and links of the base packages are laid over by ledger-image.bbclass, when those packages are there.
do_install () {
    ledger-image overlay --boards ${S}/board --board ${LEDGER_BOARD} --root ${WORKDIR}/overlay
    install -d ${D}${sysconfdir} ${D}${nonarch_libdir} ${D}${datadir}
    cp -R --no-dereference ${WORKDIR}/overlay/etc/inittab ${WORKDIR}/overlay/etc/ledger ${D}${sysconfdir}/
    cp -R --no-dereference ${WORKDIR}/overlay/usr/lib/ledger ${D}${nonarch_libdir}/
    cp -R --no-dereference ${WORKDIR}/overlay/usr/share/ledger ${D}${datadir}/
}
do_install[cleandirs] += "${WORKDIR}/overlay"

PACKAGE_ARCH = "${MACHINE_ARCH}"

FILES:${PN} += "${nonarch_libdir}/ledger ${datadir}/ledger"

RDEPENDS:${PN} = "busybox"
RREPLACES:${PN} = "busybox-inittab"
RPROVIDES:${PN} = "busybox-inittab"
RCONFLICTS:${PN} = "busybox-inittab"
