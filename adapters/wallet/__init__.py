"""The wallet over HTTP, by the contract in docs/wallet-contract.yaml."""
