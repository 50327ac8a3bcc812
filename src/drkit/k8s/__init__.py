"""What Kubernetes runs of a configuration: pure, from systems to documents to text. It must not talk to a cluster."""
