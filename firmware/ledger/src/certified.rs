//! Whether a block of a branch is final.
//!
//! A genesis and a fork are: nobody has to agree to them. A merge is final by the weight of its author alone, or by a
//! certificate. The certificate of a merge is carried by the next merge of the branch, which is refused without it; that
//! of the head, which has no next, is kept beside the store.

use crate::{
    block::{Block, BlockError},
    check::BlockFault,
    clone::is_alone,
    finality::{Certificate, CertificateFault, Validators, ValidatorsError},
    object::Objects,
    state::StateError,
    trailers::BlockKind,
};
use model::BlockId;

/// A merge block that is not shown to be final.
#[derive(Debug, thiserror::Error)]
pub enum FinalityFault {
    /// There is no certificate where one is needed.
    #[error(
        "nothing shows that {block} is final: its author has not more than two thirds of the weight alone, and there is no certificate"
    )]
    NoCertificate {
        /// The block.
        block: BlockId,
    },
    /// The certificate is of another block.
    #[error("the certificate is not of {block}")]
    OtherBlock {
        /// The block.
        block: BlockId,
    },
    /// The certificate shows nothing.
    #[error(transparent)]
    Certificate(#[from] CertificateFault),
    /// The validators are not known.
    #[error(transparent)]
    Validators(#[from] ValidatorsError),
    /// The state could not be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// A block could not be read.
    #[error(transparent)]
    Block(#[from] BlockError),
}

impl FinalityFault {
    /// Whether the store could not be read; another try may work.
    pub fn is_store_failure(&self) -> bool {
        match self {
            Self::Validators(error) => error.is_store_failure(),
            Self::State(error) => error.is_store_failure(),
            Self::Block(error) => error.is_store_failure(),
            Self::NoCertificate { .. } | Self::OtherBlock { .. } | Self::Certificate(_) => false,
        }
    }
}

/// Whether a block of a branch is final: by itself, by its author's weight, or by this certificate.
pub fn check_final(
    objects: &dyn Objects,
    block: &Block,
    certificate: Option<&Certificate>,
) -> Result<(), FinalityFault> {
    let (BlockKind::Merge, Some(main)) = (block.kind, block.main()) else { return Ok(()) };
    let Some(certificate) = certificate else {
        let alone = is_alone(objects, block)?;
        return if alone { Ok(()) } else { Err(FinalityFault::NoCertificate { block: block.id }) };
    };
    let said = (certificate.org, &certificate.branch, Some(certificate.height), certificate.block);
    if said != (block.org, &block.branch, block.height, block.id) {
        return Err(FinalityFault::OtherBlock { block: block.id });
    }
    Ok(certificate.check(&Validators::at(objects, main, &block.branch)?)?)
}

/// The block of the branch below a merge is final: the merge carries its certificate, if it needs one.
pub(crate) fn check_below(objects: &dyn Objects, block: &Block, main: &Block) -> Result<(), BlockFault> {
    if main.kind != BlockKind::Merge && block.certificate.is_some() {
        return Err(FinalityFault::OtherBlock { block: main.id }.into());
    }
    Ok(check_final(objects, main, block.certificate.as_ref())?)
}
