FILESEXTRAPATHS:prepend := "${LEDGER_ROOT}/board/common:"

SRC_URI:append = "${@bb.utils.contains('DISTRO_FEATURES', 'ledger', ' file://busybox.cfg', '', d)}"
