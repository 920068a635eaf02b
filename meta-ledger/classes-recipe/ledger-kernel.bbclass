# The kernel's configuration: nothing, and what board/'s fragments say. A line of them that does not stick fails the build.

require conf/ledger-machines.inc

do_configure[depends] += "ledger-imager-native:do_populate_sysroot"
do_configure[file-checksums] += "${LEDGER_ROOT}/board:True"

do_configure:append () {
    oe_runmake -C ${S} O=${B} tinyconfig
    ledger-image fragments --boards ${LEDGER_ROOT}/board --board ${LEDGER_BOARD} >> ${B}/.config
    oe_runmake -C ${S} O=${B} olddefconfig
    ledger-image kernel-options --boards ${LEDGER_ROOT}/board --board ${LEDGER_BOARD} --config ${B}/.config
}
