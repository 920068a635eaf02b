SUMMARY = "Makes slots, cards and update bundles"
DESCRIPTION = "The program that the project makes its own images with, for the classes of this layer."
SECTION = "devel"

require ledger-common.inc

CARGO_BUILD_FLAGS += "--package imager"

# nooelint: oelint.var.inheritlast.native
inherit_defer native
