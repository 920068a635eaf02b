################################################################################
#
# ledger-dapps
#
################################################################################

LEDGER_DAPPS_VERSION = $(LEDGER_VERSION)
LEDGER_DAPPS_SITE = $(LEDGER_SITE)
LEDGER_DAPPS_SITE_METHOD = git
LEDGER_DAPPS_SOURCE = $(LEDGER_SOURCE)
LEDGER_DAPPS_DL_SUBDIR = ledger
LEDGER_DAPPS_LICENSE = $(LEDGER_LICENSE)
LEDGER_DAPPS_LICENSE_FILES = $(LEDGER_LICENSE_FILES)
# A dapp's container has its program and nothing else, so it is linked
# statically. The first flag is Buildroot's own for 32-bit ARM.
LEDGER_DAPPS_CARGO_ENV = \
	CARGO_TARGET_$(call UPPERCASE,$(RUSTC_TARGET_NAME))_RUSTFLAGS="$(if $(BR2_arm),-Clink-arg=-Wl$(comma)--allow-multiple-definition) -Ctarget-feature=+crt-static" \
	$(LEDGER_CARGO_ENV)
LEDGER_DAPPS_CARGO_BUILD_OPTS = --package doorbot --package lockout

define LEDGER_DAPPS_INSTALL_TARGET_CMDS
	$(foreach dapp,doorbot lockout, \
		$(INSTALL) -D -m 0755 $(@D)/$(LEDGER_CARGO_OUT)/$(dapp) \
			$(TARGET_DIR)/usr/share/ledger/dapps/$(dapp)/$(dapp)
		$(INSTALL) -D -m 0644 $(@D)/dapps/$(dapp)/dapp.toml \
			$(TARGET_DIR)/usr/share/ledger/dapps/$(dapp)/dapp.toml
	)
endef

$(eval $(cargo-package))
