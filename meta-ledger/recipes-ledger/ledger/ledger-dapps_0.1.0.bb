SUMMARY = "The dapps that a new box can publish"
DESCRIPTION = "Doorbot and lockout: a static program and a manifest each, for containers that have nothing else."
SECTION = "misc"

require ledger-common.inc

RUSTFLAGS:append = " -C target-feature=+crt-static"
CARGO_BUILD_FLAGS += "--package doorbot --package lockout"
# They are published from here, not run.
LEDGER_DAPPS = "doorbot lockout"

do_install () {
    for dapp in ${LEDGER_DAPPS}; do
        install -d ${D}${datadir}/ledger/dapps/$dapp
        install -m 0755 ${B}/target/${CARGO_TARGET_SUBDIR}/$dapp ${D}${datadir}/ledger/dapps/$dapp/
        install -m 0644 ${S}/dapps/$dapp/dapp.toml ${D}${datadir}/ledger/dapps/$dapp/
    done
}

FILES:${PN} += "${datadir}/ledger"
