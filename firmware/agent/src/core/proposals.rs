//! How writers' blocks stand, for those who wait for them.

use super::{Core, CoreError, standing};
use crate::wire::{ProposalStatus, Proposals, ProposalsQuery, Standing};
use ledger::Block;
use model::BlockId;
use replica::{Proposal, ReplicaError, Status};

impl Core {
    /// Writers' newest blocks, newest last; or the one block that is asked for.
    pub fn proposals(&mut self, query: &ProposalsQuery) -> Result<Proposals, CoreError> {
        let (block, height) = (self.view.head, self.view.height);
        let proposals = match query.head {
            Some(head) => self.proposal(head)?.into_iter().collect(),
            None => {
                let all = self.with(|replica| replica.proposals())?.into_iter().map(shown);
                all.filter(|proposal| query.all || proposal.state != Standing::Final).collect()
            }
        };
        Ok(Proposals { block, height, proposals })
    }

    fn proposal(&mut self, head: BlockId) -> Result<Option<ProposalStatus>, CoreError> {
        let status = self.with(|replica| replica.status_of(head))?;
        if status == Status::Unknown {
            return Ok(None);
        }
        let block = Block::read(&self.objects, head).map_err(ReplicaError::from)?;
        let (writer, name, at, subject) = (block.author, block.author_name, block.at, block.subject);
        Ok(Some(shown(Proposal { writer, name, head, at, subject, status })))
    }
}

fn shown(proposal: Proposal) -> ProposalStatus {
    let Proposal { writer: key, name: writer, head, at, subject, status } = proposal;
    let (state, reason) = standing(status);
    ProposalStatus { head, key, writer, at, subject, state, reason }
}
