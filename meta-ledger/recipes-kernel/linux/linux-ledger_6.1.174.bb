SUMMARY = "The kernel of the ledger appliance"
DESCRIPTION = "The series that the project's own images have, with the fragments of board/ and nothing else."
HOMEPAGE = "https://www.kernel.org"
SECTION = "kernel"
LICENSE = "GPL-2.0-only"
LIC_FILES_CHKSUM = "file://COPYING;md5=6bc538ed5bd9a7fc9398086aedcd7e46"

inherit kernel ledger-kernel

SRC_URI = "${KERNELORG_MIRROR}/linux/kernel/v6.x/linux-${PV}.tar.xz"
SRC_URI[sha256sum] = "ed88346df623ae9150d11b5feb16ddb52c25aef563bb7803ab160bb4493fe06e"

S = "${@d.getVar('UNPACKDIR') or d.getVar('WORKDIR')}/linux-${PV}"

# No module, and no device tree but those of board/, which ledger-image.bbclass makes.
KERNEL_DEVICETREE = ""
