################################################################################
#
# ledger-image
#
################################################################################

LEDGER_IMAGE_VERSION = $(LEDGER_VERSION)
LEDGER_IMAGE_SITE = $(LEDGER_SITE)
LEDGER_IMAGE_SITE_METHOD = git
LEDGER_IMAGE_SOURCE = $(LEDGER_SOURCE)
LEDGER_IMAGE_DL_SUBDIR = ledger
LEDGER_IMAGE_LICENSE = $(LEDGER_LICENSE)
LEDGER_IMAGE_LICENSE_FILES = $(LEDGER_LICENSE_FILES)
HOST_LEDGER_IMAGE_CARGO_BUILD_OPTS = --package imager

# The programs that it calls.
HOST_LEDGER_IMAGE_DEPENDENCIES = \
	host-dosfstools \
	host-dtc \
	host-e2fsprogs \
	host-genimage \
	host-mtools

define HOST_LEDGER_IMAGE_INSTALL_CMDS
	$(INSTALL) -D -m 0755 $(@D)/target/release/ledger-image \
		$(HOST_DIR)/bin/ledger-image
endef

$(eval $(host-cargo-package))
