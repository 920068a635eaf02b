FILESEXTRAPATHS:prepend := "${LEDGER_ROOT}/board/common:"

# Readers type: no box waits for a key. boot.scr and the slot's script are on the card, made by ledger-image.bbclass.
SRC_URI:append = "${@bb.utils.contains('DISTRO_FEATURES', 'ledger', ' file://u-boot.cfg', '', d)}"
