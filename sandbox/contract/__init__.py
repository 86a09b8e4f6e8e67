"""The routes of docs/wallet-contract.yaml and docs/message-gateway.yaml."""
