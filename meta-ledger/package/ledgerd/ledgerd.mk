################################################################################
#
# ledgerd
#
################################################################################

LEDGERD_VERSION = $(LEDGER_VERSION)
LEDGERD_SITE = $(LEDGER_SITE)
LEDGERD_SITE_METHOD = git
LEDGERD_SOURCE = $(LEDGER_SOURCE)
LEDGERD_DL_SUBDIR = ledger
LEDGERD_LICENSE = $(LEDGER_LICENSE)
LEDGERD_LICENSE_FILES = $(LEDGER_LICENSE_FILES)
LEDGERD_DEPENDENCIES = host-pkgconf libseccomp
LEDGERD_CARGO_ENV = $(LEDGER_CARGO_ENV)
LEDGERD_CARGO_BUILD_OPTS = --package agent --package card --package ntp
LEDGERD_POST_PATCH_HOOKS += LEDGER_PATCH_LIBCONTAINER

define LEDGERD_INSTALL_TARGET_CMDS
	$(foreach program,ledgerd ledger-card ledger-ntp, \
		$(INSTALL) -D -m 0755 $(@D)/$(LEDGER_CARGO_OUT)/$(program) \
			$(TARGET_DIR)/usr/bin/$(program)
	)
endef

$(eval $(cargo-package))
