################################################################################
#
# The ledger appliance
#
################################################################################

# The checkout that this layer lies in, its board folder, and its source at the
# commit that is checked out: the commit names what is built, to the byte, and
# Cargo.lock has the checksum of every crate, which cargo compares.
LEDGER_CHECKOUT = $(realpath $(BR2_EXTERNAL_LEDGER_PATH)/..)
LEDGER_SITE = $(or $(call qstrip,$(BR2_LEDGER_REPOSITORY)),file://$(LEDGER_CHECKOUT))
LEDGER_VERSION := $(or $(call qstrip,$(BR2_LEDGER_REVISION)),$(shell git -C $(BR2_EXTERNAL_LEDGER_PATH) rev-parse HEAD))
LEDGER_SOURCE = ledger-$(LEDGER_VERSION)$(BR_FMT_VERSION_git)$(BR_FMT_VERSION_cargo).tar.gz
LEDGER_LICENSE = MIT or Apache-2.0
LEDGER_LICENSE_FILES = LICENSE-MIT LICENSE-APACHE
BR_NO_CHECK_HASH_FOR += $(LEDGER_SOURCE)

# Sizes and speeds are those of the release profile in Cargo.toml.
LEDGER_CARGO_ENV = env \
	-u CARGO_PROFILE_RELEASE_OPT_LEVEL \
	-u CARGO_PROFILE_RELEASE_CODEGEN_UNITS \
	-u CARGO_PROFILE_RELEASE_LTO

LEDGER_CARGO_OUT = target/$(RUSTC_TARGET_NAME)/$(if $(BR2_ENABLE_DEBUG),debug,release)

# One crate is patched for 32-bit ARM (docs/decisions/0016-arm32.md). Cargo
# compares the files of vendored crates, so the list of them goes.
ifeq ($(BR2_arm),y)
define LEDGER_PATCH_LIBCONTAINER
	$(APPLY_PATCHES) $(@D)/VENDOR/libcontainer $(@D)/tools/xtask/patches \
		libcontainer-arm.patch
	$(SED) 's/"files":{[^}]*}/"files":{}/' \
		$(@D)/VENDOR/libcontainer/.cargo-checksum.json
endef
endif

# The kernel begins with nothing, and the fragments of board/ say the rest.
ifeq ($(call qstrip,$(BR2_LINUX_KERNEL_DEFCONFIG)),tiny)
LINUX_KCONFIG_DEFCONFIG = tinyconfig
endif

include $(sort $(wildcard $(BR2_EXTERNAL_LEDGER_PATH)/package/*/*.mk))
