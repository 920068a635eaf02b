################################################################################
#
# ledgerctl
#
################################################################################

LEDGERCTL_VERSION = $(LEDGER_VERSION)
LEDGERCTL_SITE = $(LEDGER_SITE)
LEDGERCTL_SITE_METHOD = git
LEDGERCTL_SOURCE = $(LEDGER_SOURCE)
LEDGERCTL_DL_SUBDIR = ledger
LEDGERCTL_LICENSE = $(LEDGER_LICENSE)
LEDGERCTL_LICENSE_FILES = $(LEDGER_LICENSE_FILES)
LEDGERCTL_DEPENDENCIES = host-pkgconf libseccomp
LEDGERCTL_CARGO_ENV = $(LEDGER_CARGO_ENV)
LEDGERCTL_CARGO_BUILD_OPTS = --package cli
LEDGERCTL_POST_PATCH_HOOKS += LEDGER_PATCH_LIBCONTAINER

define LEDGERCTL_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 $(@D)/$(LEDGER_CARGO_OUT)/ledgerctl \
		$(TARGET_DIR)/usr/bin/ledgerctl
endef

$(eval $(cargo-package))
