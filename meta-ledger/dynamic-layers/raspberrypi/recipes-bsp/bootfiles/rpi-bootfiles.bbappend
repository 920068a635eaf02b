# The firmware may be passed on with its licence beside it.
do_deploy:append () {
    if ${@bb.utils.contains('DISTRO_FEATURES', 'ledger', 'true', 'false', d)}; then
        install -m 0644 ${S}/LICENCE.broadcom ${DEPLOYDIR}/${BOOTFILES_DIR_NAME}/
    fi
}
