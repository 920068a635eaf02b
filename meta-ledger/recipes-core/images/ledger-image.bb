SUMMARY = "The ledger appliance"
DESCRIPTION = "A card with two slots, a verified root, the agent and its dapps."
LICENSE = "MIT"

inherit image ledger-image

IMAGE_FEATURES = "read-only-rootfs"
IMAGE_LINGUAS = ""
PACKAGE_INSTALL = "packagegroup-ledger"
# Nothing but what is named: no init manager, no modules, no package manager.
IMAGE_INSTALL = ""
