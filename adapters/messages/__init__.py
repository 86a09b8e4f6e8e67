"""SMS and mail, by docs/message-gateway.yaml."""
