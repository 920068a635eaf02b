SUMMARY = "The agent of the ledger appliance"
DESCRIPTION = "Keeps an organisation's ledger, runs its dapps in containers, drives readers and relays."
SECTION = "net"

require ledger-common.inc

DEPENDS += "libseccomp"

CARGO_BUILD_FLAGS += "--package agent --package card --package ntp"
