SUMMARY = "The command line of the ledger appliance"
DESCRIPTION = "Makes and joins ledgers, and looks after a box. A box needs it at its first start."
SECTION = "console/utils"

require ledger-common.inc

DEPENDS += "libseccomp"

CARGO_BUILD_FLAGS += "--package cli"
