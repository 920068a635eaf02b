# An image of the appliance: our files over the root, its hashes, both slots, the card, the update bundle.
#
# ledger-image, the program that the project makes its own images with, does the work; this says what it works on. Beside
# the card (wic) an image has a file `.ledger`: the bundle that a release is published from.

require conf/ledger-machines.inc

LEDGER_PARTS = "${WORKDIR}/ledger-parts"
LEDGER_FIRMWARE = "${WORKDIR}/ledger-firmware"
LEDGER_STEP = "--boards ${LEDGER_ROOT}/board --board ${LEDGER_BOARD}"

IMAGE_FSTYPES = "erofs ledger wic wic.bmap"
IMAGE_TYPES += "ledger"
# nooelint: oelint.vars.specific,oelint.vars.mispell
IMAGE_TYPEDEP:ledger = "erofs"
# nooelint: oelint.vars.specific,oelint.vars.mispell
IMAGE_TYPEDEP:wic = "ledger"
# nooelint: oelint.vars.specific
EXTRA_IMAGECMD:erofs = "-T0 --all-root -x-1 -U 6c656467-6572-4000-8000-000000000001"
# nooelint: oelint.vars.specific,oelint.vars.mispell
IMAGE_CMD:ledger = "ledger_make_parts"

WKS_FILE = "ledger-${LEDGER_BOARD}.wks"
WKS_SEARCH_PATH:prepend = "${LEDGER_LAYER}/files/wic:"
WICVARS:append = " LEDGER_PARTS"

# After what the classes do to accounts and links.
ROOTFS_POSTPROCESS_COMMAND:append = " ledger_lay_over"

do_rootfs[depends] += "ledger-imager-native:do_populate_sysroot"
do_rootfs[file-checksums] += "${LEDGER_ROOT}/board:True"
do_image_ledger[depends] += "\
    ledger-imager-native:do_populate_sysroot \
    dosfstools-native:do_populate_sysroot \
    dtc-native:do_populate_sysroot \
    e2fsprogs-native:do_populate_sysroot \
    mtools-native:do_populate_sysroot \
    virtual/kernel:do_deploy \
    virtual/kernel:do_shared_workdir \
    ${LEDGER_BOOT_DEPENDS} \
"
do_image_ledger[doc] = "Makes slots, first partition, boot state, data partition and the update bundle"
do_image_ledger[cleandirs] += "${LEDGER_PARTS} ${LEDGER_FIRMWARE}"

ledger_lay_over () {
    ledger-image overlay ${LEDGER_STEP} --root ${IMAGE_ROOTFS}
    ledger-image programs ${LEDGER_STEP} --root ${IMAGE_ROOTFS}
}

ledger_make_parts () {
    for file in ${@' '.join('"%s"' % file for file in d.getVar('LEDGER_BOOT_FILES').split())}; do
        from=${DEPLOY_DIR_IMAGE}/$(echo "$file" | cut -d';' -f1)
        install -m 0644 $from ${LEDGER_FIRMWARE}/$(basename $(echo "$file" | sed 's/.*;//'))
    done
    ledger-image trees ${LEDGER_STEP} --source ${STAGING_KERNEL_DIR} --compiler gcc --to ${LEDGER_PARTS}/trees
    ledger-image parts ${LEDGER_STEP} --kernel ${DEPLOY_DIR_IMAGE} --root ${IMGDEPLOYDIR}/${IMAGE_NAME}.erofs \
        --trees ${LEDGER_PARTS}/trees --firmware ${LEDGER_FIRMWARE} --to ${LEDGER_PARTS}
    mv ${LEDGER_PARTS}/update.tar ${IMGDEPLOYDIR}/${IMAGE_NAME}.ledger
}
